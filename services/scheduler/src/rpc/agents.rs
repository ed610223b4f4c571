//! `lbaas.v1.Agents`

use ballast_model::{
    agent::Agent as Model,
    check,
    fault::{Fault, Kind},
};
use ballast_proto::{
    convert,
    v1::{
        Agent, DeleteRequest, GetRequest, ListAgentsResponse, ListPoolsResponse, ListRequest, Pool, UpdateAgentRequest,
        agents_server,
    },
};
use tonic::{Request, Response, Status};

use super::{
    Api,
    decode::{Mask, body, caller, id, next_page_token, query},
    pools::to_pool,
    refuse,
};

fn agent_not_found(id: &str) -> Fault {
    Fault::not_found(Kind::Agent, id)
}

impl Api {
    fn encode(&self, agent: &Model) -> Agent {
        convert::to_agent(agent, self.0.liveness(agent))
    }
}

#[tonic::async_trait]
impl agents_server::Agents for Api {
    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Agent>, Status> {
        let (caller, id) = (caller(&request), id(&request.get_ref().id, agent_not_found).map_err(refuse)?);
        self.0.agent(&caller, id).await.map(|agent| Response::new(self.encode(&agent))).map_err(refuse)
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListAgentsResponse>, Status> {
        let caller = caller(&request);
        let query = query(&caller, request.into_inner()).map_err(refuse)?;
        let page = self.0.agents(&caller, query).await.map_err(refuse)?;
        let agents: Vec<Agent> = page.items.iter().map(|agent| self.encode(agent)).collect();
        let next_page_token = next_page_token(page.more, agents.last().map(|last| last.id.as_str()));
        Ok(Response::new(ListAgentsResponse { agents, next_page_token }))
    }

    async fn update(&self, request: Request<UpdateAgentRequest>) -> Result<Response<Agent>, Status> {
        let (caller, request) = (caller(&request), request.into_inner());
        let agent = body("agent", request.agent).map_err(refuse)?;
        let id = id(&agent.id, agent_not_found).map_err(refuse)?;
        let mask = Mask::new("Agent", request.update_mask, &["admin_state_up", "description"]).map_err(refuse)?;
        let up = mask.pick("admin_state_up", true, agent.admin_state_up);
        let description = mask.pick("description", !agent.description.is_empty(), agent.description);
        let description = description.map(|text| check::text("description", text, check::MAX_TEXT)).transpose();
        let description = description.map_err(refuse)?;
        let changed = self.0.update_agent(&caller, id, (up, description)).await.map_err(refuse)?;
        Ok(Response::new(self.encode(&changed)))
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        let (caller, id) = (caller(&request), id(&request.get_ref().id, agent_not_found).map_err(refuse)?);
        self.0.delete_agent(&caller, id).await.map(Response::new).map_err(refuse)
    }

    async fn list_pools(&self, request: Request<GetRequest>) -> Result<Response<ListPoolsResponse>, Status> {
        let (caller, id) = (caller(&request), request.get_ref().id.parse().unwrap_or_default());
        let found = self.0.pools_of_agent(&caller, id).await.map_err(refuse)?;
        let pools: Vec<Pool> = found.iter().map(to_pool).collect::<Result<_, _>>().map_err(refuse)?;
        Ok(Response::new(ListPoolsResponse { pools, next_page_token: String::new() }))
    }
}

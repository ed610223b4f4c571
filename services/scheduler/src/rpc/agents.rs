//! `lbaas.v1.Agents`

use ballast_model::{
    agent::Agent as Model,
    check,
    fault::{Fault, Kind},
};
use ballast_proto::{
    convert,
    v1::{
        self, Agent, DeleteAgentRequest, GetRequest, ListAgentsResponse, ListPoolsResponse, ListRequest, Pool,
        UpdateAgentRequest, agents_server,
    },
};
use tonic::{Request, Response, Status};

use crate::app::Emptying;

use super::{
    Api, answer,
    decode::{Mask, body, caller, id, next_page_token, query},
    pools::to_pool,
};

/// Of those that stay for one reason.
const SHOWN: usize = 10;

fn agent_not_found(id: &str) -> Fault {
    Fault::not_found(Kind::Agent, id)
}

impl Api {
    fn encode(&self, agent: &Model) -> Agent {
        convert::to_agent(agent, self.0.liveness(agent))
    }
}

fn to_emptying(Emptying { moving, staying }: Emptying) -> v1::Emptying {
    let staying = staying.into_iter().map(|(why, ids)| v1::Staying {
        why,
        load_balancers: u32::try_from(ids.len()).unwrap_or(u32::MAX),
        load_balancer_ids: ids.iter().take(SHOWN).map(ToString::to_string).collect(),
    });
    v1::Emptying { moving, staying: staying.collect() }
}

#[tonic::async_trait]
impl agents_server::Agents for Api {
    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Agent>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, agent_not_found)?);
            let agent = self.0.agent(&caller, id).await?;
            let emptying = if agent.admin_state_up { None } else { Some(self.0.emptying(id).await?) };
            Ok(Agent { emptying: emptying.map(to_emptying), ..self.encode(&agent) })
        })
        .await
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListAgentsResponse>, Status> {
        answer(async {
            let caller = caller(&request);
            let query = query(&caller, request.into_inner())?;
            let page = self.0.agents(&caller, query).await?;
            let agents: Vec<Agent> = page.items.iter().map(|agent| self.encode(agent)).collect();
            let next_page_token = next_page_token(page.more, agents.last().map(|last| last.id.as_str()));
            Ok(ListAgentsResponse { agents, next_page_token })
        })
        .await
    }

    async fn update(&self, request: Request<UpdateAgentRequest>) -> Result<Response<Agent>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let agent = body("agent", request.agent)?;
            let id = id(&agent.id, agent_not_found)?;
            let mask = Mask::new::<Agent>(request.update_mask, &["admin_state_up", "description"])?;
            let up = mask.pick("admin_state_up", true, agent.admin_state_up);
            let description = mask.pick("description", !agent.description.is_empty(), agent.description);
            let description = description.map(|text| check::text("description", text, check::MAX_TEXT)).transpose();
            let description = description?;
            let changed = self.0.update_agent(&caller, id, up, description).await?;
            Ok(self.encode(&changed))
        })
        .await
    }

    async fn delete(&self, request: Request<DeleteAgentRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, agent_not_found)?);
            if request.get_ref().force {
                self.0.empty_agent(&caller, id).await?;
            }
            self.0.delete_agent(&caller, id, request.get_ref().force).await
        })
        .await
    }

    async fn list_pools(&self, request: Request<GetRequest>) -> Result<Response<ListPoolsResponse>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), request.get_ref().id.parse().unwrap_or_default());
            let found = self.0.pools_of_agent(&caller, id).await?;
            let pools: Vec<Pool> = found.iter().map(to_pool).collect::<Result<_, _>>()?;
            Ok(ListPoolsResponse { pools, next_page_token: String::new() })
        })
        .await
    }
}

//! `lbaas.v2.Overview`

use ballast_model::{
    agent::Liveness,
    check,
    fault::{Fault, Form},
    ids::LoadBalancerId,
    operating::Operating,
};
use ballast_proto::{
    convert,
    v2::{
        AgentCount, AgentLiveness, ListStatsRequest, ListStatsResponse, LoadBalancerStats, OperatingCount,
        OverviewRequest, OverviewResponse, ProviderCount, ProvisioningCount, overview_server,
    },
};
use tonic::{Request, Response, Status};

use super::super::{Api, answer, decode::caller, watch::cursor};
use crate::app::{AgentSummary, Operatings, Overview, WantedStats};

/// The most of a page.
const MOST: u32 = 1_000;

#[tonic::async_trait]
impl overview_server::Overview for Api {
    async fn get(&self, request: Request<OverviewRequest>) -> Result<Response<OverviewResponse>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let overview = self.0.overview(&caller, named(&request.project_id).as_deref()).await?;
            Ok(OverviewResponse { cursor: cursor(&self.0, overview.position), ..encode(overview) })
        })
        .await
    }

    async fn list_stats(&self, request: Request<ListStatsRequest>) -> Result<Response<ListStatsResponse>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let most = if request.page_size == 0 { MOST } else { request.page_size.min(MOST) };
            let id = |id: &String| id.parse::<LoadBalancerId>().map_err(|_| check::malformed("ids", id, Form::Uuid));
            let wanted = WantedStats {
                most: usize::try_from(most).unwrap_or(1),
                ids: request.ids.iter().map(id).collect::<Result<_, Fault>>()?,
                project_id: named(&request.project_id),
                cursor: request.cursor,
            };
            let found = self.0.list_stats(&caller, &wanted).await?;
            let stats = found.stats.into_iter().map(|(id, project_id, counted)| LoadBalancerStats {
                id: id.to_string(),
                project_id,
                stats: Some(convert::to_v2_stats(&counted)),
            });
            Ok(ListStatsResponse { stats: stats.collect(), cursor: found.cursor, more: found.more })
        })
        .await
    }
}

fn named(project_id: &str) -> Option<String> {
    (!project_id.is_empty()).then(|| project_id.to_owned())
}

fn encode(overview: Overview) -> OverviewResponse {
    let provisioning = overview.provisioning.into_iter().map(|(status, oldest)| ProvisioningCount {
        status: convert::to_provisioning_of_v2(status).into(),
        count: oldest.count,
        oldest_id: oldest.id.to_string(),
        oldest_since: Some(convert::timestamp(oldest.since)),
    });
    let providers = overview.providers.into_iter().map(|(provider, count)| ProviderCount { provider, count });
    OverviewResponse {
        time: Some(convert::timestamp(overview.at)),
        cursor: String::new(),
        load_balancers: overview.load_balancers,
        provisioning: provisioning.collect(),
        operating: operating(overview.operating),
        providers: providers.collect(),
        members: operating(overview.members),
        agents: overview.agents.into_iter().map(agent).collect(),
    }
}

fn operating(counts: Operatings) -> Vec<OperatingCount> {
    let all = Operating::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0);
    all.map(|(status, count)| OperatingCount { status: convert::to_operating_of_v2(status).into(), count }).collect()
}

fn agent(summary: AgentSummary) -> AgentCount {
    let liveness = match summary.liveness {
        Liveness::Alive => AgentLiveness::Alive,
        Liveness::Suspect => AgentLiveness::Suspect,
        Liveness::Dead => AgentLiveness::Dead,
    };
    AgentCount {
        id: summary.id.to_string(),
        host: summary.host,
        liveness: liveness.into(),
        admin_state_up: summary.admin_state_up,
        load_balancers: summary.load_balancers.into(),
    }
}

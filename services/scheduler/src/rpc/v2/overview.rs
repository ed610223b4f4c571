//! `lbaas.v2.Overview`

use ballast_model::{
    agent::Liveness,
    check,
    fault::{Fault, Form},
    ids::LoadBalancerId,
    load_balancer::load_balancer_not_found,
    operating::Operating,
};
use ballast_proto::{
    convert,
    v2::{
        self, AgentCount, AgentLiveness, GetTrafficRequest, ListSchedulersRequest, ListSchedulersResponse,
        ListStatsRequest, ListStatsResponse, LoadBalancerStats, OperatingCount, OverviewRequest, OverviewResponse,
        ProviderCount, ProvisioningCount, TrafficSpan, overview_server,
    },
};
use tonic::{Request, Response, Status};

use super::super::{
    Api, answer,
    decode::{caller, id},
    watch::cursor,
};
use crate::app::{
    AgentSummary, Contested, Course, Operatings, Overview, Span, Traffic, TrafficPoint, WantedOverview, WantedStats,
};

/// The most of a page.
const MOST: u32 = 1_000;

#[tonic::async_trait]
impl overview_server::Overview for Api {
    async fn get(&self, request: Request<OverviewRequest>) -> Result<Response<OverviewResponse>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let wanted = WantedOverview {
                project_id: named(&request.project_id),
                worst: usize::try_from(request.worst.min(MOST)).unwrap_or_default(),
                with_traffic: request.with_traffic,
            };
            let overview = self.0.overview(&caller, &wanted).await?;
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

    async fn get_traffic(&self, request: Request<GetTrafficRequest>) -> Result<Response<v2::Traffic>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let span = match TrafficSpan::try_from(request.span) {
                Ok(TrafficSpan::Unspecified | TrafficSpan::TenMinutes) => Span::TenMinutes,
                Ok(TrafficSpan::TwoHours) => Span::TwoHours,
                Err(_) => return Err(check::not_one_of("span", &request.span.to_string(), SPANS)),
            };
            let id = id(&request.load_balancer_id, load_balancer_not_found)?;
            Ok(traffic(self.0.traffic(&caller, id, span).await?))
        })
        .await
    }

    async fn list_schedulers(
        &self,
        _request: Request<ListSchedulersRequest>,
    ) -> Result<Response<ListSchedulersResponse>, Status> {
        answer(async {
            let schedulers = self.0.schedulers().await?.into_iter().map(|one| v2::Scheduler {
                id: one.scheduler.id.to_string(),
                address: one.scheduler.advertised,
                version: one.scheduler.version,
                heartbeat_at: Some(convert::timestamp(one.scheduler.heartbeat_at)),
                leads: one.leads,
                answers: one.answers,
                started_at: one.scheduler.started_at.map(convert::timestamp),
            });
            Ok(ListSchedulersResponse { schedulers: schedulers.collect() })
        })
        .await
    }
}

const SPANS: [&str; 2] = ["TRAFFIC_SPAN_TEN_MINUTES", "TRAFFIC_SPAN_TWO_HOURS"];

fn traffic(told: Traffic) -> v2::Traffic {
    v2::Traffic {
        known_since: told.known_since.map(convert::timestamp),
        step_seconds: u32::try_from(told.step.as_secs()).unwrap_or(u32::MAX),
        begin: Some(convert::timestamp(told.begin)),
        points: told.points.into_iter().map(point).collect(),
    }
}

const fn point(point: TrafficPoint) -> v2::TrafficPoint {
    v2::TrafficPoint {
        bytes_in: point.bytes_in,
        bytes_out: point.bytes_out,
        new_connections: point.new_connections,
        active_connections: point.active_connections,
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
        worst_ids: overview.worst.iter().map(ToString::to_string).collect(),
        stats: overview.counted.as_ref().map(convert::to_v2_stats),
        of_late: overview.of_late.map(point),
        failover: overview.failover.map(course),
        contested: overview.contested.into_iter().map(contested).collect(),
    }
}

fn course(course: Course) -> v2::FailoverCourse {
    let (dead, of) = course.paused.unwrap_or_default();
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    v2::FailoverCourse {
        enabled: course.enabled,
        paused: course.paused.is_some(),
        dead: number(dead),
        of: number(of),
        drains: course.drains,
    }
}

fn contested(one: Contested) -> v2::Contested {
    v2::Contested {
        load_balancer_id: one.load_balancer_id.to_string(),
        count: one.count,
        last_at: Some(convert::timestamp(one.last_at)),
        what: one.what,
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

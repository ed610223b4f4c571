//! One driver, to be called from anywhere in the agent. A clone is the same driver, also after its process was replaced.

use std::{future::Future, path::PathBuf, sync::Arc, time::Duration};

use ballast_abi::{DriverError, ErrorCode, features};
use ballast_proto::driver::{
    Capabilities, DeployReply, DeployRequest, Deployed, DeployedRequest, Effect, Fault, LoadBalancer, ObjectFault,
    Observation, ObserveRequest, Preview, SecretContent, SecretsRequest, UndeployReply, UndeployRequest, driver_client,
};
use ballast_traces::{Span, SpanKind};
use tokio::time::{self, Instant};
use tonic::{Response, Status, transport::Channel};
use tracing::warn;

use super::{
    Deadlines,
    board::{Board, Call, Connection, NotNow},
    fitted::fitted,
    metrics::Call as Asked,
    steps,
    unknown::without_unknown,
};
use crate::driver_host::fault;

type Grpc = driver_client::DriverClient<Channel>;

/// What a tenant is told of a fault that is not the driver's own answer: there is no process, or it broke in the call.
const NOT_AVAILABLE: &str = "the driver is not available";
const ENDED: &str = "the driver ended during the call";
const TOO_SLOW: &str = "the driver did not answer in time";

/// How long somebody waits who wants to know what a deploy would do.
pub(crate) const PREVIEW: Duration = Duration::from_secs(2);

/// Whether a fault is not the driver's own answer: then it is unknown what has been done.
pub(crate) fn is_broken(fault: &Fault) -> bool {
    [NOT_AVAILABLE, ENDED, TOO_SLOW].contains(&fault.message.as_str())
}

/// Calls one driver. While its process is down every call is UNAVAILABLE and retryable; a call that outlasts its
/// deadline is too, and costs the process.
#[derive(Clone)]
pub struct DriverClient {
    name: Arc<str>,
    board: Arc<Board>,
    deadlines: Deadlines,
}

impl DriverClient {
    pub(super) fn new(name: &str, board: Arc<Board>, deadlines: Deadlines) -> Self {
        Self { name: name.into(), board, deadlines }
    }

    /// The driver's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many undeploys the process that runs now says that it bears at once; 0: it says nothing, or none runs.
    pub(crate) fn undeploys_at_once(&self) -> u32 {
        self.board.capabilities(&self.name).map_or(0, |capabilities| capabilities.undeploys_at_once)
    }

    /// The folder in which the namespaces of its load balancers have their names. `None`: it says of none, or does not run.
    pub(crate) fn namespaces(&self) -> Option<PathBuf> {
        let capabilities = self.board.capabilities(&self.name)?;
        (!capabilities.namespaces.is_empty()).then(|| PathBuf::from(&capabilities.namespaces))
    }

    /// Makes the device run this load balancer, and returns the objects that could not be made as asked. The driver sees
    /// none of what has a shape that it did not declare, and is not asked for what uses another feature that it did not.
    ///
    /// # Errors
    /// The driver's fault, or UNAVAILABLE: then it is unknown what the device runs.
    pub async fn deploy(&self, load_balancer: LoadBalancer, generation: u64) -> Result<Vec<ObjectFault>, Fault> {
        Ok(self.take_over(load_balancer, generation, Vec::new()).await?.faults)
    }

    /// [`DriverClient::deploy`], with what the same driver has handed over on another host; empty: nothing. The reply also
    /// says what was done to what serves.
    ///
    /// # Errors
    /// As for [`DriverClient::deploy`].
    pub async fn take_over(
        &self,
        load_balancer: LoadBalancer,
        generation: u64,
        handover: Vec<u8>,
    ) -> Result<DeployReply, Fault> {
        let span = Span::part("lbaas.driver.v1.Driver/Deploy", SpanKind::Client);
        let traceparent = span.origin().map(|origin| origin.text()).unwrap_or_default();
        let call = |mut grpc: Grpc, capabilities: &Capabilities| {
            let (known, unknown) = without_unknown(load_balancer);
            let (fitted, left_out) = fitted(known, capabilities);
            let refused = features::check(&fitted, capabilities).err();
            let request =
                DeployRequest { load_balancer: Some(fitted), generation, handover, reads_fault: true, traceparent };
            async move {
                if let Some(error) = refused {
                    return Err(fault::to_status(error));
                }
                let mut reply = grpc.deploy(request).await?;
                reply.get_mut().faults.extend(left_out.into_iter().chain(unknown));
                Ok(reply)
            }
        };
        let answer = self.call(Asked::Deploy, self.deadlines.deploy, call).await;
        self.board.metrics.deployed(&self.name, &answer);
        match &answer {
            Ok(reply) => steps::tell(&span, &reply.steps),
            Err(fault) => span.failed(ErrorCode(fault.code).to_string()),
        }
        answer
    }

    /// Tells the driver what the secrets are that the next deploy of a load balancer names.
    ///
    /// # Errors
    /// As for [`DriverClient::deploy`].
    pub async fn take_secrets(&self, load_balancer_id: String, secrets: Vec<SecretContent>) -> Result<(), Fault> {
        let request = SecretsRequest { load_balancer_id, secrets };
        let call = |mut grpc: Grpc, _: &Capabilities| async move { grpc.take_secrets(request).await };
        self.call(Asked::TakeSecrets, self.deadlines.observe, call).await.map(drop)
    }

    /// What a deploy of this would do, within [`PREVIEW`]. Empty: the driver cannot say.
    ///
    /// # Errors
    /// The driver's fault, or UNAVAILABLE: it is not known now.
    pub async fn preview(&self, load_balancer: LoadBalancer, generation: u64) -> Result<Preview, Fault> {
        let call = |mut grpc: Grpc, capabilities: &Capabilities| {
            let (known, unknown) = without_unknown(load_balancer);
            let (fitted, left_out) = fitted(known, capabilities);
            let refused = features::check(&fitted, capabilities).err();
            let request = DeployRequest {
                load_balancer: Some(fitted),
                generation,
                reads_fault: true,
                ..DeployRequest::default()
            };
            async move {
                if let Some(error) = refused {
                    return Err(fault::to_status(error));
                }
                let mut reply = grpc.preview(request).await?;
                if reply.get_ref().effect() != Effect::Unspecified {
                    reply.get_mut().faults.extend(left_out.into_iter().chain(unknown));
                }
                Ok(reply)
            }
        };
        // Who hangs is ended when any look would have taken too long: nobody waits for that.
        let call = self.call(Asked::Preview, self.deadlines.observe, call);
        time::timeout(PREVIEW, call).await.unwrap_or_else(|_| {
            let error = DriverError::unavailable(TOO_SLOW);
            Err(error.with_detail(format!("preview did not end within {PREVIEW:?}")).into())
        })
    }

    /// Takes the load balancer off the device; absent is `Ok`. Returns what is left of it.
    ///
    /// # Errors
    /// As for [`DriverClient::deploy`].
    pub async fn undeploy(&self, load_balancer_id: String) -> Result<UndeployReply, Fault> {
        self.finish(load_balancer_id, Duration::ZERO).await
    }

    /// Whether the process that runs now can let what is under way finish.
    pub(crate) fn can_finish(&self) -> bool {
        let capabilities = self.board.capabilities(&self.name);
        capabilities.is_some_and(|has| has.features.iter().any(|feature| feature == features::DEPLOY_SILENT))
    }

    /// [`DriverClient::undeploy`], and whatever is under way may go on for so long.
    ///
    /// # Errors
    /// As for [`DriverClient::deploy`].
    pub async fn finish(&self, load_balancer_id: String, within: Duration) -> Result<UndeployReply, Fault> {
        let finish_milliseconds = u32::try_from(within.as_millis()).unwrap_or(u32::MAX);
        let request = UndeployRequest { load_balancer_id, finish_milliseconds };
        let call = |mut grpc: Grpc, _: &Capabilities| async move { grpc.undeploy(request).await };
        let span = Span::part("lbaas.driver.v1.Driver/Undeploy", SpanKind::Client);
        let answer = self.call(Asked::Undeploy, self.deadlines.undeploy + within, call).await;
        if let Err(fault) = &answer {
            span.failed(ErrorCode(fault.code).to_string());
        }
        answer
    }

    /// Statistics and health of these load balancers; of all when the list is empty.
    ///
    /// # Errors
    /// NOT_FOUND when one of them is not deployed; otherwise as for [`DriverClient::deploy`].
    pub async fn observe(&self, load_balancer_ids: Vec<String>) -> Result<Vec<Observation>, Fault> {
        let request = ObserveRequest { load_balancer_ids };
        let call = |mut grpc: Grpc, _: &Capabilities| async move { grpc.observe(request).await };
        Ok(self.call(Asked::Observe, self.deadlines.observe, call).await?.observations)
    }

    /// What the device runs now.
    ///
    /// # Errors
    /// As for [`DriverClient::deploy`].
    pub async fn deployed(&self) -> Result<Vec<Deployed>, Fault> {
        let call = |mut grpc: Grpc, _: &Capabilities| async move { grpc.deployed(DeployedRequest {}).await };
        Ok(self.call(Asked::Deployed, self.deadlines.deployed, call).await?.deployed)
    }

    async fn call<R, F>(
        &self,
        asked: Asked,
        deadline: Duration,
        call: impl FnOnce(Grpc, &Capabilities) -> F,
    ) -> Result<R, Fault>
    where
        F: Future<Output = Result<Response<R>, Status>> + Send + 'static,
        R: Send + 'static,
    {
        let began = Instant::now();
        let answer = self.ask(asked.as_str(), deadline, call).await;
        self.board.metrics.called(&self.name, asked, &answer, began.elapsed());
        answer
    }

    async fn ask<R, F>(
        &self,
        method: &'static str,
        deadline: Duration,
        call: impl FnOnce(Grpc, &Capabilities) -> F,
    ) -> Result<R, Fault>
    where
        F: Future<Output = Result<Response<R>, Status>> + Send + 'static,
        R: Send + 'static,
    {
        let patience = self.deadlines.takeover();
        let (connection, in_flight) = time::timeout(patience, self.connection())
            .await
            .unwrap_or_else(|_| Err(format!("driver {}: no other process took over within {patience:?}", self.name)))
            .map_err(unavailable)?;
        let Connection { client, capabilities, trouble, .. } = connection;
        let (call, name) = (call(client, &capabilities), Arc::clone(&self.name));
        // In a task of its own: a call whose caller has left is still in flight, and may still hang.
        let watched = tokio::spawn(async move {
            let _in_flight = in_flight;
            let (message, reason) = match time::timeout(deadline, call).await {
                Ok(Ok(reply)) => return Ok(reply.into_inner()),
                Ok(Err(status)) => match fault::from_status(&status) {
                    Some(fault) => return Err(fault),
                    None => (ENDED, format!("the connection broke during {method}: {}", status.message())),
                },
                Err(_) => (TOO_SLOW, format!("{method} did not end within {deadline:?}")),
            };
            warn!(driver = &*name, "{reason}");
            // A full mailbox means that the process is being replaced already.
            let _ = trouble.try_send(reason.clone());
            Err(DriverError::unavailable(message).with_detail(format!("driver {name}: {reason}")).into())
        });
        watched.await.unwrap_or_else(|error| Err(unavailable(format!("driver {}: {error}", self.name))))
    }

    /// The process to call, once none is about to be replaced.
    async fn connection(&self) -> Result<(Connection, Call), String> {
        let mut changes = self.board.watch();
        loop {
            changes.borrow_and_update();
            match self.board.call(&self.name) {
                Ok(begun) => return Ok(begun),
                Err(NotNow::Down(reason)) => return Err(reason),
                // Its only failure is that the board is gone, and this has it.
                Err(NotNow::Draining) => drop(changes.changed().await),
            }
        }
    }
}

fn unavailable(reason: String) -> Fault {
    DriverError::unavailable(NOT_AVAILABLE).with_detail(reason).into()
}

//! `lbaas.driver.v1.Driver` in front of a loaded driver: decode, one call on a blocking thread, encode.

use std::{
    io::{self, Write},
    os::unix::net,
    sync::{Arc, Mutex, PoisonError},
};

use ballast_abi::{DriverError, host::LoadedDriver};
use ballast_proto::driver::{
    DeployReply, DeployRequest, DeployedReply, DeployedRequest, DescribeReply, DescribeRequest, LogRecord, LogsRequest,
    ObserveReply, ObserveRequest, Preview, SecretsReply, SecretsRequest, UndeployReply, UndeployRequest,
    driver_server::{Driver, DriverServer},
};
use futures_util::{StreamExt, stream};
use tokio::{
    net::UnixStream,
    runtime,
    signal::unix::{SignalKind, signal},
    task,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, transport::Server};

use super::{fault, log::Drain};

/// The largest message on this socket: a load balancer with some hundred thousand members.
pub(crate) const MESSAGE_LIMIT: usize = 64 << 20;

/// Serves the one connection until the process is asked to end; then the driver is told.
pub(super) fn run(driver: LoadedDriver, records: Drain, socket: net::UnixStream) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let driver = Arc::new(driver);
    let served = runtime.block_on(async {
        let mut end = signal(SignalKind::terminate())?;
        tokio::select! {
            served = serve(Arc::clone(&driver), records, socket) => served,
            _ = end.recv() => Ok(()),
        }
    });
    // Not waited for: a call that hangs would keep the process.
    runtime.shutdown_background();
    if let Err(error) = driver.shutdown() {
        let _ = writeln!(io::stderr(), "the driver could not end in order: {error} {}", error.detail);
    }
    served
}

async fn serve(driver: Arc<LoadedDriver>, records: Drain, socket: net::UnixStream) -> io::Result<()> {
    let service = Service { driver, records: Mutex::new(Some(records)) };
    let service =
        DriverServer::new(service).max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT);
    // The server ends when no connection can come any more, so this stream does not end.
    let connections = stream::once(std::future::ready(UnixStream::from_std(socket))).chain(stream::pending());
    Server::builder().add_service(service).serve_with_incoming(connections).await.map_err(io::Error::other)
}

struct Service {
    driver: Arc<LoadedDriver>,
    records: Mutex<Option<Drain>>,
}

impl Service {
    async fn call<R: Send + 'static>(
        &self,
        method: impl FnOnce(&LoadedDriver) -> Result<R, DriverError> + Send + 'static,
    ) -> Result<Response<R>, Status> {
        let driver = Arc::clone(&self.driver);
        match task::spawn_blocking(move || method(&driver)).await {
            Ok(result) => result.map(Response::new).map_err(fault::to_status),
            // The SDK catches a driver's panics, so this one is ours.
            Err(error) => {
                Err(fault::to_status(DriverError::internal("driver-host failed").with_detail(error.to_string())))
            }
        }
    }
}

#[tonic::async_trait]
impl Driver for Service {
    type LogsStream = stream::Map<ReceiverStream<LogRecord>, fn(LogRecord) -> Result<LogRecord, Status>>;

    async fn describe(&self, _: Request<DescribeRequest>) -> Result<Response<DescribeReply>, Status> {
        let note = self.driver.note();
        Ok(Response::new(DescribeReply {
            name: note.name.clone(),
            version: note.version.clone(),
            abi_version: format!("{}.{}", note.abi_major, note.abi_minor),
            capabilities: Some(self.driver.capabilities().clone()),
        }))
    }

    async fn deploy(&self, request: Request<DeployRequest>) -> Result<Response<DeployReply>, Status> {
        self.call(move |driver| driver.deploy(request.get_ref())).await
    }

    async fn undeploy(&self, request: Request<UndeployRequest>) -> Result<Response<UndeployReply>, Status> {
        self.call(move |driver| driver.undeploy(request.get_ref())).await
    }

    async fn observe(&self, request: Request<ObserveRequest>) -> Result<Response<ObserveReply>, Status> {
        self.call(move |driver| driver.observe(request.get_ref())).await
    }

    async fn deployed(&self, _: Request<DeployedRequest>) -> Result<Response<DeployedReply>, Status> {
        self.call(LoadedDriver::deployed).await
    }

    async fn preview(&self, request: Request<DeployRequest>) -> Result<Response<Preview>, Status> {
        self.call(move |driver| driver.preview(request.get_ref())).await
    }

    async fn take_secrets(&self, request: Request<SecretsRequest>) -> Result<Response<SecretsReply>, Status> {
        self.call(move |driver| driver.take_secrets(request.get_ref())).await
    }

    async fn logs(&self, _: Request<LogsRequest>) -> Result<Response<Self::LogsStream>, Status> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner).take();
        let records = records.ok_or_else(|| Status::already_exists("the log is being read already"))?;
        let found: fn(LogRecord) -> Result<LogRecord, Status> = Ok;
        Ok(Response::new(ReceiverStream::new(records.0).map(found)))
    }
}

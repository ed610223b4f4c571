//! Real HTTP/1.1 over TCP or TLS, one thread for all connections.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use http_body_util::BodyExt;
use hyper::{body::Incoming, header::TRANSFER_ENCODING, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::{Clock, Device, Entry, Faults, Health, Journal, Kind, Refusal, Reply, Request, World, body::Body, control};

const LENGTH_REQUIRED: u16 = 411;

/// What every connection shares.
pub(crate) struct Stage<D> {
    pub(crate) device: Arc<Mutex<D>>,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
    pub(crate) health: Health,
    pub(crate) acceptor: Option<TlsAcceptor>,
}

pub(crate) async fn serve<D: Device>(listener: TcpListener, stage: Arc<Stage<D>>) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, Arc::clone(&stage)));
        }
    }
}

async fn connection<D: Device>(stream: TcpStream, stage: Arc<Stage<D>>) {
    let service = service_fn(|request| respond(request, Arc::clone(&stage)));
    // How a connection ends is the client's affair.
    let _ = match &stage.acceptor {
        None => http1::Builder::new().serve_connection(TokioIo::new(stream), service).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => http1::Builder::new().serve_connection(TokioIo::new(stream), service).await,
            Err(_) => return,
        },
    };
}

/// An error ends the connection without a reply.
async fn respond<D: Device>(
    request: hyper::Request<Incoming>,
    stage: Arc<Stage<D>>,
) -> io::Result<hyper::Response<Body>> {
    let chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let request = read(request).await?;
    if chunked {
        return written(stage.refuse_chunks(&request));
    }
    if let Some(reply) = control::answer(&request, &stage) {
        return written(reply);
    }
    let caller = stage.device.lock().unwrap_or_else(PoisonError::into_inner).caller(&request);
    let kind = stage.faults.strike(&request, &caller);
    let reply = stage.meet(&request, kind);
    if let Some(Kind::Delay(milliseconds)) = kind {
        tokio::time::sleep(Kind::delay(milliseconds)).await;
    }
    let mut response = written(reply.ok_or_else(|| io::Error::other("dropped on request"))?)?;
    if kind == Some(Kind::NoBody) {
        response.body_mut().cut();
    }
    Ok(response)
}

impl<D: Device> Stage<D> {
    /// A device may read by the length that is said and by nothing else: after a body in chunks it is lost. So this one
    /// takes none, and ends the connection.
    fn refuse_chunks(&self, request: &Request) -> Reply {
        let device = self.device.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entry = Entry::of(request, device.caller(request), device.is_write(request));
        entry.status = LENGTH_REQUIRED;
        self.journal.add(entry);
        Reply::html(LENGTH_REQUIRED, "<html><body>411 Length Required</body></html>").with_header("connection", "close")
    }

    /// The reply, or none when the connection is to end; and the journal's entry.
    fn meet(&self, request: &Request, kind: Option<Kind>) -> Option<Reply> {
        let mut device = self.device.lock().unwrap_or_else(PoisonError::into_inner);
        if kind == Some(Kind::Astray) {
            device.lead_astray();
        }
        let mut entry = Entry::of(request, device.caller(request), device.is_write(request));
        let world = World { now: self.clock.now(), health: &self.health };
        entry.reached = match kind {
            None
            | Some(
                Kind::Delay(_)
                | Kind::DropAfter
                | Kind::ExpireSession
                | Kind::Astray
                | Kind::NoContent
                | Kind::HalfApplied
                | Kind::NoBody,
            ) => true,
            Some(Kind::DropBefore | Kind::Html503 | Kind::Busy | Kind::Fail | Kind::Secondary) => false,
        };
        let carried_out = |device: &mut D| device.answer(request, &world);
        let reply = match kind {
            None | Some(Kind::Delay(_) | Kind::Astray | Kind::NoBody) => Some(carried_out(&mut device)),
            Some(Kind::HalfApplied) => Some(device.answer_half(request, &world)),
            Some(Kind::DropBefore) => None,
            Some(Kind::DropAfter) => {
                carried_out(&mut device);
                None
            }
            Some(Kind::Html503) => Some(Reply::html(503, "<html><body>503 Service Unavailable</body></html>")),
            Some(Kind::Busy) => Some(device.refuse(Refusal::Busy, request)),
            Some(Kind::Fail) => Some(device.refuse(Refusal::Failed, request)),
            Some(Kind::Secondary) => Some(device.refuse(Refusal::Secondary, request)),
            Some(Kind::ExpireSession) => {
                device.end_sessions();
                Some(carried_out(&mut device))
            }
            Some(Kind::NoContent) => {
                let reply = carried_out(&mut device);
                Some(if reply.status < 300 { Reply::empty(204) } else { reply })
            }
        };
        entry.status = reply.as_ref().map_or(0, |reply| reply.status);
        self.journal.add(entry);
        reply
    }
}

async fn read(request: hyper::Request<Incoming>) -> io::Result<Request> {
    let (head, body) = request.into_parts();
    let headers = head.headers.iter();
    Ok(Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body: body.collect().await.map_err(io::Error::other)?.to_bytes().to_vec(),
    })
}

fn written(reply: Reply) -> io::Result<hyper::Response<Body>> {
    let mut response = hyper::Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::new(reply.body)).map_err(io::Error::other)
}

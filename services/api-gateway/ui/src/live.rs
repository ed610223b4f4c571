//! What changes, while a page is open: the page is made again by the code that made it, and sent if it differs. The browser
//! puts what differs into the page that is there.
//!
//! The id of an event is the scheduler's cursor, so nothing is kept for who comes back. What makes no events (counters,
//! heartbeats) is looked at from time to time, only while somebody looks.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{Extension, State},
    http::{HeaderMap, HeaderValue, Uri, header},
    response::Response,
};
use ballast_proto::{
    status::{fault::Code, from_status},
    v2::{PositionRequest, WatchRequest, WatchResponse},
};
use ballast_service::streams::Permit;
use futures_util::stream;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use crate::{
    Asked, Dashboard,
    pages::{self, Making, Query, View},
    trouble::Trouble,
    view::traffic::Memory,
    visit::Visitor,
};

/// Changes that follow one another closely are one patch.
const GATHERED: Duration = Duration::from_millis(200);
/// Between two signs of life.
const BEAT: Duration = Duration::from_secs(10);
/// Between two attempts to reach the scheduler.
const AGAIN: Duration = Duration::from_secs(1);
/// After so long a stream ends, and the browser comes back: then it is looked at anew who that is.
const LASTS: Duration = Duration::from_secs(300);
/// A browser that takes nothing for so long has lost its stream.
const SLOW: Duration = Duration::from_secs(30);
/// What a browser is told to wait before it comes back, and later when there are too many.
const RETRY: &str = "retry: 1000\n";

/// Where a page is told what changes, from this cursor on.
pub(crate) fn address(here: &str, cursor: &str, main: &str) -> String {
    let pairs = [("view", here), ("cursor", cursor), ("digest", &digest(main))];
    format!("/ui/live?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

/// What tells two states of a page apart.
fn digest(main: &str) -> String {
    hex::encode(&Sha256::digest(main.as_bytes())[..8])
}

/// One event: its name, and its data line by line.
fn event(cursor: &str, name: &str, data: &str) -> Bytes {
    let id = if cursor.is_empty() { String::new() } else { format!("id: {cursor}\n") };
    let data: String = data.split(['\n', '\r']).map(|line| format!("data: {line}\n")).collect();
    Bytes::from(format!("{id}event: {name}\n{data}\n"))
}

/// 200, whatever is wrong: a browser comes back to a stream that ended, and never to one that was refused.
pub(crate) async fn stream(
    State(dashboard): State<Dashboard>,
    Extension(asked): Extension<Asked>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let query = Query::of(uri.query().unwrap_or_default());
    let here = query.get("view").to_owned();
    let (path, own) = here.split_once('?').unwrap_or((&here, ""));
    let Some(view) = View::of(path) else { return only("reload", "") };
    let Ok(visitor) = Visitor::of(&dashboard, &headers, &asked, "GET /ui/live").await else {
        return only("reload", "");
    };
    let permit = match dashboard.streams.admit(visitor.caller.name()) {
        Ok(permit) => permit,
        Err(why) => return only("full", &why),
    };
    let came_back = headers.get("last-event-id").and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
    let live = Live {
        cursor: came_back.unwrap_or(query.get("cursor")).to_owned(),
        // Who comes back has what he was sent since, which is not known here.
        shown: if came_back.is_some() { String::new() } else { query.get("digest").to_owned() },
        query: Query::of(own),
        is_away: false,
        memory: Memory::default(),
        headers,
        asked,
        visitor,
        view,
        dashboard,
    };
    respond(live, permit)
}

fn respond(live: Live, permit: Permit) -> Response {
    let (outbox, mut taken) = mpsc::channel::<Bytes>(4);
    let shutdown = live.dashboard.shutdown.clone();
    let closed = outbox.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = live.tell(outbox) => {}
            () = shutdown.cancelled() => {}
            () = closed.closed() => {}
        }
        drop(permit);
    });
    let body = stream::poll_fn(move |cx| taken.poll_recv(cx).map(|next| next.map(Ok::<_, Infallible>)));
    events(Body::from_stream(body))
}

fn only(name: &str, data: &str) -> Response {
    events(Body::from([RETRY.as_bytes(), &event("", name, data)].concat()))
}

fn events(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// An open page.
struct Live {
    dashboard: Dashboard,
    visitor: Visitor,
    headers: HeaderMap,
    asked: Asked,
    view: View,
    query: Query,
    cursor: String,
    /// The digest of what the browser has.
    shown: String,
    is_away: bool,
    memory: Memory,
}

/// The stream ends.
struct End;

impl Live {
    async fn tell(mut self, outbox: mpsc::Sender<Bytes>) {
        let end = self.dashboard.clock.monotonic() + LASTS;
        if send(&outbox, Bytes::from(format!("{RETRY}\n"))).await.is_err() {
            return;
        }
        while self.dashboard.clock.monotonic() < end {
            let told = match self.watch().await {
                Ok(watch) => self.follow(watch, end, &outbox).await,
                Err(status) if matches!(Trouble::from(status.clone()), Trouble::Away(_)) => self.away(&outbox).await,
                Err(status) => {
                    // Of the caller's project there are as many watches as there may be.
                    let _ = send(&outbox, event("", "full", status.message())).await;
                    return;
                }
            };
            if told.is_err() {
                return;
            }
        }
    }

    async fn watch(&mut self) -> Result<Streaming<WatchResponse>, Status> {
        if self.cursor.is_empty() {
            self.move_on().await?;
        }
        match self.open().await {
            Err(status) if from_status(&status).code() == Code::CursorExpired => {
                self.move_on().await?;
                self.open().await
            }
            opened => opened,
        }
    }

    async fn open(&self) -> Result<Streaming<WatchResponse>, Status> {
        let ids = self.view.load_balancer().map(str::to_owned).into_iter().collect();
        let (cursor, project_id) = (self.cursor.clone(), self.visitor.scope());
        let watch = WatchRequest { cursor, ids, project_id, ..WatchRequest::default() };
        let request = self.visitor.caller.lasting(watch);
        Ok(self.dashboard.scheduler.events().watch(request).await?.into_inner())
    }

    /// What was before is not known any more. The page is made anew from now, so nothing is missed.
    async fn move_on(&mut self) -> Result<(), Status> {
        self.shown.clear();
        let request = self.visitor.caller.request(PositionRequest::default());
        self.cursor = self.dashboard.scheduler.events().position(request).await?.into_inner().cursor;
        Ok(())
    }

    /// Tells what changes until the watch ends.
    async fn follow(
        &mut self,
        mut watch: Streaming<WatchResponse>,
        end: Duration,
        outbox: &mpsc::Sender<Bytes>,
    ) -> Result<(), End> {
        self.patch(outbox).await?;
        let (mut looked, mut beat) = (tokio::time::Instant::now(), tokio::time::Instant::now());
        while self.dashboard.clock.monotonic() < end {
            let pace = self.view.pace().unwrap_or(LASTS);
            let next = (looked + pace).min(beat + BEAT);
            match tokio::time::timeout_at(next, watch.message()).await {
                Ok(Ok(Some(response))) => {
                    self.cursor = response.cursor;
                    if !self.gather(&mut watch).await {
                        return Ok(());
                    }
                    self.patch(outbox).await?;
                    (looked, beat) = (tokio::time::Instant::now(), tokio::time::Instant::now());
                }
                Ok(Ok(None) | Err(_)) => return Ok(()),
                Err(_) => {
                    if tokio::time::Instant::now() >= looked + pace {
                        self.patch(outbox).await?;
                        looked = tokio::time::Instant::now();
                    } else {
                        send(outbox, Bytes::from_static(b":\n\n")).await?;
                    }
                    beat = tokio::time::Instant::now();
                }
            }
        }
        Ok(())
    }

    /// Takes what follows closely. False: the watch ended.
    async fn gather(&mut self, watch: &mut Streaming<WatchResponse>) -> bool {
        let until = tokio::time::Instant::now() + GATHERED;
        loop {
            match tokio::time::timeout_at(until, watch.message()).await {
                Ok(Ok(Some(response))) => self.cursor = response.cursor,
                Ok(Ok(None) | Err(_)) => return false,
                Err(_) => return true,
            }
        }
    }

    /// Makes the page, and sends it if it is another one.
    async fn patch(&mut self, outbox: &mpsc::Sender<Bytes>) -> Result<(), End> {
        // A token may be revoked, or its roles others, at any moment.
        match Visitor::of(&self.dashboard, &self.headers, &self.asked, "GET /ui/live").await {
            Ok(visitor) => self.visitor = visitor,
            Err(Trouble::Away(_)) => return self.away(outbox).await,
            Err(_) => return self.reload(outbox).await,
        }
        let making = Making {
            dashboard: &self.dashboard,
            visitor: &self.visitor,
            query: self.query.clone(),
            now: self.dashboard.now(),
            memory: &mut self.memory,
        };
        let page = match pages::make(&self.view, making).await {
            Ok(page) => page,
            Err(Trouble::Away(_)) => return self.away(outbox).await,
            Err(_) => return self.reload(outbox).await,
        };
        if std::mem::take(&mut self.is_away) {
            send(outbox, event("", "back", "")).await?;
        }
        let digest = digest(&page.main);
        if digest == self.shown {
            let said = format!("id: {}\n\n", self.cursor);
            return send(outbox, Bytes::from(said)).await;
        }
        self.shown = digest;
        if !page.summary.is_empty() {
            send(outbox, event("", "say", &page.summary)).await?;
        }
        send(outbox, event(&self.cursor, "patch", &page.main)).await
    }

    /// The scheduler does not answer: the page stays as it is, and says so.
    async fn away(&mut self, outbox: &mpsc::Sender<Bytes>) -> Result<(), End> {
        if !std::mem::replace(&mut self.is_away, true) {
            send(outbox, event("", "away", "The scheduler does not answer.")).await?;
        }
        tokio::time::sleep(AGAIN).await;
        Ok(())
    }

    /// There is no such page any more, or nobody who may see it: loaded again, it says which.
    async fn reload(&mut self, outbox: &mpsc::Sender<Bytes>) -> Result<(), End> {
        send(outbox, event("", "reload", "")).await?;
        Err(End)
    }
}

async fn send(outbox: &mpsc::Sender<Bytes>, event: Bytes) -> Result<(), End> {
    match tokio::time::timeout(SLOW, outbox.send(event)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(End),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_page_ends_a_line_or_an_event() {
        let told = event("c.1", "patch", "a\nb\r\nevent: end\n\nc");
        let expected = "id: c.1\nevent: patch\ndata: a\ndata: b\ndata: \ndata: event: end\ndata: \ndata: c\n\n";
        assert_eq!(told, expected);
        assert_eq!(event("", "away", ""), "event: away\ndata: \n\n");
    }

    #[test]
    fn the_address_of_a_live_page_has_its_whole_query() {
        let address = address("/ui/load-balancers?q=a&status=ERROR", "c.1.2", "<p>");
        assert!(
            address.starts_with("/ui/live?view=%2Fui%2Fload-balancers%3Fq%3Da%26status%3DERROR&cursor=c.1.2&digest=")
        );
        assert_ne!(digest("a"), digest("b"));
    }
}

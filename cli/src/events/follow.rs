//! A stream of events that goes on: it comes back with the last id where it is cut off.

use std::{collections::VecDeque, time::Duration};

use form_urlencoded::Serializer;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::{
    Kind,
    since::Place,
    sse::{Event, Parser},
};
use crate::{
    api::rest::{Body, Gateway},
    failure::Failure,
    output,
};

/// The gateway says at least that it lives within ten seconds.
const SILENCE: Duration = Duration::from_secs(30);
/// Between two tries, at first and at last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// How long it is tried to come back.
const PATIENCE: Duration = Duration::from_secs(120);

/// What was told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    /// The stream has begun.
    Begun,
    /// With the key `cursor`: from where it goes on.
    Change(Value),
    /// What there was has been told.
    Ready,
    /// Something was missed: read again what is shown.
    Missed,
}

pub(crate) struct Follower<'g> {
    gateway: &'g Gateway,
    query: Vec<(&'static str, String)>,
    cursor: String,
    snapshot: bool,
    stream: Option<(Body, Parser)>,
    told: VecDeque<Told>,
    /// When it was first tried in vain to come back.
    lost: Option<Instant>,
    pause: Duration,
    /// Whether it has worked once.
    has_begun: bool,
}

impl<'g> Follower<'g> {
    /// From now on, of these kinds and objects; none: all.
    pub(crate) fn new(gateway: &'g Gateway, kinds: &[Kind], ids: &[String]) -> Self {
        let kinds = kinds.iter().map(|kind| ("kind", kind.name().to_owned()));
        let query = kinds.chain(ids.iter().map(|id| ("id", id.clone()))).collect();
        let (told, pause) = (VecDeque::new(), PAUSES.0);
        Self {
            gateway,
            query,
            cursor: String::new(),
            snapshot: false,
            stream: None,
            told,
            lost: None,
            pause,
            has_begun: false,
        }
    }

    /// With what there is now, first.
    pub(crate) fn with_snapshot(mut self) -> Self {
        self.snapshot = true;
        self
    }

    /// From there on instead.
    pub(crate) fn since(mut self, place: Place) -> Self {
        match place {
            Place::Cursor(cursor) => self.cursor = cursor,
            // A cursor goes over it, once there is one.
            Place::Time(time) => self.query.push(("since", time)),
        }
        self
    }

    /// What is told next, as long as it takes.
    ///
    /// # Errors
    /// When the gateway refuses, or is gone for too long.
    pub(crate) async fn next(&mut self) -> Result<Told, Failure> {
        loop {
            if let Some(told) = self.told.pop_front() {
                return Ok(told);
            }
            match self.read().await {
                Ok(()) => {}
                Err(failure) if !self.has_begun || is_final(&failure) => return Err(failure),
                Err(failure) => self.wait(failure).await?,
            }
        }
    }

    /// What comes next as long as the stream that is open goes on; none: it has ended.
    ///
    /// # Errors
    /// When it broke off.
    pub(crate) async fn more(&mut self) -> Result<Option<Told>, Failure> {
        loop {
            if let Some(told) = self.told.pop_front() {
                return Ok(Some(told));
            }
            if self.stream.is_none() {
                return Ok(None);
            }
            self.read().await?;
        }
    }

    /// Takes a piece of the stream; opens it where there is none.
    async fn read(&mut self) -> Result<(), Failure> {
        let Some((body, parser)) = &mut self.stream else {
            if self.has_begun {
                // Streams that end at once would be asked for without a pause.
                sleep(PAUSES.0).await;
            }
            let last = Some(self.cursor.as_str()).filter(|id| !id.is_empty());
            let body = self.gateway.open(&self.target(), last).await?;
            self.stream = Some((body, Parser::default()));
            return Ok(());
        };
        let piece = timeout(SILENCE, body.next()).await.unwrap_or_else(|_| Err("nothing came for 30 s".to_owned()));
        let events = match piece {
            Ok(Some(bytes)) => parser.push(&bytes),
            Ok(None) if !self.has_begun => return Err(self.gateway.foreign("its events end at once".to_owned())),
            // It has an end, as every stream there.
            Ok(None) => {
                self.stream = None;
                return Ok(());
            }
            Err(why) => {
                self.stream = None;
                return Err(self.gateway.broken(why));
            }
        };
        // An event has to be told before its position is: an id alone counts once all before it was taken.
        let cursor = parser.id().to_owned();
        for event in events {
            self.take(&event);
        }
        if !cursor.is_empty() {
            self.cursor = cursor;
        }
        Ok(())
    }

    fn take(&mut self, event: &Event) {
        (self.has_begun, self.lost, self.pause) = (true, None, PAUSES.0);
        let mut data: Value = serde_json::from_str(&event.data).unwrap_or_default();
        match event.name.as_str() {
            "begin" => self.told.push_back(Told::Begun),
            "change" => {
                if let Some(fields) = data.as_object_mut() {
                    fields.insert("cursor".to_owned(), if event.id.is_empty() { Value::Null } else { json!(event.id) });
                }
                self.told.push_back(Told::Change(data));
            }
            "ready" => self.told.push_back(Told::Ready),
            "expired" => {
                output::say("ballast: some changes were missed: they are not known any more");
                self.told.push_back(Told::Missed);
            }
            // It ends, and says so: it is opened again.
            "end" => self.stream = None,
            _ => {}
        }
    }

    fn target(&self) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(&self.query);
        if self.snapshot && self.cursor.is_empty() {
            query.append_pair("snapshot", "true");
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("/ballast/v1/events{mark}{query}")
    }

    async fn wait(&mut self, failure: Failure) -> Result<(), Failure> {
        let lost = *self.lost.get_or_insert_with(|| {
            output::say(&format!("ballast: {failure}: trying again"));
            Instant::now()
        });
        if lost.elapsed() > PATIENCE {
            return Err(failure);
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSES.1);
        Ok(())
    }
}

/// Whether asking again is in vain.
fn is_final(failure: &Failure) -> bool {
    match failure {
        Failure::Unreachable { .. } | Failure::Broken { .. } => false,
        Failure::Answer { status, .. } => *status < 500 && *status != 429,
        _ => true,
    }
}

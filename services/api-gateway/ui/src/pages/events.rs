//! What changed of late, told again from the scheduler's log of changes.

use std::time::Duration;

use ballast_proto::v2::{Event, PositionRequest, WatchRequest, watch_response::Message};

use super::{Making, Page};
use crate::{
    trouble::Trouble,
    view::events::{Events, KINDS, Table},
};

/// How many changes of everybody's are looked through.
const BACK: u32 = 500;
/// When nothing more is told for so long, that was all.
const SILENCE: Duration = Duration::from_millis(150);

pub(super) async fn all(making: Making<'_>) -> Result<Page, Trouble> {
    let (kind, object) = (making.query.get("kind").to_owned(), making.query.get("object").trim().to_owned());
    let kinds = match kind.as_str() {
        "" => Vec::new(),
        name => {
            let known = KINDS.iter().find(|(known, _)| *known == name);
            let (_, kind) = known.ok_or_else(|| Trouble::Faulty(format!("\"{name}\" is no kind of object.")))?;
            vec![i32::from(*kind)]
        }
    };
    let ids = if object.is_empty() { Vec::new() } else { vec![object.clone()] };
    let watch = WatchRequest { kinds, ids, project_id: making.visitor.scope(), ..WatchRequest::default() };
    let told = told(&making, watch).await?;
    Page::of("Events", &Events { table: Table::of(&told), kind, object })
}

/// The changes of late that a watch tells.
pub(super) async fn told(making: &Making<'_>, watch: WatchRequest) -> Result<Vec<Event>, Trouble> {
    let caller = &making.visitor.caller;
    let mut client = making.dashboard.scheduler.events();
    let end = client.position(caller.request(PositionRequest::default())).await?.into_inner().cursor;
    let cursor =
        client.position(caller.request(PositionRequest { back: BACK, since: None })).await?.into_inner().cursor;
    if cursor == end {
        return Ok(Vec::new());
    }
    let mut stream = client.watch(caller.lasting(WatchRequest { cursor, ..watch })).await?.into_inner();
    let mut told = Vec::new();
    // Whoever is told something at each moment has enough when he has more than there was.
    let most = usize::try_from(BACK).unwrap_or(usize::MAX);
    while let Ok(next) = tokio::time::timeout(SILENCE, stream.message()).await {
        let Some(response) = next? else { break };
        let is_last = response.cursor == end;
        if let Some(Message::Event(event)) = response.message {
            told.push(event);
        }
        if is_last || told.len() >= most {
            break;
        }
    }
    Ok(told)
}

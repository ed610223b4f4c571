//! The five calls that are alike for each resource: decode, one call, encode.

mod calls;

use std::time::Duration;

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use ballast_proto::{
    status::fault::Kind,
    v2::{self, GetRequest},
};
use tokio::time::{Instant, sleep};
use tonic::Status;

pub(super) use self::calls::{Calls, calls};
use super::{
    body::{self, Argument},
    place::{Asked, Place},
    plan, shown,
};
use crate::{
    Gateway,
    caller::Caller,
    kit::{
        attributes::{Attributes, Resource},
        pages,
        payload::Payload,
        query::Query,
        refusal::Refusal,
        reply::{self, Fields, Reply, Shown},
        table::Routes,
    },
};

/// After how long what is PENDING is looked at again; then after twice as long, and so on.
const FIRST_LOOK: Duration = Duration::from_millis(5);

/// What a resource says of itself.
pub(super) trait Noun: Calls + Shown {
    const RESOURCE: &'static Resource;
    /// What its body is called in refusals, in POST and in PUT.
    const ARGUMENT: &'static str;
    const CHANGE: &'static str = Self::ARGUMENT;
    /// What is before it in its path.
    const PARENT: Option<Kind> = None;
    /// All of a collection can be replaced at once.
    const IS_REPLACED: bool = false;

    /// # Errors
    /// What single fields cannot say.
    fn decode(attributes: Attributes) -> Result<Self, Refusal>;

    /// Puts the ids of its path into it, and the etag that it is to have.
    fn at(self, place: Place, etag: String) -> Self;

    /// None: what is stored is all there is of it.
    fn status(&self) -> Option<&v2::Status> {
        None
    }

    /// As who asked for it at this address sees it.
    fn seen_at(self, _origin: &str) -> Self {
        self
    }

    /// Empty: it has none.
    fn etag(&self) -> &str {
        shown::etag(self.status())
    }
}

/// The five calls at the paths of a collection and of its items.
pub(super) fn routes<N: Noun>(collection: &'static str, item: &'static str) -> Routes {
    without_delete::<N>(collection, item).delete(item, N::RESOURCE, delete::<N>)
}

/// All but the last. Changes of a whole collection lack an id.
pub(super) fn without_delete<N: Noun>(collection: &'static str, item: &'static str) -> Routes {
    let routes = Routes::new()
        .list(collection, N::RESOURCE, list::<N>)
        .create(collection, N::RESOURCE, create::<N>)
        .show(item, N::RESOURCE, show::<N>)
        .update(item, N::RESOURCE, update::<N>)
        .unlisted(collection, axum::routing::delete(without_id));
    if N::IS_REPLACED { routes } else { routes.unlisted(collection, axum::routing::put(without_id)) }
}

/// A change of something that lacks an id.
pub(super) async fn without_id(_: Caller) -> Reply {
    Err(Refusal::faulty("Missing argument: \"id\""))
}

fn argument<N: Noun>(name: &'static str) -> Argument {
    Argument { name, wrapper: N::RESOURCE.one }
}

/// What is not there before it in the path was looked for on the way.
fn refuse<N: Noun>(status: Status) -> Refusal {
    match &N::PARENT {
        Some(parent) => Refusal::from(status).below(parent),
        None => status.into(),
    }
}

/// With the object's etag.
pub(super) fn tagged(mut response: Response, etag: &str) -> Response {
    if !etag.is_empty()
        && let Ok(etag) = HeaderValue::try_from(format!("\"{etag}\""))
    {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

async fn create<N: Noun>(State(gateway): State<Gateway>, asked: Asked, payload: Payload) -> Reply {
    let Asked { caller, place, terms, query } = asked;
    let [validate_only] = query.only([plan::NAME])?;
    let validate_only = plan::is_asked(validate_only)?;
    let noun = N::decode(body::post(N::RESOURCE, argument::<N>(N::ARGUMENT), &payload)?)?;
    let request = noun.at(place, String::new()).creation(terms, validate_only);
    let planned = if validate_only { N::planned_creation(&request) } else { None };
    let made = N::create(&gateway.scheduler, caller.request(request)).await.map_err(refuse::<N>)?;
    let made = made.seen_at(query.origin());
    if validate_only {
        return plan::reply(&gateway, &caller, Some((N::RESOURCE, &made)), planned).await;
    }
    Ok(tagged(reply::created(N::RESOURCE, &made), made.etag()))
}

async fn list<N: Noun>(State(gateway): State<Gateway>, caller: Caller, place: Place, query: Query) -> Reply {
    let list = query.page(N::RESOURCE, place.parent_id)?;
    let origin = query.origin().to_owned();
    let fetch = move |request| {
        let (gateway, request, origin) = (gateway.clone(), caller.request(request), origin.clone());
        async move {
            let (found, token) = N::list(&gateway.scheduler, request).await.map_err(refuse::<N>)?;
            Ok((found.into_iter().map(|one| one.seen_at(&origin)).collect(), token))
        }
    };
    pages::reply(N::RESOURCE, list, fetch).await
}

async fn show<N: Noun>(State(gateway): State<Gateway>, caller: Caller, place: Place, query: Query) -> Reply {
    let found = settled::<N>(&gateway, &caller, place).await?.seen_at(query.origin());
    Ok(tagged(reply::one(N::RESOURCE, &found, &query.shown()), found.etag()))
}

/// The object; one that is PENDING is looked at again for a while. Clients that wait sleep a second or more after they
/// saw that, and what they wait for is done in a part of it.
async fn settled<N: Noun>(gateway: &Gateway, caller: &Caller, place: Place) -> Result<N, Refusal> {
    let end = Instant::now() + gateway.hold;
    let mut pause = FIRST_LOOK;
    loop {
        let request = caller.request(GetRequest { id: place.id.clone(), parent_id: place.parent_id.clone() });
        let found = N::get(&gateway.scheduler, request).await.map_err(refuse::<N>)?;
        if !shown::is_pending(found.status()) || Instant::now() + pause > end {
            return Ok(found);
        }
        sleep(pause).await;
        pause *= 2;
    }
}

async fn update<N: Noun>(State(gateway): State<Gateway>, asked: Asked, payload: Payload) -> Reply {
    let Asked { caller, place, terms, query } = asked;
    let [validate_only] = query.only([plan::NAME])?;
    let validate_only = plan::is_asked(validate_only)?;
    let (attributes, mask) = body::put(N::RESOURCE, argument::<N>(N::CHANGE), &payload)?;
    let request = N::decode(attributes)?.at(place, terms.etag).change(mask, validate_only);
    let planned = if validate_only { N::planned_change(&request) } else { None };
    let changed = N::update(&gateway.scheduler, caller.request(request)).await;
    let changed = changed.map_err(|status| refuse::<N>(status).of_change())?.seen_at(query.origin());
    if validate_only {
        return plan::reply(&gateway, &caller, Some((N::RESOURCE, &changed)), planned).await;
    }
    let response = reply::one(N::RESOURCE, &changed, &Fields::default());
    Ok(tagged(response, changed.etag()))
}

async fn delete<N: Noun>(State(gateway): State<Gateway>, asked: Asked) -> Reply {
    let Asked { caller, place, terms, query } = asked;
    let [validate_only] = query.only([plan::NAME])?;
    let validate_only = plan::is_asked(validate_only)?;
    let request = N::deletion(place, terms, validate_only);
    let planned = if validate_only { N::planned_deletion(&request) } else { None };
    N::delete(&gateway.scheduler, caller.request(request)).await.map_err(refuse::<N>)?;
    if validate_only {
        return plan::reply::<N>(&gateway, &caller, None, planned).await;
    }
    Ok(reply::gone())
}

//! Lists that may be long: fetched from the scheduler page by page and written as they come, so that neither process ever
//! holds the whole. A page after the first that cannot be had breaks the reply off: its status has been sent already.

use axum::{
    body::{Body, Bytes},
    http::StatusCode,
};
use futures_util::stream;

use super::{
    attributes::Resource,
    links::Seen,
    query::{List, View},
    refusal::Refusal,
    reply::{self, Object, Reply, Shown},
};

/// How many objects are held at once.
const PAGE: u32 = 500;

/// A page of the scheduler's: the objects, and the token of the next one.
pub(crate) type Fetched<R> = Result<(Vec<R>, String), Refusal>;

/// A request for one page.
pub(crate) trait Paged: Clone + Send + 'static {
    /// How many objects at most; 0: as many as the scheduler likes.
    fn size(&mut self) -> &mut u32;

    /// Where the page begins.
    fn token(&mut self) -> &mut String;

    /// The page before the token instead.
    fn is_reverse(&self) -> bool;
}

/// 200 with the list. `fetch` is called for one page after the other.
pub(crate) async fn reply<Q, R, F, P>(resource: &'static Resource, list: List<Q>, mut fetch: F) -> Reply
where
    Q: Paged,
    R: Shown + Send + 'static,
    F: FnMut(Q) -> P + Send + 'static,
    P: Future<Output = Fetched<R>> + Send,
{
    let List { mut request, view, .. } = list;
    let limit = *request.size();
    if request.is_reverse() || (1..=PAGE).contains(&limit) {
        let (objects, next) = fetch(request).await?;
        return Ok(reply::page(resource, &objects, &view, !next.is_empty()));
    }
    *request.size() = PAGE;
    let (objects, next) = fetch(request.clone()).await?;
    if next.is_empty() {
        return Ok(reply::many(resource, &objects, &view));
    }
    let written = Written { resource, view, ids: None, count: 0 };
    let left = (limit > 0).then(|| limit.saturating_sub(PAGE));
    let state = Streamed { written, fetch, request, left, ready: Some((objects, next)) };
    let body = stream::try_unfold(Some(state), |state| async move {
        match state {
            Some(state) => state.step().await.map(Some),
            None => Ok::<_, BrokenOff>(None),
        }
    });
    Ok(reply::streamed(StatusCode::OK, Body::from_stream(body)))
}

/// The scheduler's refusal of a later page: it was logged, and the client sees a reply that ends too early.
#[derive(Debug, thiserror::Error)]
#[error("a page of the list could not be had")]
struct BrokenOff;

/// What was written so far.
struct Written {
    resource: &'static Resource,
    view: View,
    /// The first and the last object's.
    ids: Option<(String, String)>,
    count: usize,
}

impl Written {
    /// The next objects as text.
    fn objects<R: Shown>(&mut self, objects: &[R]) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = Vec::with_capacity(objects.len() * 256);
        if self.count == 0 {
            text.extend(format!("{{\"{}\":[", self.resource.many).bytes());
        }
        for object in objects {
            if self.count > 0 {
                text.push(b',');
            }
            serde_json::to_writer(&mut text, &Object { object, fields: &self.view.fields })?;
            self.count += 1;
        }
        if let (Some(first), Some(last)) = (objects.first(), objects.last()) {
            let first = self.ids.take().map_or_else(|| first.id().to_owned(), |(first, _)| first);
            self.ids = Some((first, last.id().to_owned()));
        }
        Ok(text)
    }

    /// What comes after the last object.
    fn end(&self, more: bool) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = b"]".to_vec();
        if let Some(page) = &self.view.page {
            let ids = self.ids.as_ref().map(|(first, last)| (first.as_str(), last.as_str()));
            text.extend(format!(",\"{}\":", page.name).bytes());
            let links = (page.links)(page, &Seen { count: self.count, ids, more });
            serde_json::to_writer(&mut text, &links)?;
        }
        text.push(b'}');
        Ok(text)
    }
}

/// A list on its way.
struct Streamed<Q, R, F> {
    written: Written,
    fetch: F,
    request: Q,
    /// How many objects may still be fetched; none: all.
    left: Option<u32>,
    /// A page that is here and not written.
    ready: Option<(Vec<R>, String)>,
}

type Step<S> = Result<(Bytes, Option<S>), BrokenOff>;

impl<Q, R, F, P> Streamed<Q, R, F>
where
    Q: Paged,
    R: Shown,
    F: FnMut(Q) -> P,
    P: Future<Output = Fetched<R>>,
{
    /// Writes one page; none follows when it was the last one.
    async fn step(mut self) -> Step<Self> {
        let (objects, next) = match self.ready.take() {
            Some(page) => page,
            None => (self.fetch)(self.request.clone()).await.map_err(|refusal| {
                tracing::warn!(list = self.written.resource.many, "a reply was broken off: {refusal:?}");
                BrokenOff
            })?,
        };
        let mut text = self.written.objects(&objects).map_err(|_| BrokenOff)?;
        if next.is_empty() || self.left == Some(0) {
            text.extend(self.written.end(!next.is_empty()).map_err(|_| BrokenOff)?);
            return Ok((text.into(), None));
        }
        *self.request.token() = next;
        if let Some(left) = &mut self.left {
            let size = PAGE.min(*left);
            *self.request.size() = size;
            *left -= size;
        }
        Ok((text.into(), Some(self)))
    }
}

//! Calls of a Barbican's REST API, as the caller or as the service's own user.

use std::{sync::Arc, time::Duration};

use ballast_model::told::told;
use ballast_service::{
    auth::{Own, ServiceUser},
    clock::Clock,
    config,
    http::{Http, RawAnswer, Service},
};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{super::source::Refused, reference::Entity};

/// The largest answer but payloads: a container may have many consumers, each of them in it.
const MOST_BYTES: usize = 1 << 20;
/// Of which `consumers` of secrets are a part.
const VERSION: &str = "key-manager 1.1";

/// In whose name something is asked.
#[derive(Clone, Copy)]
pub(super) enum As<'a> {
    /// By his token.
    Caller(&'a str),
    Service,
}

/// What is asked.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// Behind `/v1/`.
    pub(super) path: &'a str,
    pub(super) accept: &'a str,
    pub(super) body: Option<Value>,
    pub(super) limit: usize,
}

impl<'a> Call<'a> {
    pub(super) const fn new(method: Method, path: &'a str, body: Option<Value>) -> Self {
        Self { method, path, accept: "application/json", body, limit: MOST_BYTES }
    }
}

/// A Barbican over HTTP.
pub(super) struct Client {
    http: Http,
    user: ServiceUser,
    /// Empty: as the catalogue says.
    url: String,
    interface: String,
    region: String,
}

impl Client {
    /// # Errors
    /// One line that names the key.
    pub(super) fn new(settings: &config::Barbican, clock: Clock) -> Result<Self, String> {
        let timeout = Duration::from_millis(settings.timeout_ms.into());
        let keystone_url = settings.keystone_url.as_str();
        let url = ("secrets.barbican.keystone_url", keystone_url);
        let keystone = Service { url, ca: ("secrets.barbican.keystone_ca", &settings.keystone_ca) };
        let user = ServiceUser::new(Http::new(&keystone, timeout)?, &settings.credentials(), true, clock)?;
        let url = match settings.url.as_str() {
            // The catalogue's is known later: that of Keystone is one that can be read.
            "" => keystone_url,
            url => url,
        };
        let service = Service { url: ("secrets.barbican.url", url), ca: ("secrets.barbican.ca", &settings.ca) };
        Ok(Self {
            http: Http::new(&service, timeout)?,
            user,
            url: settings.url.clone(),
            interface: settings.interface.clone(),
            region: settings.region.clone(),
        })
    }

    /// The id of the service's own user.
    pub(super) async fn user_id(&self) -> Result<String, Refused> {
        Ok(self.own(false).await?.user_id.clone())
    }

    /// An answer that is an object.
    pub(super) async fn object<T: DeserializeOwned>(&self, who: As<'_>, path: &str) -> Result<T, Refused> {
        let answer = self.call(who, &Call::new(Method::GET, path, None)).await?;
        serde_json::from_slice(&answer.body)
            .map_err(|_| Refused::Away(format!("Barbican's answer to {path} is not one of its API")))
    }

    pub(super) async fn call(&self, who: As<'_>, call: &Call<'_>) -> Result<RawAnswer, Refused> {
        // A token of our own that is not taken any more is replaced, once.
        for fresh in [false, true] {
            let own = self.own(fresh).await?;
            let token = match who {
                As::Caller(token) => token,
                As::Service => &own.token,
            };
            let answer = self.ask(&self.endpoint(&own)?, token, call).await?;
            if answer.status != StatusCode::UNAUTHORIZED {
                return judged(answer, call.path);
            }
            if let As::Caller(_) = who {
                return Err(Refused::Gone(format!("Barbican does not know who asks for {}", call.path)));
            }
        }
        Err(Refused::Away("Barbican does not take the token of the service's own user".to_owned()))
    }

    async fn own(&self, fresh: bool) -> Result<Arc<Own>, Refused> {
        self.user.own(fresh).await.map_err(|why| Refused::Away(told(&why)))
    }

    /// Without a slash at its end.
    fn endpoint(&self, own: &Own) -> Result<String, Refused> {
        let url = match self.url.as_str() {
            "" => own.endpoint("key-manager", &self.interface, &self.region).ok_or_else(|| {
                Refused::Away(format!("Keystone's catalogue has no {} endpoint of key-manager", self.interface))
            })?,
            url => url,
        };
        let url = url.trim_end_matches('/');
        Ok(url.strip_suffix("/v1").unwrap_or(url).to_owned())
    }

    async fn ask(&self, endpoint: &str, token: &str, call: &Call<'_>) -> Result<RawAnswer, Refused> {
        let request = self.http.request(call.method.clone(), &format!("{endpoint}/v1/{}", call.path));
        let request = request.header("x-auth-token", token).header("accept", call.accept);
        let mut request = request.header("openstack-api-version", VERSION);
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        self.http
            .send_bounded(request, call.limit)
            .await
            .map_err(|why| Refused::Away(told(&format!("Barbican: {why}"))))
    }
}

fn judged(answer: RawAnswer, path: &str) -> Result<RawAnswer, Refused> {
    let said = || {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let said = body["description"].as_str().unwrap_or_default();
        told(&format!("Barbican answers {} to {path}: {said}", answer.status.as_u16()))
    };
    match answer.status.as_u16() {
        200..=299 => Ok(answer),
        403 | 404 | 410 => Err(Refused::Gone(said())),
        408 | 429 | 500..=599 => Err(Refused::Away(said())),
        _ => Err(Refused::bad(said())),
    }
}

/// The path of a part of a secret or a container.
pub(super) fn of(entity: Entity, part: &str) -> String {
    format!("{entity}/{part}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_come_back_is_away_and_what_may_not_is_gone() {
        let answer = |status| {
            let bytes = br#"{"description": "two\nlines"}"#.to_vec();
            judged(
                RawAnswer { status: StatusCode::from_u16(status).unwrap(), headers: Default::default(), body: bytes },
                "secrets/1",
            )
        };
        assert!(answer(200).is_ok() && answer(204).is_ok());
        for status in [403, 404, 410] {
            assert!(matches!(answer(status), Err(Refused::Gone(said)) if !said.contains('\n')), "{status}");
        }
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(matches!(answer(status), Err(Refused::Away(_))), "{status}");
        }
        for status in [301, 400, 406, 413] {
            assert!(matches!(answer(status), Err(Refused::Bad(..))), "{status}");
        }
    }
}

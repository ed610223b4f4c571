//! A gateway, over REST.
//!
//! Redirects are not followed: a token must not travel to another host. No proxy is taken from the environment either.

use std::sync::Arc;

use ballast_service::tls::{self, ClientConfig, Files};
use form_urlencoded::Serializer;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{CONTENT_TYPE, HOST},
};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;

use super::{Base, PATIENCE, innermost};
use crate::{arguments::Target, failure::Failure, noun::Noun};

#[derive(Clone)]
pub(crate) struct Gateway {
    base: Base,
    tls: Option<Arc<ClientConfig>>,
    headers: HeaderMap,
    /// What the writes are called that are sent.
    request_id: Option<HeaderValue>,
}

impl Gateway {
    pub(super) fn new(base: Base, tls: Option<Arc<ClientConfig>>, target: &Target) -> Result<Self, Failure> {
        let mut headers = HeaderMap::new();
        if let Some(token) = &target.token {
            headers.insert(HeaderName::from_static("x-auth-token"), header("--token", &token.0)?);
        }
        if let Some(project) = &target.project {
            headers.insert(HeaderName::from_static("x-project-id"), header("--project", project)?);
        }
        Ok(Self { base, tls, headers, request_id: None })
    }

    /// The same, whose writes are called so.
    ///
    /// # Errors
    /// When no header can carry it.
    pub(crate) fn calling_it(&self, request_id: Option<&str>) -> Result<Self, Failure> {
        let name = request_id.map(HeaderValue::from_str).transpose();
        Ok(Self { request_id: name.map_err(|_| Failure::Header { option: "--request-id" })?, ..self.clone() })
    }

    pub(super) async fn list(&self, noun: &Noun, filter: Option<(&str, &str)>) -> Result<Vec<Value>, Failure> {
        let mut query = String::new();
        if let Some((key, value)) = filter {
            query = format!("?{}", Serializer::new(String::new()).append_pair(key, value).finish());
        }
        let (status, bytes) = self.send(&Method::GET, &format!("/v2.0/{}{query}", noun.path), None).await?;
        let mut body = self.read(status, &bytes)?;
        match body.get_mut(noun.wrapper).map(Value::take) {
            Some(Value::Array(objects)) => Ok(objects),
            _ => Err(self.foreign(format!("no '{}' in its answer", noun.wrapper))),
        }
    }

    /// One request of v2; `null` is an answer without a body.
    ///
    /// # Errors
    /// When the gateway cannot be reached, refuses, or is another than it should be.
    pub(crate) async fn ask(&self, method: Method, target: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let (status, bytes) = self.send(&method, target, body).await?;
        self.said(&method, target, status, &bytes)
    }

    /// What an answer says; `null` is one without a body.
    fn said(&self, method: &Method, target: &str, status: StatusCode, bytes: &[u8]) -> Result<Value, Failure> {
        let read: Option<Value> = if bytes.is_empty() { Some(Value::Null) } else { serde_json::from_slice(bytes).ok() };
        let path = target.split('?').next().unwrap_or(target);
        match (status, read) {
            (status, Some(read)) if status.is_success() => Ok(read),
            (StatusCode::UNAUTHORIZED, _) => Err(Failure::Token { url: self.base.to_string() }),
            (status, Some(read)) if words(&read).is_some() => {
                let message = words(&read).unwrap_or_default().replace(char::is_control, " ");
                Err(Failure::Answer { what: format!("{method} {}{path}", self.base), status: status.as_u16(), message })
            }
            (status, _) => Err(self.foreign(format!("HTTP {status} to {method} {path}"))),
        }
    }

    /// Status and body.
    async fn send(&self, method: &Method, target: &str, body: Option<&Value>) -> Result<(StatusCode, Bytes), Failure> {
        let asked = tokio::time::timeout(PATIENCE, self.exchange(method, target, body)).await;
        asked.unwrap_or_else(|_| Err("it took too long".to_owned())).map_err(|why| self.unreachable(why))
    }

    /// An answer that goes on, as that of events does.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub(crate) async fn open(&self, target: &str, last_id: Option<&str>) -> Result<Body, Failure> {
        let last_id = last_id.map(HeaderValue::from_str).transpose();
        let last_id = last_id.map_err(|_| self.foreign("the id of an event is no text".to_owned()))?;
        let begun = async {
            let headers = last_id.into_iter().map(|id| (HeaderName::from_static("last-event-id"), id)).collect();
            let response = self.response(&Method::GET, target, None, headers).await?;
            let status = response.status();
            if status.is_success() {
                return Ok(Ok(Body(response.into_body())));
            }
            let bytes = response.into_body().collect().await.map_err(|error| innermost(&error))?.to_bytes();
            Ok(Err((status, bytes)))
        };
        let begun: Result<_, String> =
            tokio::time::timeout(PATIENCE, begun).await.unwrap_or_else(|_| Err("it took too long".to_owned()));
        match begun.map_err(|why| self.unreachable(why))? {
            Ok(body) => Ok(body),
            Err((status, bytes)) => {
                let failure = self.said(&Method::GET, target, status, &bytes).err();
                Err(failure.unwrap_or_else(|| self.foreign(format!("HTTP {status}"))))
            }
        }
    }

    /// Status and body, or why there is none.
    async fn exchange(
        &self,
        method: &Method,
        target: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Bytes), String> {
        let response = self.response(method, target, body, HeaderMap::new()).await?;
        let status = response.status();
        let bytes = response.into_body().collect().await.map_err(|error| innermost(&error))?.to_bytes();
        Ok((status, bytes))
    }

    /// What begins to answer.
    async fn response(
        &self,
        method: &Method,
        target: &str,
        body: Option<&Value>,
        headers: HeaderMap,
    ) -> Result<Response<Incoming>, String> {
        let Base::Rest { authority, path, .. } = &self.base else { return Err("it is no gateway".to_owned()) };
        let stream = tls::connect(authority, self.tls.clone()).await.map_err(|error| innermost(&error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| innermost(&error))?;
        let mut request = Request::builder().method(method).uri(format!("{path}{target}")).header(HOST, authority);
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let mut request = request.body(Full::new(bytes)).map_err(|error| error.to_string())?;
        request.headers_mut().extend(self.headers.clone());
        request.headers_mut().extend(headers);
        if let Some(id) = self.request_id.as_ref().filter(|_| method != Method::GET) {
            request.headers_mut().insert(HeaderName::from_static("x-openstack-request-id"), id.clone());
            if method == Method::POST && !target.contains("validate_only=") {
                request.headers_mut().insert(HeaderName::from_static("idempotency-key"), id.clone());
            }
        }
        // Why it breaks off is told by the answer that does not come.
        tokio::spawn(connection);
        sender.send_request(request).await.map_err(|error| innermost(&error))
    }

    fn read(&self, status: StatusCode, bytes: &[u8]) -> Result<Value, Failure> {
        let body: Option<Value> = serde_json::from_slice(bytes).ok();
        let message = body.as_ref().and_then(|body| body["NeutronError"]["message"].as_str());
        match (body.as_ref(), message) {
            (_, Some(message)) => Err(Failure::Refused { message: message.replace(char::is_control, " ") }),
            (Some(_), None) if status.is_success() => body.ok_or_else(|| self.foreign(status.to_string())),
            (_, None) if status == StatusCode::UNAUTHORIZED => Err(Failure::Token { url: self.base.to_string() }),
            _ => Err(self.foreign(format!("HTTP {status}"))),
        }
    }

    fn unreachable(&self, why: String) -> Failure {
        Failure::Unreachable { url: self.base.to_string(), why }
    }

    #[cfg(feature = "top")]
    pub(crate) fn url(&self) -> String {
        self.base.to_string()
    }

    /// An answer that goes on has broken off.
    pub(crate) fn broken(&self, why: String) -> Failure {
        Failure::Broken { url: self.base.to_string(), why }
    }

    /// It is another than it should be.
    pub(crate) fn foreign(&self, why: String) -> Failure {
        Failure::Foreign { url: self.base.to_string(), why }
    }
}

/// An answer with all that it has.
pub(crate) struct Whole {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// One request of a server that is none of ours; why there is no answer.
///
/// # Errors
/// When it cannot be reached.
pub(crate) async fn once(
    url: &str,
    files: &Files,
    (method, path): (Method, &str),
    body: &Value,
) -> Result<Whole, String> {
    let base: Base = url.parse().map_err(|_| "this is no address: write it as http(s)://HOST:PORT".to_owned())?;
    let tls = if base.is_secure() { Some(tls::rest_client(files)?) } else { None };
    let server = Gateway { base, tls, headers: HeaderMap::new(), request_id: None };
    let asked = async {
        let response = server.response(&method, path, Some(body), HeaderMap::new()).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| innermost(&error))?.to_bytes();
        Ok(Whole { status: parts.status, headers: parts.headers, body })
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err("it took too long".to_owned()))
}

/// An answer that goes on.
pub(crate) struct Body(Incoming);

impl Body {
    /// The next piece; none: it has ended.
    ///
    /// # Errors
    /// Why it broke off.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, String> {
        loop {
            match self.0.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(innermost(&error)),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }
}

/// What an answer that is none says: of v2 in one of its two forms, or of what is beside it in Neutron's.
fn words(body: &Value) -> Option<&str> {
    let found = [&body["faultstring"], &body["NeutronError"]["message"], &body["description"], &body["title"]];
    found.into_iter().filter_map(Value::as_str).find(|text| !text.is_empty())
}

fn header(option: &'static str, text: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(text).map_err(|_| Failure::Header { option })?;
    value.set_sensitive(true);
    Ok(value)
}

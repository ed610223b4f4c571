//! The gateway's REST API, as far as this command needs it: lists with one filter.
//!
//! Redirects are not followed: a token must not travel to another host.

use std::{error::Error, time::Duration};

use reqwest::{
    Client, Response, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};
use serde_json::Value;

use crate::{arguments::Connection, failure::Failure, noun::Noun};

const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(60);

/// A gateway.
pub(crate) struct Api {
    client: Client,
    base: Url,
}

impl Api {
    /// # Errors
    /// When the address or a header cannot be one.
    pub(crate) fn new(connection: &Connection) -> Result<Self, Failure> {
        let base = base(&connection.url)?;
        let mut headers = HeaderMap::new();
        if let Some(token) = &connection.token {
            headers.insert(HeaderName::from_static("x-auth-token"), header("--token", &token.0)?);
        }
        if let Some(project) = &connection.project {
            headers.insert(HeaderName::from_static("x-project-id"), header("--project", project)?);
        }
        let mut builder = Client::builder()
            .default_headers(headers)
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .timeout(ANSWER);
        if is_loopback(&base) {
            // The proxy of the environment could not reach this machine's own loopback.
            builder = builder.no_proxy();
        }
        Ok(Self { client: builder.build().map_err(Failure::Client)?, base })
    }

    /// The objects of a collection, in the gateway's order; with a filter, those with this value of this key.
    ///
    /// # Errors
    /// When the gateway cannot be reached, refuses, or is no gateway.
    pub(crate) async fn list(&self, noun: &Noun, filter: Option<(&str, &str)>) -> Result<Vec<Value>, Failure> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/v2.0/{}", self.base.path().trim_end_matches('/'), noun.path));
        if let Some((key, value)) = filter {
            url.query_pairs_mut().append_pair(key, value);
        }
        let answer = self.client.get(url).send().await.map_err(|error| self.unreachable(&error))?;
        let mut body = self.read(answer).await?;
        match body.get_mut(noun.wrapper).map(Value::take) {
            Some(Value::Array(objects)) => Ok(objects),
            _ => Err(self.foreign(format!("no '{}' in its answer", noun.wrapper))),
        }
    }

    async fn read(&self, answer: Response) -> Result<Value, Failure> {
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(|error| self.unreachable(&error))?;
        let body: Option<Value> = serde_json::from_slice(&bytes).ok();
        let message = body.as_ref().and_then(|body| body["NeutronError"]["message"].as_str());
        match (body.as_ref(), message) {
            (_, Some(message)) => Err(Failure::Refused { message: message.replace(char::is_control, " ") }),
            (Some(_), None) if status.is_success() => body.ok_or_else(|| self.foreign(status.to_string())),
            _ => Err(self.foreign(format!("HTTP {status}"))),
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let mut innermost: &dyn Error = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        let why = if error.is_timeout() { "it took too long".to_owned() } else { innermost.to_string() };
        Failure::Unreachable { url: self.shown(), why }
    }

    fn foreign(&self, why: String) -> Failure {
        Failure::Foreign { url: self.shown(), why }
    }

    fn shown(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }
}

fn base(text: &str) -> Result<Url, Failure> {
    let refuse = || Failure::Url { url: text.to_owned() };
    let url = Url::parse(text).map_err(|_| refuse())?;
    match url.scheme() {
        // A password in the address would be shown with it.
        "http" if url.has_host() && url.username().is_empty() && url.password().is_none() => Ok(url),
        "https" => Err(Failure::Tls { url: text.to_owned() }),
        _ => Err(refuse()),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn header(option: &'static str, text: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(text).map_err(|_| Failure::Header { option })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_none_are_refused() {
        for text in ["", "localhost", "localhost:9696", "ftp://x", "http://user:secret@x", "/v2.0"] {
            assert!(matches!(base(text), Err(Failure::Url { .. })), "{text}");
        }
        assert!(matches!(base("https://x"), Err(Failure::Tls { .. })));
        assert!(base("http://[::1]:9696/").is_ok());
    }

    #[test]
    fn loopback_is_known_in_each_spelling() {
        for (text, loopback) in [
            ("http://127.0.0.1:9696", true),
            ("http://localhost", true),
            ("http://[::1]:1/", true),
            ("http://gateway.example", false),
            ("http://192.0.2.1", false),
        ] {
            assert_eq!(is_loopback(&base(text).unwrap()), loopback, "{text}");
        }
    }
}

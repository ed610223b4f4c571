//! A REST client that says what it got.

use std::fmt;

use reqwest::{
    Method,
    header::{HeaderMap, HeaderValue},
};
use serde_json::Value;

/// A client of a gateway, for test bodies that are not async.
#[derive(Debug)]
pub struct Rest {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    url: String,
    token: String,
    headers: HeaderMap,
}

/// A status and a body.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub status: u16,
    /// `null` when the body is empty or not JSON.
    pub body: Value,
}

impl Reply {
    /// The object in the body's wrapper.
    #[must_use]
    pub fn object(&self) -> &Value {
        self.body.as_object().and_then(|body| body.values().next()).unwrap_or(&Value::Null)
    }

    /// The id of the object in the body's wrapper.
    #[must_use]
    pub fn id(&self) -> String {
        self.object()["id"].as_str().unwrap_or_default().to_owned()
    }

    /// Type and message of Neutron's error body.
    #[must_use]
    pub fn error(&self) -> (&str, &str) {
        let error = &self.body["NeutronError"];
        (error["type"].as_str().unwrap_or_default(), error["message"].as_str().unwrap_or_default())
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.body)
    }
}

impl Rest {
    /// # Panics
    /// When no runtime can be started.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self {
            runtime,
            client: ballast_service::http::plain().expect("a client"),
            url: url.to_owned(),
            token: String::new(),
            headers: HeaderMap::new(),
        }
    }

    /// As a caller who shows this token; empty: none.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self
    }

    /// As a caller who sends this header each time.
    ///
    /// # Panics
    /// When it is no header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// What is answered, as text.
    ///
    /// # Panics
    /// When nobody answers.
    #[must_use]
    pub fn text(&self, path: &str) -> String {
        let request = self.client.get(format!("{}{path}", self.url)).headers(self.headers.clone());
        self.runtime.block_on(async { request.send().await?.text().await }).expect("an answer")
    }

    /// The same, within this time; none when nobody answers, or not with 200.
    #[must_use]
    pub fn try_text(&self, path: &str, patience: std::time::Duration) -> Option<String> {
        let request = self.client.get(format!("{}{path}", self.url)).headers(self.headers.clone()).timeout(patience);
        self.runtime.block_on(async {
            let response = request.send().await.ok()?.error_for_status().ok()?;
            response.text().await.ok()
        })
    }

    /// What has come of an answer that does not end, when this time is over; none when nobody answers.
    #[must_use]
    pub fn try_begin(&self, path: &str, patience: std::time::Duration) -> Option<String> {
        let request = self.client.get(format!("{}{path}", self.url)).headers(self.headers.clone());
        self.runtime.block_on(async {
            let mut response = request.send().await.ok()?.error_for_status().ok()?;
            let mut come = Vec::new();
            let gather = async {
                while let Ok(Some(bytes)) = response.chunk().await {
                    come.extend_from_slice(&bytes);
                }
            };
            // It lasts as long as it may.
            let _ = tokio::time::timeout(patience, gather).await;
            Some(String::from_utf8_lossy(&come).into_owned())
        })
    }

    /// One request; none when nobody answers.
    #[must_use]
    pub fn try_call(&self, method: &str, path: &str, body: Option<&Value>) -> Option<Reply> {
        let method = Method::from_bytes(method.as_bytes()).ok()?;
        let mut request = self.client.request(method, format!("{}{path}", self.url)).headers(self.headers.clone());
        if !self.token.is_empty() {
            request = request.header("x-auth-token", &self.token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        self.runtime.block_on(async {
            let response = request.send().await.ok()?;
            let status = response.status().as_u16();
            let bytes = response.bytes().await.ok()?;
            Some(Reply { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
        })
    }

    /// # Panics
    /// When nobody answers.
    #[must_use]
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        self.try_call(method, path, body).unwrap_or_else(|| panic!("{method} {path}: no answer"))
    }

    /// # Panics
    /// When it is not a 200.
    #[must_use]
    pub fn get(&self, path: &str) -> Value {
        let reply = self.call("GET", path, None);
        assert_eq!(reply.status, 200, "GET {path}: {reply}");
        reply.body
    }

    /// For who waits: none while no scheduler answers the gateway, or no gateway the caller.
    ///
    /// # Panics
    /// When it is anything else but a 200.
    #[must_use]
    pub fn look(&self, path: &str) -> Option<Value> {
        let reply = self.try_call("GET", path, None).filter(|reply| reply.status != 503)?;
        assert_eq!(reply.status, 200, "GET {path}: {reply}");
        Some(reply.body)
    }

    /// # Panics
    /// When it is not a 201.
    #[must_use]
    pub fn create(&self, path: &str, body: &Value) -> Reply {
        let reply = self.call("POST", path, Some(body));
        assert_eq!(reply.status, 201, "POST {path} {body}: {reply}");
        reply
    }

    /// # Panics
    /// When it is not a 200.
    pub fn update(&self, path: &str, body: &Value) -> Reply {
        let reply = self.call("PUT", path, Some(body));
        assert_eq!(reply.status, 200, "PUT {path} {body}: {reply}");
        reply
    }

    /// # Panics
    /// When it is not a 204.
    pub fn delete(&self, path: &str) {
        let reply = self.call("DELETE", path, None);
        assert_eq!(reply.status, 204, "DELETE {path}: {reply}");
    }
}

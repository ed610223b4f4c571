//! HTTP for the ACME client: that of all calls of other services.

use std::pin::Pin;

use ballast_service::http::Http;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};

pub(super) struct Client(pub(super) Http);

impl HttpClient for Client {
    fn request(
        &self,
        request: http::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let http = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(|error| Error::Other(Box::new(error)))?.to_bytes();
            let sent = http.request(parts.method, &parts.uri.to_string()).headers(parts.headers).body(body);
            let answer = http.send_raw(sent).await.map_err(|why| Error::Other(why.into()))?;
            let mut response = http::Response::new(Full::new(Bytes::from(answer.body)));
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            Ok(BytesResponse::from(response))
        })
    }
}

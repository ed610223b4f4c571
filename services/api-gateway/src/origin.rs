//! By which name this gateway was called, and by whose page.
//!
//! Where nobody is asked for a token, being able to send a request is all that it takes, and a browser sends what any page
//! tells it to. So a page of others is refused, a name that is not this gateway's too (others can make their name lead to
//! this machine), and a body has to be JSON by its type, which a browser does not send for others without asking first.
//! `Host` is read here and nowhere else: links in replies are made of what was found good.

use std::net::IpAddr;

use axum::{
    body::HttpBody as _,
    extract::{Request, State},
    http::{HeaderMap, Method, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use ballast_service::config::{AuthMode, Settings};
use ipnet::IpNet;

use crate::{
    Gateway,
    kit::refusal::{Manner, Refusal},
    request_id::RequestId,
    serve::Dialler,
};

/// `https://host`, as the client sees this gateway.
#[derive(Debug, Clone)]
pub(crate) struct Origin(pub(crate) String);

/// What is known of this gateway's names.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    scheme: &'static str,
    /// Those of the configuration, in lower case.
    public: Vec<String>,
    listen: IpAddr,
    /// Proxies that are believed when they say how they were called.
    proxies: Vec<IpNet>,
    /// Callers need no token.
    open: bool,
}

impl Names {
    /// # Errors
    /// One line that names the key.
    pub(crate) fn new(settings: &Settings) -> Result<Self, String> {
        let gateway = &settings.gateway;
        let name = |text: &String| match text.parse::<Authority>() {
            Ok(name) if name.as_str() == name.host() => Ok(plain(name.host())),
            _ => Err(format!("gateway.public_hosts: {text:?} is no name or address of a host, without a port")),
        };
        let proxy = |text: &String| {
            let parsed = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            parsed.map_err(|_| {
                format!("gateway.trusted_proxies: {text:?} is no address and no network (as 192.0.2.0/24)")
            })
        };
        Ok(Self {
            scheme: if gateway.tls_cert.as_os_str().is_empty() { "http" } else { "https" },
            public: gateway.public_hosts.iter().map(name).collect::<Result<_, _>>()?,
            listen: gateway.listen.ip(),
            proxies: gateway.trusted_proxies.iter().map(proxy).collect::<Result<_, _>>()?,
            open: settings.auth.mode == AuthMode::None,
        })
    }

    /// How the client called this gateway.
    fn called(&self, request: &Request) -> Result<Origin, Refusal> {
        let mut called = None;
        let asked = request.uri().authority().map(|authority| authority.as_str().as_bytes());
        let hosts = request.headers().get_all(header::HOST).iter().map(|host| host.as_bytes());
        for (index, host) in hosts.enumerate() {
            let host = Authority::try_from(host).ok().filter(|host| index == 0 && self.is_one(host));
            called = Some(host.ok_or_else(unknown)?);
        }
        if let Some(asked) = asked {
            called = Some(Authority::try_from(asked).ok().filter(|host| self.is_one(host)).ok_or_else(unknown)?);
        }
        // Clients of HTTP/1.0 need not say it.
        let host = called.as_ref().map_or("localhost", Authority::as_str);
        Ok(Origin(format!("{}://{host}", self.scheme_of(request))))
    }

    /// What the client spoke: a proxy that is believed may have spoken TLS for this gateway.
    fn scheme_of(&self, request: &Request) -> &'static str {
        let dialler = request.extensions().get::<Dialler>().map(|Dialler(address)| address.to_canonical());
        let believed = dialler.is_some_and(|address| self.proxies.iter().any(|proxy| proxy.contains(&address)));
        let said = believed.then(|| forwarded(request.headers())).flatten();
        match said.as_deref() {
            Some("https") => "https",
            Some("http") => "http",
            _ => self.scheme,
        }
    }

    /// Whether that is a name of this gateway. Where tokens are asked for and none is configured, any may be.
    fn is_one(&self, called: &Authority) -> bool {
        let host = plain(called.host());
        // A name with a user before it, or with more than a port behind it, is none.
        let port = called.as_str().strip_prefix(called.host());
        let is_whole = port.is_some_and(|port| port.is_empty() || port[1..].parse::<u16>().is_ok());
        if host.is_empty() || !is_whole {
            return false;
        }
        let is_ours = |address: IpAddr| address.is_loopback() || address == self.listen && !address.is_unspecified();
        (!self.open && self.public.is_empty())
            || host == "localhost"
            || host.trim_matches(['[', ']']).parse().is_ok_and(is_ours)
            || self.public.contains(&host)
    }

    /// Whether a page that is not of this gateway sends it.
    fn is_of_another(&self, headers: &HeaderMap, called: &Origin) -> bool {
        let all = |name| headers.get_all(name).iter().map(|value| value.as_bytes());
        let is_own = |site: &[u8]| matches!(site, b"same-origin" | b"none");
        if headers.contains_key("sec-fetch-site") {
            return !all("sec-fetch-site").all(is_own);
        }
        // Whoever stands before the gateway may speak TLS for it.
        let host = called.0.split_once("://").map_or("", |(_, host)| host);
        let authority = |page: &[u8]| {
            let page = page.strip_prefix(b"http://").or_else(|| page.strip_prefix(b"https://"));
            page.is_some_and(|page| page.eq_ignore_ascii_case(host.as_bytes()))
        };
        !all("origin").all(authority)
    }

    /// The same of what the dashboard is asked. Browsers send its cookie by themselves, so pages of others are refused in
    /// every mode, but for a link of theirs that leads here; and a form has to be of a browser that says whose page it is.
    fn check_page(&self, request: &Request) -> Result<Origin, Refusal> {
        let called = self.called(request)?;
        let headers = request.headers();
        let is_link = request.method() == Method::GET
            && headers.get("sec-fetch-mode").is_some_and(|mode| mode.as_bytes() == b"navigate");
        let is_said = request.method() == Method::GET
            || headers.contains_key("sec-fetch-site")
            || headers.contains_key(header::ORIGIN);
        if !is_said || self.is_of_another(headers, &called) && !is_link {
            return Err(Manner::OtherSite.into());
        }
        Ok(called)
    }

    fn check(&self, request: &Request) -> Result<Origin, Refusal> {
        let called = self.called(request)?;
        if !self.open {
            return Ok(called);
        }
        if self.is_of_another(request.headers(), &called) {
            return Err(Manner::OtherSite.into());
        }
        if !request.body().is_end_stream() && !is_json(request.headers()) {
            let media = request.headers().get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok());
            return Err(Manner::NotJson(media.unwrap_or_default().to_owned()).into());
        }
        Ok(called)
    }
}

/// What the client spoke, as a proxy says it: `Forwarded` (RFC 7239) or `X-Forwarded-Proto`. The first that is named is the
/// client's.
fn forwarded(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let standard = text("forwarded").and_then(|value| {
        let first = value.split(',').next().unwrap_or_default();
        let pairs = first.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("proto")).map(|(_, proto)| proto.trim_matches('"'))
    });
    let said = standard.or_else(|| text("x-forwarded-proto").and_then(|value| value.split(',').next()));
    said.map(|proto| proto.trim().to_ascii_lowercase())
}

/// In lower case, without the dot that a full name may end with.
fn plain(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(media), None) = (types.next(), types.next()) else { return false };
    let media = media.to_str().unwrap_or_default();
    media.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

fn unknown() -> Refusal {
    Manner::UnknownHost.into()
}

/// The middleware that asks.
pub(crate) async fn check(State(gateway): State<Gateway>, mut request: Request, next: Next) -> Response {
    match gateway.names.check(&request) {
        Ok(called) => {
            request.extensions_mut().insert(called);
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// The middleware that asks for the dashboard, and tells it by what it was called.
pub(crate) async fn check_page(State(gateway): State<Gateway>, mut request: Request, next: Next) -> Response {
    let called = match gateway.names.check_page(&request) {
        Ok(called) => called,
        Err(Refusal::Manner(Manner::OtherSite)) => return ballast_ui::refuse_other_site(),
        Err(_) => return ballast_ui::refuse_unknown_host(),
    };
    let asked = ballast_ui::Asked {
        is_https: called.0.starts_with("https://"),
        origin: called.0,
        dialler: request.extensions().get::<Dialler>().map(|Dialler(address)| address.to_canonical()),
        request_id: request.extensions().get::<RequestId>().and_then(RequestId::metadata),
    };
    request.extensions_mut().insert(asked);
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_another_site_leads_here_by_a_link_and_by_nothing_else() {
        for mode in [AuthMode::None, AuthMode::TokenFile, AuthMode::Keystone] {
            let names = names(mode, &[]);
            let good = |method: &str, headers: &[(&str, &str)]| {
                let mut request = Request::builder().method(method).uri("/ui/").header("host", "localhost:1");
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                names.check_page(&request.body(axum::body::Body::empty()).unwrap()).is_ok()
            };
            let (same, none) = (("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none"));
            let (cross, link) = (("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"));
            let (own, other) = (("origin", "http://localhost:1"), ("origin", "http://localhost:2"));
            for headers in [&[][..], &[same], &[none], &[own], &[cross, link]] {
                assert!(good("GET", headers), "{mode:?} {headers:?}");
            }
            for headers in [&[cross][..], &[("sec-fetch-site", "same-site")], &[other], &[("origin", "null")]] {
                assert!(!good("GET", headers) && !good("POST", headers), "{mode:?} {headers:?}");
            }
            for headers in [&[same][..], &[none], &[own], &[same, other]] {
                assert!(good("POST", headers), "{mode:?} {headers:?}");
            }
            for headers in [&[][..], &[cross, link], &[cross, own], &[link]] {
                assert!(!good("POST", headers), "{mode:?} {headers:?}");
            }
            let foreign = [("host", "evil.example")];
            assert!(mode != AuthMode::None || !good("GET", &foreign), "two hosts, one of them foreign");
        }
    }

    #[test]
    fn a_proxy_says_what_the_client_spoke_where_it_is_believed() {
        let mut settings = Settings::default();
        settings.gateway.trusted_proxies = vec!["192.0.2.7".to_owned(), "198.51.100.0/24".to_owned()];
        let names = Names::new(&settings).unwrap();
        let scheme = |dialler: &str, (name, value): (&str, &str)| {
            let mut request =
                Request::builder().uri("/v2.0").header(name, value).body(axum::body::Body::empty()).unwrap();
            request.extensions_mut().insert(Dialler(dialler.parse().unwrap()));
            names.scheme_of(&request)
        };
        for (header, scheme_said) in [
            (("x-forwarded-proto", "https"), "https"),
            (("X-Forwarded-Proto", "HTTPS, http"), "https"),
            (("x-forwarded-proto", "http"), "http"),
            (("x-forwarded-proto", "gopher"), "http"),
            (("forwarded", "for=192.0.2.60;proto=https;by=203.0.113.43"), "https"),
            (("forwarded", "For=\"[2001:db8::1]\"; Proto=\"https\", for=10.0.0.1;proto=http"), "https"),
            (("forwarded", "for=192.0.2.60"), "http"),
        ] {
            for dialler in ["192.0.2.7", "198.51.100.9", "::ffff:192.0.2.7"] {
                assert_eq!(scheme(dialler, header), scheme_said, "{dialler} {header:?}");
            }
            assert_eq!(scheme("192.0.2.8", header), "http", "a stranger: {header:?}");
        }
        settings.gateway.trusted_proxies = vec!["proxy".to_owned()];
        assert!(Names::new(&settings).unwrap_err().contains("gateway.trusted_proxies"));
    }

    fn names(mode: AuthMode, public: &[&str]) -> Names {
        let mut settings = Settings::default();
        settings.auth.mode = mode;
        settings.gateway.listen = ([192, 0, 2, 7], 9696).into();
        settings.gateway.public_hosts = public.iter().map(|&name| name.to_owned()).collect();
        Names::new(&settings).unwrap()
    }

    fn good(names: &Names, host: &str) -> bool {
        host.parse().is_ok_and(|host| names.is_one(&host))
    }

    #[test]
    fn only_its_own_names_are_good_where_no_token_is_asked_for() {
        let names = names(AuthMode::None, &["lb.example", "[2001:db8::1]"]);
        for host in [
            "127.0.0.1",
            "127.0.0.1:9696",
            "127.9.9.9",
            "localhost:1",
            "LOCALHOST.",
            "[::1]:9696",
            "192.0.2.7",
            "lb.example",
            "LB.example.:443",
            "[2001:db8::1]:9696",
        ] {
            assert!(good(&names, host), "{host}");
        }
        for host in [
            "",
            ":9696",
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "192.0.2.8",
            "0.0.0.0",
            "[::]",
            "user@localhost",
            "lb.example@evil.example",
            "a b",
            "localhost/x",
            "[::ffff:192.0.2.8]",
        ] {
            assert!(!good(&names, host), "{host}");
        }
    }

    #[test]
    fn where_tokens_are_asked_for_names_are_checked_once_they_are_configured() {
        assert!(good(&names(AuthMode::TokenFile, &[]), "any.example:9696"));
        assert!(!good(&names(AuthMode::TokenFile, &[]), "x@any.example"));
        assert!(good(&names(AuthMode::Keystone, &["lb.example"]), "lb.example"));
        assert!(!good(&names(AuthMode::Keystone, &["lb.example"]), "any.example"));
    }

    #[test]
    fn a_public_host_is_a_host() {
        for text in ["", "lb.example:9696", "http://lb.example", "a b", "x@lb.example"] {
            let mut settings = Settings::default();
            settings.gateway.public_hosts = vec![text.to_owned()];
            assert!(Names::new(&settings).unwrap_err().contains("gateway.public_hosts"), "{text}");
        }
    }
}

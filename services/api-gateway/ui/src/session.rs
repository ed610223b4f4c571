//! The session: a cookie with what is needed, encrypted, so that any gateway with the same key can go on with it and none
//! keeps anything. A token never stands in a page, a script or an address.

use std::path::Path;

use axum::{
    body::Bytes,
    extract::{Extension, State},
    http::{HeaderMap, header},
    response::{AppendHeaders, IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::{Cookie, Key, PrivateCookieJar, SameSite};
use ballast_service::{chance::Chance, config::AuthMode, secret};
use serde::{Deserialize, Serialize};

use crate::{Asked, Dashboard, trouble::Trouble};

/// How long a key is.
const KEY: usize = 64;
/// The longest cookie that browsers keep, with its name and what stands around it.
const LONGEST: usize = 4_000;
const THEME: &str = "ballast-theme";
/// Long enough that nobody chooses twice.
const A_YEAR: &str = "31536000";

/// What a cookie has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    #[serde(default, skip_serializing_if = "String::is_empty", rename = "t")]
    pub(crate) token: String,
    /// The token was got for this session, and ends with it.
    #[serde(default, rename = "o")]
    pub(crate) is_ours: bool,
    /// The token by which those of projects are got: Keystone gives none for one that is of a project, and ends what came of
    /// a token along with it. Empty: it is `token`.
    #[serde(default, skip_serializing_if = "String::is_empty", rename = "r")]
    pub(crate) root: String,
    /// That one was got for this session, too.
    #[serde(default, rename = "s")]
    pub(crate) is_root_ours: bool,
    /// The project that an admin looks at; empty: all.
    #[serde(default, skip_serializing_if = "String::is_empty", rename = "p")]
    pub(crate) project: String,
    /// How the token's project is called, where that is known.
    #[serde(default, skip_serializing_if = "String::is_empty", rename = "n")]
    pub(crate) project_name: String,
}

/// The key of cookies: of the file that all gateways have, or made for this process.
///
/// # Errors
/// One line that names the configuration's key.
pub(crate) fn key(file: &Path, chance: &Chance, mode: AuthMode) -> Result<Key, String> {
    if file.as_os_str().is_empty() {
        if mode != AuthMode::None {
            tracing::info!("gateway.cookie_key_file is not set: sessions of the dashboard end with this process");
        }
        let bytes: Vec<u8> = (0..KEY / 8).flat_map(|_| chance.number().to_be_bytes()).collect();
        return Key::try_from(bytes.as_slice()).map_err(|error| error.to_string());
    }
    let refuse = |why: String| format!("gateway.cookie_key_file = \"{}\": {why}", file.display());
    secret::check(file).map_err(refuse)?;
    let bytes = std::fs::read(file).map_err(|error| refuse(error.to_string()))?;
    if bytes.len() < KEY {
        return Err(refuse(format!(
            "it has {} bytes, and not {KEY} by chance (head -c {KEY} /dev/urandom)",
            bytes.len()
        )));
    }
    Key::try_from(&bytes[..KEY]).map_err(|error| refuse(error.to_string()))
}

/// With TLS the name says that the cookie is for this host alone, and browsers hold to it.
const fn name(is_https: bool) -> &'static str {
    if is_https { "__Host-ballast" } else { "ballast" }
}

impl Session {
    /// The token by which others are got.
    pub(crate) fn source(&self) -> &str {
        if self.root.is_empty() { &self.token } else { &self.root }
    }

    /// Ends what was got for this session.
    pub(crate) async fn revoke(&self, dashboard: &Dashboard) {
        for (token, is_ours) in [(&self.token, self.is_ours), (&self.root, self.is_root_ours)] {
            if is_ours
                && !token.is_empty()
                && let Err(denied) = dashboard.authenticator.revoke(token).await
            {
                tracing::warn!("a token of the dashboard could not be revoked: {denied:?}");
            }
        }
    }

    /// That of a request; an empty one where it has none that is good.
    pub(crate) fn of(dashboard: &Dashboard, headers: &HeaderMap, asked: &Asked) -> Self {
        let jar: PrivateCookieJar = PrivateCookieJar::from_headers(headers, dashboard.key.clone());
        let cookie = jar.get(name(asked.is_https));
        cookie.and_then(|cookie| serde_json::from_str(cookie.value()).ok()).unwrap_or_default()
    }

    /// Onto a response.
    ///
    /// # Errors
    /// The token is too long for a cookie.
    pub(crate) fn onto(
        &self,
        dashboard: &Dashboard,
        asked: &Asked,
        response: impl IntoResponse,
    ) -> Result<Response, Trouble> {
        let mut cookie = Cookie::new(name(asked.is_https), serde_json::to_string(self).unwrap_or_default());
        cookie.set_http_only(true);
        cookie.set_secure(asked.is_https);
        cookie.set_same_site(SameSite::Lax);
        cookie.set_path("/");
        let jar: PrivateCookieJar = PrivateCookieJar::from_headers(&HeaderMap::new(), dashboard.key.clone());
        let response = (jar.add(cookie), response).into_response();
        let longest = response.headers().get_all(header::SET_COOKIE).iter().map(|value| value.len()).max();
        if longest.is_some_and(|longest| longest > LONGEST) {
            let message =
                "The token is too long for a cookie, as those of Keystone's PKI are: use another kind of token.";
            return Err(Trouble::Faulty(message.to_owned()));
        }
        Ok(response)
    }
}

/// Ends the session in the browser.
pub(crate) fn end(asked: &Asked, response: impl IntoResponse) -> Response {
    let secure = if asked.is_https { "; Secure" } else { "" };
    let gone = format!("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}", name(asked.is_https));
    (AppendHeaders([(header::SET_COOKIE, gone)]), response).into_response()
}

/// Light, dark, or as the browser has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Theme {
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The one that the button leads to.
    pub(crate) const fn next(self) -> Self {
        match self {
            Self::Auto => Self::Dark,
            Self::Dark => Self::Light,
            Self::Light => Self::Auto,
        }
    }

    fn named(name: &str) -> Self {
        [Self::Light, Self::Dark].into_iter().find(|theme| theme.name() == name).unwrap_or_default()
    }

    /// What was chosen.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let all = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        let mut pairs = all.flat_map(|cookies| cookies.split(';')).filter_map(|one| one.trim().split_once('='));
        pairs.find(|(name, _)| *name == THEME).map(|(_, value)| Self::named(value)).unwrap_or_default()
    }
}

/// A form's fields.
#[derive(Debug, Clone)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) fn read(body: &[u8]) -> Self {
        Self::of(form_urlencoded::parse(body).into_owned().collect())
    }

    pub(crate) const fn of(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// Empty: there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All of this name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// As they were sent.
    pub(crate) fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }
}

/// Where a form leads back to: a page of the dashboard, whatever was asked for.
pub(crate) fn back(path: &str) -> Redirect {
    let is_here = path.starts_with("/ui/") && !path.contains(['\\', '\r', '\n']) && !path.starts_with("/ui/live");
    Redirect::to(if is_here { path } else { "/ui/" })
}

pub(crate) async fn choose_theme(
    State(_): State<Dashboard>,
    Extension(asked): Extension<Asked>,
    body: Bytes,
) -> Response {
    let form = Form::read(&body);
    let secure = if asked.is_https { "; Secure" } else { "" };
    let theme = Theme::named(form.get("theme")).name();
    let chosen = format!("{THEME}={theme}; Path=/ui; Max-Age={A_YEAR}; HttpOnly; SameSite=Lax{secure}");
    (AppendHeaders([(header::SET_COOKIE, chosen)]), back(form.get("back"))).into_response()
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, os::unix::fs::PermissionsExt};

    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_key_is_64_bytes_that_nobody_else_can_read() {
        let chance = Chance::system();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let key = |path: &Path| key(path, &chance, AuthMode::TokenFile);
        assert!(key(Path::new("")).is_ok());
        assert!(key(Path::new("/nosuch")).err().unwrap().contains("gateway.cookie_key_file"));
        file.write_all(&[7; 63]).unwrap();
        assert!(key(file.path()).err().unwrap().contains("63 bytes"));
        file.write_all(&[7]).unwrap();
        assert!(key(file.path()).is_ok());
        std::fs::set_permissions(file.path(), PermissionsExt::from_mode(0o644)).unwrap();
        assert!(key(file.path()).err().unwrap().contains("chmod"));
    }

    #[test]
    fn a_theme_is_read_among_other_cookies() {
        let theme = |cookies: &'static str| {
            Theme::of(&HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(cookies))]))
        };
        assert_eq!(theme("a=b; ballast-theme=dark"), Theme::Dark);
        assert_eq!(theme("ballast-theme=light;a=b"), Theme::Light);
        assert_eq!(theme("ballast-theme=pink"), Theme::Auto);
        assert_eq!(Theme::of(&HeaderMap::new()), Theme::Auto);
    }

    #[test]
    fn a_form_leads_back_to_the_dashboard_only() {
        let location = |path: &str| back(path).into_response().headers()[header::LOCATION].to_str().unwrap().to_owned();
        assert_eq!(location("/ui/agents?x=1"), "/ui/agents?x=1");
        for path in ["", "/", "//evil.example", "https://evil.example/ui/", "/ui/\\evil", "/ui", "/ui/live"] {
            assert_eq!(location(path), "/ui/", "{path}");
        }
    }
}

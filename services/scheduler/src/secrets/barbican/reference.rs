//! References as a Barbican gives them: `http(s)://HOST[:9311][/key-manager]/v1/secrets/ID` or `/v1/containers/ID`.
//!
//! The kind and the id alone count. Who writes a reference does not choose whom this process asks: what is before them is
//! replaced by where the Barbican is that is configured.

use std::fmt;

use ballast_model::Uuid;

/// A secret or a container of a Barbican.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Entity {
    Secret(Uuid),
    Container(Uuid),
}

impl Entity {
    /// None: it is no reference of a Barbican.
    pub(crate) fn of(reference: &str) -> Option<Self> {
        let rest = reference.strip_prefix("https://").or_else(|| reference.strip_prefix("http://"))?;
        let (place, id) = rest.rsplit_once('/')?;
        // In any other form it would be another text for the same.
        let id = Uuid::try_parse(id).ok().filter(|parsed| parsed.to_string() == id)?;
        if let Some(host) = place.strip_suffix("/v1/secrets") {
            return (!host.is_empty()).then_some(Self::Secret(id));
        }
        place.strip_suffix("/v1/containers").filter(|host| !host.is_empty()).map(|_| Self::Container(id))
    }

    /// As [`Display`](fmt::Display) shows it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (kind, id) = text.split_once('/')?;
        let id = Uuid::try_parse(id).ok()?;
        match kind {
            "secrets" => Some(Self::Secret(id)),
            "containers" => Some(Self::Container(id)),
            _ => None,
        }
    }
}

/// Its path, behind `/v1/`.
impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(id) => write!(f, "secrets/{id}"),
            Self::Container(id) => write!(f, "containers/{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "8f058aa4-c979-4913-ad85-69ab9370e4e6";

    #[test]
    fn a_reference_is_a_whole_url_of_a_secret_or_a_container_wherever_it_is() {
        for host in ["http://barbican:9311", "https://cloud.example/key-manager", "https://[fd00::1]:9311"] {
            let secret = Entity::of(&format!("{host}/v1/secrets/{ID}")).unwrap();
            assert_eq!(secret.to_string(), format!("secrets/{ID}"));
            let container = Entity::of(&format!("{host}/v1/containers/{ID}")).unwrap();
            assert_eq!(container, Entity::parse(&container.to_string()).unwrap());
        }
        for other in [
            ID.to_owned(),
            format!("/v1/containers/{ID}"),
            format!("http:///v1/containers/{ID}"),
            format!("ftp://h/v1/secrets/{ID}"),
            format!("http://h/v1/orders/{ID}"),
            format!("http://h/v1/secrets/{ID}/payload"),
            format!("http://h/v1/secrets/{}", ID.to_uppercase()),
            format!("http://h/v1/secrets/{}", ID.replace('-', "")),
            "http://h/v1/secrets/".to_owned(),
        ] {
            assert_eq!(Entity::of(&other), None, "{other}");
        }
    }
}

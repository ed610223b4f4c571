//! What a flavor may say to this driver. Pure.

use ballast_abi::{DriverError, DriverOption, LoadBalancer};
use ballast_namespace::validate::refuse;
use serde_json::{Map, Value};

/// Who serves what passes through: listeners of TCP and of HTTPS. HTTP is haproxy's, UDP and SCTP are the kernel's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DataPlane {
    #[default]
    Haproxy,
    Kernel,
}

const DATA_PLANE: &str = "data_plane";

/// What is declared of it, on a host whose kernel can.
pub(crate) fn options() -> Vec<DriverOption> {
    let description = "Who serves listeners of TCP and HTTPS: haproxy (the default), or kernel, by nf_tables and \
                       without a process. With kernel a listener that needs what only haproxy has is refused.";
    vec![DriverOption { name: DATA_PLANE.to_owned(), description: description.to_owned() }]
}

impl DataPlane {
    /// Other keys are for others.
    ///
    /// # Errors
    /// INVALID_ARGUMENT: it cannot be understood.
    pub(crate) fn of(load_balancer: &LoadBalancer) -> Result<Self, DriverError> {
        let wrong = |why: &str| refuse("load balancer", &load_balancer.id, "flavor_data", why);
        let said: Map<String, Value> = match load_balancer.flavor_data.as_str() {
            "" => Map::new(),
            text => serde_json::from_str(text).map_err(|_| wrong("is no object in JSON: haproxy serves it"))?,
        };
        match said.get(DATA_PLANE) {
            None => Ok(Self::Haproxy),
            Some(word) if word == "haproxy" => Ok(Self::Haproxy),
            Some(word) if word == "kernel" => Ok(Self::Kernel),
            Some(word) => {
                let why =
                    format!("has the data_plane {word}, which must be \"haproxy\" or \"kernel\": haproxy serves it");
                Err(wrong(&why))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flavor_says_who_serves_and_what_cannot_be_understood_names_itself() {
        let of = |text: &str| {
            DataPlane::of(&LoadBalancer { flavor_data: text.into(), ..LoadBalancer::default() })
                .map_err(|error| error.message)
        };
        for text in ["", "{}", r#"{"rack": 7}"#, r#"{"data_plane": "haproxy"}"#] {
            assert_eq!(of(text), Ok(DataPlane::Haproxy), "{text}");
        }
        assert_eq!(of(r#"{"rack": 7, "data_plane": "kernel"}"#), Ok(DataPlane::Kernel));
        for text in ["x", "[]", r#"{"data_plane": "KERNEL"}"#, r#"{"data_plane": 1}"#, r#"{"data_plane": null}"#] {
            assert!(of(text).unwrap_err().contains("flavor_data"), "{text}");
        }
        assert!(of(r#"{"data_plane": "nginx"}"#).unwrap_err().contains(r#""nginx", which must be "haproxy" or"#));
        assert_eq!(options().iter().map(|option| option.name.as_str()).collect::<Vec<_>>(), ["data_plane"]);
    }
}

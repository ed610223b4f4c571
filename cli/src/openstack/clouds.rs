//! `clouds.yaml`, and the secrets of `secure.yaml` beside it.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{failure::Failure, find::plain};

/// What is said of the cloud of this name, key by key.
///
/// # Errors
/// When no file has it.
pub(super) fn named(name: &str) -> Result<BTreeMap<String, String>, Failure> {
    let places = places();
    let Some(path) = places.iter().find(|path| path.exists()) else {
        let places: Vec<_> = places.iter().map(|path| path.display().to_string()).collect();
        let said = format!("OS_CLOUD is '{}', and there is none of {}", plain(name), places.join(", "));
        return Err(Failure::Keystone(said));
    };
    let all = read(path)?;
    let Some(found) = all["clouds"].get(name) else {
        let names: Vec<_> = all["clouds"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        let said = format!("{} has no cloud '{}' (have: {})", path.display(), plain(name), plain(&names.join(", ")));
        return Err(Failure::Keystone(said));
    };
    let mut values = flat(found);
    let secrets = path.with_file_name("secure.yaml");
    if secrets.exists() {
        values.extend(flat(&read(&secrets)?["clouds"][name]));
    }
    Ok(values)
}

/// Where OpenStack's commands look, in their order.
fn places() -> Vec<PathBuf> {
    if let Some(path) = env::var_os("OS_CLIENT_CONFIG_FILE").filter(|path| !path.is_empty()) {
        return vec![path.into()];
    }
    let set = |name| env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let own = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
    let folders = [Some(PathBuf::new()), own.map(|own| own.join("openstack")), Some("/etc/openstack".into())];
    folders.into_iter().flatten().map(|folder| folder.join("clouds.yaml")).collect()
}

fn read(path: &Path) -> Result<Value, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::File { path: path.to_owned(), error })?;
    // What the parser shows of the text could be a password.
    serde_saphyr::from_str(&text)
        .map_err(|_| Failure::Unreadable { path: path.to_owned(), why: "this is no YAML".to_owned() })
}

/// What is under `auth` beside what stands above it.
fn flat(cloud: &Value) -> BTreeMap<String, String> {
    let pairs = [cloud, &cloud["auth"]].into_iter().filter_map(Value::as_object).flatten();
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    pairs.filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cloud_is_one_list_of_what_is_said() {
        let cloud = json!({"auth": {"auth_url": "http://k", "username": "ann"}, "region_name": "r", "verify": false});
        let pairs = [("auth_url", "http://k"), ("region_name", "r"), ("username", "ann")];
        let expected = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(flat(&cloud), BTreeMap::from(expected));
        assert!(flat(&Value::Null).is_empty());
    }
}

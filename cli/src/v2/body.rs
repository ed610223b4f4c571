//! From options to the body of a request.

use std::{fs, io::Read as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::ArgMatches;
use serde_json::{Map, Value, json};

use super::{
    field::{Field, Kind},
    find, grammar,
    noun::Noun,
    whole,
};
use crate::{api::rest::Gateway, failure::Failure};

/// The object that the options describe; names of other objects are ids in it.
///
/// # Errors
/// When an option has a value that is none, an object that is named is not there, or the file cannot be read.
pub(super) async fn body(gateway: &Gateway, noun: &Noun, matches: &ArgMatches) -> Result<Value, Failure> {
    let mut body = match given(matches, grammar::BODY) {
        Some(file) => from_file(noun, file)?,
        None => Map::new(),
    };
    for field in noun.fields {
        if let Some(value) = value(gateway, field, matches).await? {
            put(&mut body, field.key, value);
        }
    }
    for option in texts(matches, grammar::UNSET) {
        if let Some(field) = noun.fields.iter().find(|field| field.option == option) {
            // A part of an object is not there without the others.
            put(&mut body, field.key.split('.').next().unwrap_or(field.key), Value::Null);
        }
    }
    whole::put(&mut body, matches)?;
    Ok(Value::Object(body))
}

/// A text, where this option is there.
fn given<'m>(matches: &'m ArgMatches, option: &str) -> Option<&'m str> {
    matches.try_get_one::<String>(option).ok().flatten().map(String::as_str)
}

fn texts<'m>(matches: &'m ArgMatches, option: &str) -> Vec<&'m str> {
    let many = matches.try_get_many::<String>(option).ok().flatten();
    many.map(|many| many.map(String::as_str).collect()).unwrap_or_default()
}

async fn value(gateway: &Gateway, field: &Field, matches: &ArgMatches) -> Result<Option<Value>, Failure> {
    let option = field.option;
    // What the verb does not have is not given.
    if !matches.try_contains_id(option).unwrap_or_default() {
        return Ok(None);
    }
    let text = |matches| given(matches, option);
    Ok(match field.kind {
        Kind::Text => text(matches).map(Value::from),
        Kind::File => text(matches).map(read).transpose()?.map(Value::from),
        Kind::Line => text(matches).map(read).transpose()?.map(|text| text.trim_end_matches(['\r', '\n']).into()),
        Kind::Binary => text(matches).map(bytes).transpose()?.map(|bytes| STANDARD.encode(bytes).into()),
        Kind::Number => matches.get_one::<i64>(option).map(|number| json!(number)),
        Kind::Bool => text(matches).map(|text| json!(text == "true")),
        Kind::Admin => text(matches).map(|text| json!(text == "up")),
        Kind::Texts => many(matches, option).map(Value::from),
        Kind::Map => match many(matches, option) {
            Some(pairs) => Some(map(option, &pairs)?),
            None => None,
        },
        Kind::Objects(_, keys) => match many(matches, option) {
            Some(objects) => {
                Some(objects.iter().map(|object| self::object(option, keys, object)).collect::<Result<_, _>>()?)
            }
            None => None,
        },
        Kind::Reference(of) => match text(matches) {
            Some(wanted) => Some(find::key(gateway, of, &find::path(of, None), wanted).await?.into()),
            None => None,
        },
    })
}

/// None where the option was not given at all.
fn many<'m>(matches: &'m ArgMatches, option: &str) -> Option<Vec<&'m str>> {
    Some(texts(matches, option)).filter(|texts| !texts.is_empty())
}

fn pair<'t>(option: &str, text: &'t str) -> Result<(&'t str, &'t str), Failure> {
    text.split_once('=').ok_or_else(|| Failure::Usage(format!("--{option} {text}: write KEY=VALUE")))
}

fn map(option: &str, pairs: &[&str]) -> Result<Value, Failure> {
    let pairs = pairs.iter().map(|text| pair(option, text).map(|(key, value)| (key.to_owned(), json!(value))));
    Ok(Value::Object(pairs.collect::<Result<_, _>>()?))
}

fn object(option: &str, keys: &[(&str, &str)], text: &str) -> Result<Value, Failure> {
    let known = |typed: &str| keys.iter().find(|(key, _)| *key == typed).map(|(_, key)| (*key).to_owned());
    let mut object = Map::new();
    for part in text.split(',') {
        let (typed, value) = pair(option, part)?;
        let key = known(typed).ok_or_else(|| {
            let keys: Vec<_> = keys.iter().map(|(typed, _)| *typed).collect();
            Failure::Usage(format!("--{option} {text}: there is no '{typed}', but {}", keys.join(", ")))
        })?;
        object.insert(key, value.into());
    }
    Ok(Value::Object(object))
}

/// `a.b` is `b` in the object `a`.
fn put(body: &mut Map<String, Value>, key: &str, value: Value) {
    match key.split_once('.') {
        None => drop(body.insert(key.to_owned(), value)),
        Some((outer, inner)) => {
            let below = body.entry(outer).or_insert_with(|| json!({}));
            below[inner] = value;
        }
    }
}

/// The text of a file, `-` for standard input.
fn read(file: &str) -> Result<String, Failure> {
    let path = Path::new(file);
    let text = match file {
        "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map(|_| text)
        }
        _ => fs::read_to_string(path),
    };
    text.map_err(|error| Failure::File { path: path.to_owned(), error })
}

/// The bytes of a file, `-` for standard input.
fn bytes(file: &str) -> Result<Vec<u8>, Failure> {
    let path = Path::new(file);
    let bytes = match file {
        "-" => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        }
        _ => fs::read(path),
    };
    bytes.map_err(|error| Failure::File { path: path.to_owned(), error })
}

/// The object of a file, with its wrapper or without.
fn from_file(noun: &Noun, file: &str) -> Result<Map<String, Value>, Failure> {
    let (path, text) = (Path::new(file), read(file)?);
    let refuse = |why: String| Failure::Unreadable { path: path.to_owned(), why };
    let read: Value = serde_json::from_str(&text).map_err(|error| refuse(format!("this is no JSON: {error}")))?;
    match read {
        Value::Object(mut outer) if outer.len() == 1 && outer.contains_key(noun.collection.wrappers.0) => {
            match outer.remove(noun.collection.wrappers.0) {
                Some(Value::Object(object)) => Ok(object),
                _ => Err(refuse(format!("there is no object in '{}'", noun.collection.wrappers.0))),
            }
        }
        Value::Object(object) => Ok(object),
        _ => Err(refuse("this is no object of JSON".to_owned())),
    }
}

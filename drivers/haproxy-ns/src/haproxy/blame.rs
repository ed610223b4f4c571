//! Which object haproxy means, when it refuses a configuration. Pure.
//!
//! It names the line, or a proxy or server by its name, and those are objects' own ids.

use crate::failure::{About, Failure};

/// With the object of this configuration that it is about, where haproxy says so.
pub(crate) fn blaming(failure: Failure, config: &str) -> Failure {
    match failure {
        Failure::Refused { who, said } => match blame(&said, config) {
            Some(about) => Failure::RefusedObject { who, about, said },
            None => Failure::Refused { who, said },
        },
        other => other,
    }
}

/// By what it `said` of this text. `None`: it means none of them.
fn blame(said: &str, text: &str) -> Option<About> {
    said.split(" | ").find_map(|alert| {
        let words = alert.split_once(" : ").map_or(alert, |(_, words)| words);
        let words = words.strip_prefix("config : ").unwrap_or(words);
        match words.split_once("] : ").and_then(|(place, words)| Some((line_of(place)?, words))) {
            Some((line, words)) => Some(About { object: at(text, line)?, words: words.trim().to_owned() }),
            None => Some(About { object: named(text, words)?, words: words.trim().to_owned() }),
        }
    })
}

/// Of `parsing [../haproxy.cfg.new:12`.
fn line_of(place: &str) -> Option<usize> {
    place.strip_prefix("parsing [")?.rsplit_once(':')?.1.parse().ok()
}

/// What the line, which is counted from 1, is about.
fn at(text: &str, line: usize) -> Option<String> {
    let here = text.lines().nth(line.checked_sub(1)?)?;
    let lines: Vec<&str> = text.lines().take(line).collect();
    own(here).or_else(|| {
        lines.iter().rev().find(|line| !line.starts_with(' ') && !line.is_empty()).and_then(|line| own(line))
    })
}

/// What a line begins.
fn own(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    match (words.next()?, words.next()?) {
        ("frontend", id) => Some(format!("listener {id}")),
        // A pool that is used in several ways has a backend for each.
        ("backend", id) => Some(format!("pool {}", id.split(':').next().unwrap_or(id))),
        ("server", id) => Some(format!("member {id}")),
        ("acl", name) => name.strip_prefix("rule:").map(|id| format!("rule {id}")),
        _ => None,
    }
}

/// The object of the text that is named in these words: of a server and its backend it is the server.
fn named(text: &str, words: &str) -> Option<String> {
    let is_named = |object: &String| {
        let id = object.rsplit(' ').next().unwrap_or_default();
        words
            .split(|character: char| !(character.is_ascii_alphanumeric() || "-_.".contains(character)))
            .any(|word| word == id)
    };
    let mut named: Vec<String> = text.lines().filter_map(own).filter(is_named).collect();
    named.sort_by_key(|object| !object.starts_with("member "));
    named.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a comment\nglobal\n    maxconn 2000\n\nfrontend f1\n    mode http\n    bind 10.0.0.4:80\n    \
        acl rule:r1 path -m reg x\n    acl allowed src 10.0.0.0/8\n\nbackend p1\n    balance roundrobin\n    \
        server m1 10.0.0.11:80 weight 1\n\nbackend p1:f1\n    balance roundrobin\n";

    fn found(said: &str) -> Option<(String, String)> {
        blame(said, TEXT).map(|About { object, words }| (object, words))
    }

    #[test]
    fn the_object_is_that_of_the_line_or_of_its_section() {
        for (line, object) in [
            (5, Some("listener f1")),
            (7, Some("listener f1")),
            (8, Some("rule r1")),
            (9, Some("listener f1")),
            (12, Some("pool p1")),
            (13, Some("member m1")),
            (16, Some("pool p1")),
            (3, None),
            (1, None),
            (99, None),
            (0, None),
        ] {
            let said =
                format!("exit status: 1: [ALERT]    (17) : config : parsing [../haproxy.cfg.new:{line}] : no good : x");
            let expected = object.map(|object| (object.to_owned(), "no good : x".to_owned()));
            assert_eq!(found(&said), expected, "{line}");
        }
    }

    #[test]
    fn without_a_line_it_is_the_one_that_is_named() {
        for (words, object) in [
            ("Starting frontend f1: cannot bind socket (Address already in use) [10.0.0.4:80]", Some("listener f1")),
            ("backend 'p1': no server is left", Some("pool p1")),
            ("'server p1/m1' : could not resolve address", Some("member m1")),
            ("Fatal errors found in configuration.", None),
        ] {
            let said =
                format!("exit status: 1: [ALERT]    (17) : {words} | [ALERT]    (17) : config : Fatal errors found");
            assert_eq!(found(&said).map(|found| found.0).as_deref(), object, "{words}");
        }
        assert_eq!(found(""), None);
    }

    #[test]
    fn the_first_alert_that_means_an_object_is_told() {
        let said = "exit status: 1: [WARNING]  (17) : config : something else | \
            [ALERT]    (17) : config : parsing [x:13] : 'server m1' : bad | [ALERT]    (17) : config : parsing [x:8] : bad";
        assert_eq!(found(said), Some(("member m1".to_owned(), "'server m1' : bad".to_owned())));
    }
}

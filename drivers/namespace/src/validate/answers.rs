//! What a load balancer answers itself.

use ballast_abi::{DriverError, HttpAnswer, LoadBalancer};

use super::{Answer, Faults};

/// The most that a line of a configuration file has to take.
const LONGEST: usize = 1_024;

/// Those that are words; of another one it is said what is wrong with it.
pub(super) fn answers(load_balancer: &LoadBalancer, faults: &mut Faults) -> Vec<Answer> {
    let made = load_balancer.http_answers.iter().map(answer);
    made.filter_map(|made| faults.keep(&load_balancer.id, made)).collect()
}

fn answer(asked: &HttpAnswer) -> Result<Answer, DriverError> {
    let is_word = |text: &str, more: &[u8]| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || more.contains(&byte);
        (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_plain)
    };
    let HttpAnswer { path, content } = asked;
    if !path.starts_with('/') || !is_word(path, b"/.-_") {
        return Err(DriverError::invalid_argument(format!("http_answers: path {path:?} is none that is answered")));
    }
    if !is_word(content, b".-_") {
        return Err(DriverError::invalid_argument(format!("http_answers: content of {path} is none that is answered")));
    }
    Ok(Answer { path: path.clone(), content: content.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &str, content: &str) -> LoadBalancer {
        let http_answers = vec![HttpAnswer { path: path.to_owned(), content: content.to_owned() }];
        LoadBalancer { id: "one".to_owned(), http_answers, ..LoadBalancer::default() }
    }

    #[test]
    fn only_words_that_no_file_takes_for_anything_else_are_answered() {
        let mut faults = Faults::default();
        let (path, content) = ("/.well-known/acme-challenge/aZ_0-", "aZ_0-.bY_1-");
        let found = answers(&asked(path, content), &mut faults);
        assert_eq!(found, [Answer { path: path.to_owned(), content: content.to_owned() }]);
        assert!(Vec::from(faults).is_empty());
        let long = format!("/{}", "a".repeat(LONGEST));
        for (path, content) in [
            ("", "a"),
            ("a", "a"),
            ("/a b", "a"),
            ("/a\n", "a"),
            ("/a\"", "a"),
            ("/%41", "a"),
            ("/a", ""),
            ("/a", "a b"),
            ("/a", "a\nb"),
            ("/a", "%[src]"),
            ("/a", "a/b"),
            (&long, "a"),
            ("/a", &long[1..]),
        ] {
            let mut faults = Faults::default();
            let found = answers(&asked(path, content), &mut faults);
            let is_fine = path == "/a" && content == &long[1..];
            assert_eq!((found.is_empty(), Vec::from(faults).is_empty()), (!is_fine, is_fine), "{path} {content}");
        }
    }
}

//! Documents taken at their word: the blocks of code that a reader would copy.

use std::{fs, path::Path};

/// The blocks of a language in a section of a document of this checkout, in their order.
///
/// # Panics
/// When there is no such document, section or block.
#[must_use]
pub fn blocks(document: &str, section: &str, language: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(document);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{document}: {error}"));
    let heading = format!("\n## {section}\n");
    let (_, rest) = text.split_once(&heading).unwrap_or_else(|| panic!("{document} has no section '{section}'"));
    let body = rest.split("\n## ").next().unwrap_or_default();
    let found: Vec<_> = in_text(body, language);
    assert!(!found.is_empty(), "{document}, '{section}': no block of {language}");
    found
}

fn in_text(body: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}");
    let mut found: Vec<String> = Vec::new();
    let mut state = None;
    for line in body.lines() {
        match state {
            None if line.starts_with("```") => {
                let wanted = line == opening;
                state = Some(wanted);
                if wanted {
                    found.push(String::new());
                }
            }
            Some(_) if line == "```" => state = None,
            Some(true) => found.iter_mut().last().into_iter().for_each(|block| *block += &format!("{line}\n")),
            None | Some(false) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::in_text;

    #[test]
    fn blocks_of_one_language_are_found_whole() {
        let body = "text\n```sh\none\n\n  two\n```\n```python\nthree\n```\n```sh\nfour\n```\n";
        assert_eq!(in_text(body, "sh"), ["one\n\n  two\n", "four\n"]);
        assert_eq!(in_text(body, "python"), ["three\n"]);
    }
}

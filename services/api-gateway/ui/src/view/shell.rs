//! Texts that a person copies into a shell: whatever a tenant has put into them, they are typed as what they are, and nothing
//! else happens.

use serde_json::Value;

use super::rest::Object;

/// A word of a command. Quotes keep everything but what a terminal itself acts on: see [`is_plain`].
pub(crate) fn quoted(word: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@%+,=".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_bare) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Whether a text has nothing that a terminal, a line editor or an eye takes for something else: control characters can be keys,
/// and what changes the direction of writing shows another text than there is.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.chars().any(is_hidden)
}

fn is_hidden(one: char) -> bool {
    one.is_control()
        || matches!(one, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// JSON in one line, in which what is hidden is escaped.
pub(crate) fn json(value: &Value) -> String {
    let (text, mut shown) = (value.to_string(), String::new());
    for one in text.chars() {
        if is_hidden(one) {
            for unit in one.encode_utf16(&mut [0; 2]) {
                shown += &format!("\\u{unit:04x}");
            }
        } else {
            shown.push(one);
        }
    }
    shown
}

/// A document of YAML, in blocks. Texts are JSON's, which are YAML's too and never mean anything else.
pub(crate) fn yaml(document: &Object) -> String {
    let mut text = String::new();
    block(document, 0, &mut text);
    text
}

fn block(object: &Object, depth: usize, text: &mut String) {
    for (key, value) in object {
        let is_word = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        let key = if is_word { key.clone() } else { json(&key.as_str().into()) };
        *text += &format!("{:depth$}{key}:", "");
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                text.push('\n');
                block(inner, depth + 2, text);
            }
            Value::Array(values) if !values.is_empty() => {
                text.push('\n');
                values.iter().for_each(|value| item(value, depth, text));
            }
            scalar => *text += &format!(" {}\n", json(scalar)),
        }
    }
}

fn item(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            let mut inner = String::new();
            block(object, depth + 2, &mut inner);
            *text += &format!("{:depth$}- {}", "", inner.trim_start());
        }
        scalar => *text += &format!("{:depth$}- {}\n", "", json(scalar)),
    }
}

/// A command that reads a text from its standard input.
pub(crate) fn with_input(command: &str, text: &str) -> String {
    let mut end = "END".to_owned();
    while text.lines().any(|line| line == end) {
        end.push('_');
    }
    format!("{command} <<'{end}'\n{}\n{end}", text.trim_end_matches('\n'))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use serde_json::json;

    use super::*;

    const HOSTILE: [&str; 12] = [
        "",
        "plain",
        "two words",
        "it's",
        "$(touch /nosuch) `id` \"$HOME\" \\ ! # & ; | > <",
        "-x",
        "--name=y",
        "a\nEND\nrm -rf x",
        "'; id #",
        "tab\tand \u{3} and \u{1b}[A",
        "\u{202e}drow\u{2066}",
        "key: value # no",
    ];

    fn sh(script: &str) -> String {
        let output = Command::new("sh").arg("-c").arg(script).env_clear().output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{script}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn a_shell_reads_what_was_meant() {
        for text in HOSTILE {
            assert_eq!(sh(&format!("printf %s {}", quoted(text))), text, "{text:?}");
            let read = sh(&with_input("cat", text));
            assert_eq!(read.trim_end_matches('\n'), text.trim_end_matches('\n'), "{text:?}");
        }
    }

    #[test]
    fn what_is_copied_has_nothing_hidden_and_means_the_same() {
        for text in HOSTILE {
            let value =
                json!({ "name": text, "tags": [text], "a b": [{ "x": text, "y": 1 }], "none": [], "no": false });
            let shown = json(&value);
            assert!(is_plain(&shown), "{shown:?}");
            assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
            let document = yaml(value.as_object().unwrap());
            assert!(document.lines().all(is_plain), "{document:?}");
            assert_eq!(serde_saphyr::from_str::<Value>(&document).unwrap(), value, "{document}");
        }
        assert!(!is_plain("\u{202e}drow") && !is_plain("a\u{7f}") && !is_plain("a\u{9b}") && is_plain("d\u{fc}r"));
    }
}

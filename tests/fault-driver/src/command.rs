//! What a text asks the driver to do: `ACT [ARGUMENT] [in METHOD] [once][: TEXT]`, as in `fail: no memory`,
//! `slow 500ms in undeploy`, `segfault once`. Any other text asks for nothing.

use std::time::Duration;

use crate::act::Act;

/// What a method is called with here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Method {
    Start,
    Deploy,
    Undeploy,
    Observe,
    Deployed,
    Shutdown,
    Preview,
    TakeSecrets,
}

impl Method {
    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "start" => Self::Start,
            "deploy" => Self::Deploy,
            "undeploy" => Self::Undeploy,
            "observe" => Self::Observe,
            "deployed" => Self::Deployed,
            "shutdown" => Self::Shutdown,
            "preview" => Self::Preview,
            "take-secrets" => Self::TakeSecrets,
            _ => return None,
        })
    }
}

/// A misdeed, and when to commit it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) act: Act,
    pub(crate) method: Method,
    /// At the first call only: the next one finds a mark in the state directory.
    pub(crate) once: bool,
}

impl Command {
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (head, text) = text.split_once(':').map_or((text, "asked for by name"), |(head, text)| (head, text.trim()));
        let mut words: Vec<&str> = head.split_whitespace().collect();
        let once = words.pop_if(|word| *word == "once").is_some();
        let mut method = None;
        if let [.., "in", name] = words.as_slice() {
            method = Some(Method::read(name)?);
            words.truncate(words.len() - 2);
        }
        let act = read_act(&words, text)?;
        let usual = match act {
            Act::Hidden | Act::Stale | Act::Phantom => Method::Deployed,
            _ => Method::Deploy,
        };
        Some(Self { act, method: method.unwrap_or(usual), once })
    }
}

fn read_act(words: &[&str], text: &str) -> Option<Act> {
    let text = text.to_owned();
    Some(match words {
        ["fail"] => Act::Fail(text),
        ["busy"] => Act::Busy(text),
        ["unavailable"] => Act::Unavailable(text),
        ["unsupported"] => Act::Unsupported(text),
        ["refuse"] => Act::Refuse(text),
        ["panic"] => Act::Panic(text),
        ["abort"] => Act::Abort,
        ["segfault"] => Act::Segfault,
        ["exit"] => Act::Exit,
        ["overflow"] => Act::Overflow,
        ["hang"] => Act::Hang,
        ["spin"] => Act::Spin,
        ["slow", time] => Act::Slow(Duration::from_millis(time.strip_suffix("ms")?.parse().ok()?)),
        ["leak", size] => Act::Leak(size.strip_suffix("MiB")?.parse::<usize>().ok()? << 20),
        ["daemon"] => Act::Daemon,
        ["read", path] if path.starts_with('/') => Act::Read((*path).to_owned()),
        ["connect", path] if path.starts_with('/') => Act::Connect((*path).to_owned()),
        ["object-fault"] => Act::ObjectFault,
        ["hidden"] => Act::Hidden,
        ["stale"] => Act::Stale,
        ["phantom"] => Act::Phantom,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Act, Method, bool) {
        let command = Command::read(text).unwrap();
        (command.act, command.method, command.once)
    }

    #[test]
    fn texts_are_read_as_commands() {
        assert_eq!(read("fail: no memory"), (Act::Fail("no memory".into()), Method::Deploy, false));
        assert_eq!(read("slow 500ms in undeploy"), (Act::Slow(Duration::from_millis(500)), Method::Undeploy, false));
        assert_eq!(read("segfault once"), (Act::Segfault, Method::Deploy, true));
        assert_eq!(read("leak 2MiB in observe once"), (Act::Leak(2 << 20), Method::Observe, true));
        assert_eq!(read("stale"), (Act::Stale, Method::Deployed, false));
    }

    #[test]
    fn any_other_text_asks_for_nothing() {
        for text in ["", "web", "slow web", "panic in the streets", "in once", "exit 3", "read on", "web: fail"] {
            assert_eq!(Command::read(text), None, "{text}");
        }
    }
}

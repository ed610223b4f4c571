//! Another content of a certificate, a CA or a revocation list, told to a haproxy while it runs: what begins after that has
//! the new one, and connections that there are go on. Commands as haproxy's management guide has them, from 2.6 on.

use zeroize::Zeroizing;

use super::socket;
use crate::{
    failure::Failure,
    files::Files,
    secrets::{Kind, Named},
};

/// Bytes that haproxy takes in one command: its buffer, less the command.
const MOST: usize = 15_000;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Taken,
    /// It has the one before. In its words.
    Refused(String),
    /// It cannot be told that while it runs.
    TooLong,
}

pub(crate) fn tell(files: &Files, secret: &Named, content: &[u8]) -> Result<Told, Failure> {
    if content.len() > MOST {
        return Ok(Told::TooLong);
    }
    let (word, path) = (secret.kind.word(), secret.path());
    // A driver may have ended between the two commands, and haproxy takes one after another only.
    abandon(files)?;
    let mut line = Zeroizing::new(format!("set ssl {word} {path} <<\n"));
    line.reserve_exact(content.len() + 1);
    line.push_str(&String::from_utf8_lossy(content));
    let said = socket::tell_secretly(files, &format!("set ssl {word} {path}"), &line)?;
    if !said.to_lowercase().contains("transaction created") {
        abandon(files)?;
        return Ok(Told::Refused(words(&said)));
    }
    let said = socket::ask(files, &format!("commit ssl {word} {path}"))?;
    if said.lines().any(|line| line.trim() == "Success!") {
        return Ok(Told::Taken);
    }
    socket::ask(files, &format!("abort ssl {word} {path}"))?;
    Ok(Told::Refused(words(&said)))
}

/// Ends what was begun and not done.
fn abandon(files: &Files) -> Result<(), Failure> {
    for kind in [Kind::Certificate, Kind::Ca, Kind::Crl] {
        let word = kind.word();
        let said = socket::ask(files, &format!("show ssl {word}"))?;
        if let Some(path) = begun(&said) {
            socket::ask(files, &format!("abort ssl {word} {path}"))?;
        }
    }
    Ok(())
}

/// Of what is shown, the file that a star stands before.
fn begun(shown: &str) -> Option<&str> {
    let line = shown.lines().find_map(|line| line.strip_prefix('*'))?;
    line.split_whitespace().next()
}

/// What haproxy says is about itself, line by line; the first lines say why.
fn words(said: &str) -> String {
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let telling: Vec<&str> = lines.filter(|line| !line.starts_with("Can't ")).take(2).collect();
    if telling.is_empty() { "it cannot be read".to_owned() } else { telling.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_has_a_star_and_a_refusal_says_why() {
        assert_eq!(begun("# transaction\n*/run/a.pem\n# filename\n/run/a.pem\n"), Some("/run/a.pem"));
        assert_eq!(begun("# transaction\n*/run/ca.pem - 1 certificate(s)\n"), Some("/run/ca.pem"));
        assert_eq!(begun("# filename\n/run/a.pem\n"), None);
        assert_eq!(words("no key fits.\nCan't commit /run/a.pem!\n\n"), "no key fits.");
        assert_eq!(words("Can't update /run/a.pem!\n"), "it cannot be read");
    }
}

//! `ballast login`: a token, tried where it shall be good, and kept.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _},
    os::fd::AsFd as _,
};

use http::Method;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::file::{Contexts, path};
use crate::{
    api::Api,
    arguments::{Connection, Secret},
    exit::Exit,
    failure::Failure,
    output, runtime,
};

/// The longest that is read as a token.
const MOST: u64 = 64 * 1024;

/// Asks for a token (or takes --token), tries it, and keeps it in the context.
///
/// # Errors
/// When no context is used, or the token is not good there.
pub(crate) fn login(connection: &Connection) -> Result<Exit, Failure> {
    let path = path()?;
    let mut contexts = Contexts::read(&path)?;
    let name = connection.context.clone().or_else(|| contexts.current.clone());
    let name = name.ok_or_else(|| Failure::Context(super::NONE.to_owned()))?;
    let mut context = contexts.get(&name)?.clone();
    let token = match &connection.token {
        Some(token) => token.clone(),
        None => ask(&format!("Token for {} at {}: ", name, context.url))?,
    };
    context.token = Some(token);
    let target = context.target();
    runtime::block_on(async {
        let api = Api::new(&target)?;
        api.gateway()?.ask(Method::GET, "/ballast/v1/overview", None).await
    })?;
    output::say(&format!("The token is good at {}; it is kept in {}.", target.url, path.display()));
    contexts.all.insert(name, context);
    contexts.write(&path)?;
    Ok(Exit::Done)
}

/// A line of standard input; from a terminal without showing it.
fn ask(prompt: &str) -> Result<Secret, Failure> {
    let stdin = io::stdin();
    let refuse = |error: io::Error| Failure::Context(format!("no token can be read: {error}"));
    if !stdin.is_terminal() {
        let mut text = String::new();
        stdin.lock().take(MOST).read_line(&mut text).map_err(refuse)?;
        return secret(&text);
    }
    let mut stderr = io::stderr();
    let _ = write!(stderr, "{prompt}").and_then(|()| stderr.flush());
    let before = tcgetattr(stdin.as_fd()).map_err(|error| refuse(error.into()))?;
    let mut hidden = before.clone();
    // Ctrl-C comes as a letter: the terminal must not stay as it is now.
    hidden.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
    tcsetattr(stdin.as_fd(), OptionalActions::Flush, &hidden).map_err(|error| refuse(error.into()))?;
    let typed = typed(stdin.lock().take(MOST));
    let back = tcsetattr(stdin.as_fd(), OptionalActions::Flush, &before);
    output::say("");
    back.map_err(|error| refuse(error.into()))?;
    secret(&typed.map_err(refuse)?.ok_or(Failure::Interrupted)?)
}

fn secret(text: &str) -> Result<Secret, Failure> {
    match text.trim() {
        "" => Err(Failure::Context("no token was given".to_owned())),
        token => Ok(Secret(token.to_owned())),
    }
}

/// A line as it is typed, letter by letter; none: Ctrl-C.
fn typed(letters: impl io::BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    for letter in letters.bytes() {
        match letter? {
            b'\r' | b'\n' | 0x04 => break,
            0x03 => return Ok(None),
            0x08 | 0x7f => drop(line.pop()),
            letter => line.push(letter),
        }
    }
    String::from_utf8(line).map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_letter_by_letter() {
        for (letters, expected) in [
            (&b"abc\rd"[..], Some("abc")),
            (b"abx\x7fc\n", Some("abc")),
            (b"\x7f\x08a", Some("a")),
            (b"ab\x04", Some("ab")),
            (b"ab\x03", None),
        ] {
            assert_eq!(typed(letters).unwrap().as_deref(), expected, "{letters:?}");
        }
        assert!(typed(&[0xff, b'\n'][..]).is_err());
        assert!(secret(" \n").is_err());
    }
}

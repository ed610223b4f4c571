//! haproxy's runtime API on its Unix socket: one connection a command.
//!
//! Every question has a bound, and many are asked at once: a haproxy that hangs costs its own answer and no other. The
//! kernel accepts connections for a process that is stopped, so only an answer shows that it works.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read, Write},
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    thread,
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, SockAddr, Socket, Type};
use zeroize::Zeroizing;

use crate::{
    failure::Failure,
    files::{Files, PID, SOCKET, read_optional},
};

/// How long a haproxy may take for an answer. It is asked twice before it is ended.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);
/// Asks who answers.
const WHO: &str = "show info";
/// Before the next attempt: an old process lets go of its sockets within milliseconds of its replacement.
const PAUSE: Duration = Duration::from_millis(5);
/// Of an answer in bytes: a thousand servers take less than 1 MiB.
const LONGEST: usize = 32 << 20;
/// Of the name of a Unix socket, in bytes.
const LONGEST_NAME: usize = 107;
/// Questions that are under way at once: each takes a file descriptor.
const AT_ONCE: usize = 2048;

/// Sends one command and returns the whole answer of the process in the pid file.
pub(crate) fn ask(files: &Files, command: &str) -> Result<String, Failure> {
    let mut answers = ask_all(&[files], command);
    answers.pop().unwrap_or_else(|| Err(Failure::io("ask haproxy", io::ErrorKind::InvalidInput)))
}

/// Sends one line, and what belongs to it, of which nothing is to be seen in an error. `what`: it is to do.
pub(crate) fn tell_secretly(files: &Files, what: &str, line: &str) -> Result<String, Failure> {
    let line = Zeroizing::new(format!("{WHO};{line}\n"));
    let said = converse(&[files], line.as_bytes(), Instant::now() + PATIENCE).pop();
    said.unwrap_or_else(|| Err(io::ErrorKind::InvalidInput.into())).map_err(|error| unanswered(what, error))
}

/// Sends this command to many, and returns the answer of each.
///
/// Right after a reload the old process still accepts on the socket that it handed over: what it was asked is asked
/// again, until the new one answers.
pub(crate) fn ask_all(whom: &[&Files], command: &str) -> Vec<Result<String, Failure>> {
    let line = format!("{WHO};{command}\n");
    let ask = |whom: &[&Files]| converse(whom, line.as_bytes(), Instant::now() + PATIENCE);
    let said = whom.chunks(AT_ONCE).flat_map(ask);
    said.map(|said| said.map_err(|error| unanswered(command, error))).collect()
}

fn unanswered(command: &str, error: io::Error) -> Failure {
    let what = format!("ask haproxy to {command:?}");
    match error.kind() {
        io::ErrorKind::TimedOut => {
            Failure::Deadline { what, milliseconds: u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX) }
        }
        _ => Failure::io(what, error),
    }
}

fn converse(whom: &[&Files], line: &[u8], deadline: Instant) -> Vec<io::Result<String>> {
    let mut questions: Vec<Question<'_>> = whom.iter().map(|files| Question::new(files)).collect();
    loop {
        for question in questions.iter_mut().filter(|question| question.ready) {
            question.advance(line);
        }
        let mut open: Vec<&mut Question<'_>> =
            questions.iter_mut().filter(|question| question.said.is_none()).collect();
        let left = deadline.saturating_duration_since(Instant::now());
        if open.is_empty() || left.is_zero() {
            break;
        }
        wait(&mut open, left);
    }
    questions.into_iter().map(|question| question.said.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))).collect()
}

/// Until one of them has something to read or room to write, or may be tried again; those are ready then.
fn wait(open: &mut [&mut Question<'_>], left: Duration) {
    let left = if open.iter().any(|question| question.line.is_none()) { left.min(PAUSE) } else { left };
    let mut watched: Vec<PollFd<'_>> = open.iter().filter_map(|question| question.watched()).collect();
    if watched.is_empty() {
        thread::sleep(left);
    } else {
        // Rounded up, or the last millisecond is spent spinning.
        let timeout = PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
        // An interrupted wait only means another round.
        let _ = poll(&mut watched, timeout);
    }
    let mut ready: VecDeque<bool> = watched.iter().map(|one| one.any().unwrap_or(true)).collect();
    for question in open {
        // Who has no connection is tried again.
        question.ready = question.line.is_none() || ready.pop_front().unwrap_or(true);
    }
}

/// One question and how far it has come.
struct Question<'a> {
    files: &'a Files,
    line: Option<Line>,
    /// To go on.
    ready: bool,
    /// `None`: not yet.
    said: Option<io::Result<String>>,
}

/// A connection, what was sent and what was heard.
struct Line {
    socket: Socket,
    sent: usize,
    /// There was no room for the rest.
    full: bool,
    heard: Vec<u8>,
}

impl<'a> Question<'a> {
    fn new(files: &'a Files) -> Self {
        Self { files, line: None, ready: true, said: None }
    }

    /// As far as it goes without waiting.
    fn advance(&mut self, text: &[u8]) {
        if self.said.is_some() {
            return;
        }
        match self.step(text) {
            Ok(said) => self.said = said.map(Ok),
            Err(error) => self.said = Some(Err(error)),
        }
    }

    fn step(&mut self, text: &[u8]) -> io::Result<Option<String>> {
        let line = match &mut self.line {
            Some(line) => line,
            None => match connect(self.files) {
                Ok(socket) => self.line.insert(Line { socket, sent: 0, full: false, heard: Vec::new() }),
                // The process accepts no more: there are as many waiting as may.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            },
        };
        if !line.exchange(text)? {
            return Ok(None);
        }
        let heard = String::from_utf8_lossy(&line.heard).into_owned();
        let (who, answer) = heard.split_once("\n\n").unwrap_or((heard.as_str(), ""));
        if is_of(who, &read_optional(&self.files.run().join(PID))?.unwrap_or_default()) {
            return Ok(Some(answer.to_owned()));
        }
        self.line = None;
        Ok(None)
    }

    fn watched(&self) -> Option<PollFd<'_>> {
        let line = self.line.as_ref()?;
        let room = if line.full { PollFlags::POLLOUT } else { PollFlags::empty() };
        Some(PollFd::new(line.descriptor(), PollFlags::POLLIN | room))
    }
}

impl Line {
    /// Whether the answer is complete.
    fn exchange(&mut self, text: &[u8]) -> io::Result<bool> {
        let asks = self.sent < text.len();
        while self.sent < text.len() {
            match self.socket.write(&text[self.sent..]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.full = self.sent < text.len();
        // Nobody has answered already.
        if asks {
            return Ok(false);
        }
        let mut buffer = [0_u8; 16 << 10];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Ok(true),
                Ok(length) if self.heard.len() + length > LONGEST => {
                    return Err(io::Error::other("the answer has no end"));
                }
                Ok(length) => self.heard.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Connects without waiting. A socket that nobody listens on refuses at once.
fn connect(files: &Files) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None)?;
    let path = files.run().join(SOCKET);
    if path.as_os_str().len() <= LONGEST_NAME {
        socket.connect(&SockAddr::unix(path)?)?;
        return Ok(socket);
    }
    // This one is short wherever the directory is.
    let directory = File::open(files.run())?;
    socket.connect(&SockAddr::unix(format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd()))?)?;
    Ok(socket)
}

/// Whether `show info` is of the process that the pid file names.
fn is_of(info: &str, pid_file: &str) -> bool {
    let pid = info.lines().find_map(|line| line.strip_prefix("Pid: "));
    pid.is_some_and(|pid| pid_file.lines().any(|line| line.trim() == pid.trim()))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::net::UnixListener};

    use super::*;

    fn files(directory: &tempfile::TempDir, id: &str) -> Files {
        let files = Files::of(directory.path(), id);
        files.make(None).unwrap();
        fs::write(files.run().join(PID), "42\n").unwrap();
        files
    }

    /// Something that listens there as haproxy does; `stopped` never accepts, as a process that hangs.
    fn listener(files: &Files, stopped: bool) -> Option<UnixListener> {
        let listener = UnixListener::bind(files.run().join(SOCKET)).unwrap();
        if stopped {
            return Some(listener);
        }
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut buffer = [0_u8; 256];
                let length = stream.read(&mut buffer).unwrap();
                assert!(buffer[..length].starts_with(b"show info;"));
                stream.write_all(b"Name: HAProxy\nPid: 42\n\nwell").unwrap();
            }
        });
        None
    }

    #[test]
    fn an_answer_is_known_by_its_process() {
        let info = "Name: HAProxy\nPid: 42\nUptime: 0d";
        assert!(is_of(info, "42\n"));
        assert!(!is_of(info, "421\n"));
        assert!(!is_of("", "42\n"));
        assert!(!is_of(info, ""));
    }

    #[test]
    fn many_that_hang_cost_one_bound_and_the_others_answer() {
        let directory = tempfile::tempdir().unwrap();
        let all: Vec<Files> = (0..20).map(|number| files(&directory, &format!("lb-{number}"))).collect();
        let _listening: Vec<_> =
            all.iter().enumerate().map(|(number, files)| listener(files, number % 2 == 0)).collect();
        let start = Instant::now();
        let answers = ask_all(&all.iter().collect::<Vec<_>>(), "say");
        for (number, answer) in answers.into_iter().enumerate() {
            match number % 2 {
                0 => assert!(matches!(answer, Err(Failure::Deadline { .. })), "{number}: {answer:?}"),
                _ => assert_eq!(answer.unwrap(), "well", "{number}"),
            }
        }
        // Ten that hang in turn would have taken ten times as long.
        assert!(start.elapsed() < PATIENCE * 5, "{:?}", start.elapsed());
    }

    #[test]
    fn one_that_accepts_no_more_does_not_stop_who_asks() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(&directory, "lb");
        let _listening = listener(&files, true);
        // As many as may wait to be accepted: a connect that waits would wait for ever.
        let mut waiting = Vec::new();
        while let Ok(socket) = connect(&files) {
            waiting.push(socket);
        }
        assert!(matches!(ask(&files, "say"), Err(Failure::Deadline { .. })));
    }

    #[test]
    fn who_does_not_listen_is_told_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let start = Instant::now();
        assert!(matches!(ask(&files(&directory, "lb"), "say"), Err(Failure::Io { .. })));
        assert!(start.elapsed() < PATIENCE);
    }
}

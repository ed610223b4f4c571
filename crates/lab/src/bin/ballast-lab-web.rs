//! The small web server that a lab's members run: `ballast-lab-web NAME ADDRESS:PORT`.
//!
//! It must tell which member answered and what reached it, byte for byte; so it parses HTTP/1 itself and
//! depends on nothing. One thread for each connection. It is no server for anything but labs.

use std::env;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The longest request line with headers that is read, in bytes.
const LONGEST_HEAD: u64 = 64 * 1024;
/// How long a connection may be silent.
const SILENCE: Duration = Duration::from_secs(300);
/// A pause after a failed accept (no descriptors left), which would otherwise spin.
const PAUSE: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [name, address] = arguments.as_slice() else {
        return fail("usage: ballast-lab-web NAME ADDRESS:PORT");
    };
    let listener = match TcpListener::bind(address.as_str()) {
        Ok(listener) => listener,
        Err(error) => return fail(&format!("cannot listen at {address}: {error}")),
    };
    // Whoever started this waits for the line; that nobody does is no reason not to serve.
    let _nobody_waits = io::stdout().write_all(b"listening\n").and_then(|()| io::stdout().flush());
    let name: Arc<str> = Arc::from(name.as_str());
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                let name = Arc::clone(&name);
                // Without a thread the connection is closed, and the server goes on.
                let _refused = thread::Builder::new().spawn(move || {
                    // A client that goes away is nothing to tell.
                    let _gone = serve(&stream, &name);
                });
            }
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

fn fail(why: &str) -> ExitCode {
    let _closed = writeln!(io::stderr(), "ballast-lab-web: {why}");
    ExitCode::FAILURE
}

/// Answers the requests of one connection until one side closes it.
fn serve(stream: &TcpStream, name: &str) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE))?;
    let mut reader = BufReader::new(stream);
    let mut writer = BufWriter::new(stream);
    loop {
        let request = match Request::read(&mut reader) {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let refusal = Answer { status: "400 Bad Request", body: "400\n".to_owned() };
                return refusal.write(&mut writer, true, false);
            }
            Err(error) => return Err(error),
        };
        if request.expects_continue() {
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            writer.flush()?;
        }
        // A chunked body is not followed: the connection ends with the answer instead.
        let keep = request.keeps_alive() && !request.is_chunked();
        io::copy(&mut (&mut reader).take(request.body_length()?), &mut io::sink())?;
        answer(&request, name).write(&mut writer, request.method != "HEAD", keep)?;
        if !keep {
            return Ok(());
        }
    }
}

fn answer(request: &Request, name: &str) -> Answer {
    let path = request.target.split('?').next().unwrap_or_default();
    match path {
        "/" => Answer { status: "200 OK", body: format!("{name}\n") },
        "/headers" => Answer { status: "200 OK", body: request.headers.concat() },
        _ => Answer { status: "404 Not Found", body: "404\n".to_owned() },
    }
}

struct Answer {
    status: &'static str,
    body: String,
}

impl Answer {
    fn write(&self, writer: &mut impl Write, with_body: bool, keep: bool) -> io::Result<()> {
        let connection = if keep { "keep-alive" } else { "close" };
        write!(
            writer,
            "HTTP/1.1 {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n",
            self.status,
            self.body.len()
        )?;
        if with_body {
            writer.write_all(self.body.as_bytes())?;
        }
        writer.flush()
    }
}

#[derive(Debug)]
struct Request {
    method: String,
    target: String,
    is_http_1_0: bool,
    /// Each as received, with a line feed for its end.
    headers: Vec<String>,
}

impl Request {
    /// `None` when the client has closed the connection between two requests.
    fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut head = reader.take(LONGEST_HEAD);
        let Some(first) = line(&mut head)? else { return Ok(None) };
        let mut words = first.split_whitespace();
        let (Some(method), Some(target), version) = (words.next(), words.next(), words.next()) else {
            return Err(invalid("no request line"));
        };
        let is_http_1_0 = match version {
            None | Some("HTTP/1.0") => true,
            Some("HTTP/1.1") => false,
            Some(_) => return Err(invalid("an unknown version")),
        };
        let mut headers = Vec::new();
        // HTTP/0.9 has a request line only.
        while version.is_some() {
            match line(&mut head)? {
                None => return Err(invalid("the headers do not end")),
                Some(end) if end.is_empty() => break,
                Some(header) => headers.push(header + "\n"),
            }
        }
        Ok(Some(Self { method: method.to_owned(), target: target.to_owned(), is_http_1_0, headers }))
    }

    /// The value of a header, in lower case; the name must be in lower case.
    fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().find_map(|header| {
            let (key, value) = header.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_ascii_lowercase())
        })
    }

    fn keeps_alive(&self) -> bool {
        let connection = self.header("connection").unwrap_or_default();
        let says = |word: &str| connection.split(',').any(|option| option.trim() == word);
        if self.is_http_1_0 { says("keep-alive") } else { !says("close") }
    }

    fn is_chunked(&self) -> bool {
        self.header("transfer-encoding").is_some()
    }

    fn expects_continue(&self) -> bool {
        self.header("expect").as_deref() == Some("100-continue")
    }

    fn body_length(&self) -> io::Result<u64> {
        match self.header("content-length") {
            Some(length) => length.parse().map_err(|_| invalid("a wrong Content-Length")),
            None => Ok(0),
        }
    }
}

/// A line without its end; `None` at the end of the stream. Bytes that are not UTF-8 are replaced.
fn line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if reader.read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.pop() != Some(b'\n') {
        return Err(invalid("a line does not end"));
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Request {
        Request::read(&mut text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn headers_are_told_as_received() {
        let request = request("GET /headers?x HTTP/1.1\r\nhOst: a\r\nX-Forwarded-For:  10.0.0.5\r\n\r\n");
        assert_eq!(answer(&request, "web-1").body, "hOst: a\nX-Forwarded-For:  10.0.0.5\n");
    }

    #[test]
    fn a_connection_is_kept_as_version_and_header_say() {
        for (text, kept) in [
            ("GET / HTTP/1.1\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", false),
            ("GET / HTTP/1.0\r\n\r\n", false),
            ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
            ("GET /\r\n", false),
        ] {
            assert_eq!(request(text).keeps_alive(), kept, "{text}");
        }
    }

    #[test]
    fn what_is_not_http_is_refused() {
        for text in ["\r\n", "GET / HTTP/2\r\n\r\n", "GET / HTTP/1.1\r\nHost: a", "GET"] {
            let error = Request::read(&mut text.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{text:?}");
        }
    }
}

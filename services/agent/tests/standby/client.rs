//! What a client sees: requests one after the other, each with a connection of its own, and one connection for many.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use ballast_lab::{Host, wait_until};

use crate::place::{SOON, in_host};

/// A SYN that nobody answers is sent again after a second.
const PATIENCE: Duration = Duration::from_millis(1_500);
const BETWEEN: Duration = Duration::from_millis(10);

#[derive(Default)]
struct Seen {
    good: u32,
    failed: Vec<String>,
    last: Option<Instant>,
    longest: Duration,
}

/// Requests, each with a connection of its own. Three at a time, so that one that waits is not all there is.
pub(crate) struct Load {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn begin(host: &Host, address: &str) -> Self {
        let (seen, stop) = (Arc::<Mutex<Seen>>::default(), Arc::<AtomicBool>::default());
        let address: SocketAddr = address.parse().unwrap();
        let run = |_| {
            let (host, seen, stop) = (host.clone(), Arc::clone(&seen), Arc::clone(&stop));
            thread::spawn(move || in_host(&host, || ask_on(address, &seen, &stop)))
        };
        let threads = (0..3).map(run).collect();
        Self { seen, stop, threads }
    }

    /// Also the one that lasts.
    pub(crate) fn longest_gap(&self) -> Duration {
        let seen = self.seen.lock().unwrap();
        seen.last.map_or(Duration::MAX, |last| seen.longest.max(last.elapsed()))
    }

    /// How many were answered, and why the others were not.
    pub(crate) fn end(&mut self) -> (u32, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
        let seen = self.seen.lock().unwrap();
        (seen.good, seen.failed.clone())
    }

    pub(crate) fn answers_soon(mut self) {
        wait_until(SOON, "an answer", || (self.seen.lock().unwrap().good > 0).then_some(()));
        self.end();
    }
}

fn ask_on(address: SocketAddr, seen: &Mutex<Seen>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let asked = ask(address);
        let mut seen = seen.lock().unwrap();
        match asked {
            Ok(()) => {
                let gap = seen.last.map_or(Duration::ZERO, |last| last.elapsed());
                seen.longest = seen.longest.max(gap);
                seen.last = Some(Instant::now());
                seen.good += 1;
            }
            Err(error) => seen.failed.push(error.to_string()),
        }
        drop(seen);
        thread::sleep(BETWEEN);
    }
}

fn ask(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, _)) if head.starts_with("HTTP/1.1 200") => Ok(()),
        _ => Err(io::Error::other(format!("{:?}", answer.lines().next()))),
    }
}

/// One connection, with a request every so often.
pub(crate) struct Kept {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<(u32, Option<String>)>>,
}

impl Kept {
    pub(crate) fn begin(host: &Host, address: &str) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (host, stopped, address) = (host.clone(), Arc::clone(&stop), address.parse().unwrap());
        let thread = thread::spawn(move || in_host(&host, || keep_asking(address, &stopped)));
        Self { stop, thread: Some(thread) }
    }

    /// How many requests were answered, and what ended it before it was to end.
    pub(crate) fn end(&mut self) -> (u32, Option<String>) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

fn keep_asking(address: SocketAddr, stop: &AtomicBool) -> (u32, Option<String>) {
    let mut answered = 0;
    let mut one = || -> io::Result<()> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut reader = BufReader::new(stream);
        while !stop.load(Ordering::Relaxed) {
            reader.get_mut().write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")?;
            read_answer(&mut reader)?;
            answered += 1;
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    };
    let end = one().err().map(|error| error.to_string());
    (answered, end)
}

fn read_answer(reader: &mut BufReader<TcpStream>) -> io::Result<()> {
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::Error::other("the connection was closed"));
        }
        if let Some(number) = line.to_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)
}

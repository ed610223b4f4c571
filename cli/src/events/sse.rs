//! Server-sent events: from bytes to events, however they are cut. As the HTML standard has it.

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) data: String,
    /// The id that was said last.
    pub(super) id: String,
}

/// What has come of a stream so far.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    /// The line before ended by a carriage return: a newline that follows is a part of its end.
    after_return: bool,
    name: String,
    data: String,
    id: String,
}

impl Parser {
    /// The id that was said last; empty: none was.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The events that end in these bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for &byte in bytes {
            let is_rest = byte == b'\n' && self.after_return;
            self.after_return = byte == b'\r';
            match byte {
                _ if is_rest => {}
                b'\r' | b'\n' => {
                    let line = std::mem::take(&mut self.line);
                    events.extend(self.line(&String::from_utf8_lossy(&line)));
                }
                byte => self.line.push(byte),
            }
        }
        events
    }

    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let (name, mut data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
            if data.is_empty() {
                return None;
            }
            data.pop();
            return Some(Event { name, data, id: self.id.clone() });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            // A comment, or what this client does not need.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "retry: 1000\nid: c.1\nevent: begin\ndata: {\"a\":1}\n\n:\n\nid: c.2\n\n\
                          event: change\ndata: one\ndata:two\r\n\r\nid\rdata\r\r";

    fn event(name: &str, data: &str, id: &str) -> Event {
        Event { name: name.to_owned(), data: data.to_owned(), id: id.to_owned() }
    }

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut() {
        let expected = [event("begin", "{\"a\":1}", "c.1"), event("change", "one\ntwo", "c.2"), event("", "", "")];
        for size in 1..=STREAM.len() {
            let mut parser = Parser::default();
            let events: Vec<_> = STREAM.as_bytes().chunks(size).flat_map(|chunk| parser.push(chunk)).collect();
            assert_eq!(events, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn an_id_alone_is_no_event_and_is_kept() {
        let mut parser = Parser::default();
        assert_eq!(parser.push(b"id: c.9\n\n"), []);
        assert_eq!(parser.id(), "c.9");
        assert_eq!(parser.push(b"data: x"), [], "it has not ended");
    }
}

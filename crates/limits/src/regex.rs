//! Regular expressions: those that a device with PCRE takes, and that mean there what they mean elsewhere. What differs from
//! one library to another, or could take a device's memory without an end, is refused.

use crate::TEXT;

/// Groups within groups.
const DEPTH: u32 = 50;
/// The most that `{n,m}` may ask for.
const REPEATS: usize = 1_000;
/// Of what it is compiled to: PCRE ends at 65,535 bytes.
const COMPILED: usize = 16_000;
const GROUP_NAME: usize = 32;

type Read<T> = Result<T, &'static str>;

/// Whether it is one.
///
/// # Errors
/// What is wrong with it.
pub fn regex(text: &str) -> Read<()> {
    if text.is_empty() || text.len() > TEXT {
        return Err("it is empty or over 255 characters");
    }
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return Err("it has control characters");
    }
    let mut reader = Reader { rest: text.as_bytes(), groups: 0, closed: Vec::new(), names: Vec::new() };
    let size = reader.alternatives(0)?;
    match reader.rest.is_empty() {
        false => Err("it has a closing parenthesis too many"),
        true if size > COMPILED => Err("it repeats too much"),
        true => Ok(()),
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    groups: usize,
    /// The numbers of the groups that have ended: those that can be referred to.
    closed: Vec<usize>,
    names: Vec<&'a [u8]>,
}

/// What was read: how large it is compiled, and whether it can be repeated.
struct Atom {
    size: usize,
    repeatable: bool,
}

impl Atom {
    const fn of(size: usize) -> Self {
        Self { size, repeatable: true }
    }

    const fn place() -> Self {
        Self { size: 1, repeatable: false }
    }
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn takes(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text.as_bytes());
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// As many as there are of these.
    fn run(&mut self, belongs: fn(&u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| !belongs(byte)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at(end);
        self.rest = rest;
        run
    }

    /// Up to the end or the parenthesis that closes them.
    fn alternatives(&mut self, depth: u32) -> Read<usize> {
        let mut size = 6_usize;
        while self.rest.first().is_some_and(|byte| *byte != b')') {
            if self.takes("|") {
                size += 6;
                continue;
            }
            let atom = self.atom(depth)?;
            size = size.saturating_add(self.repeated(&atom)?);
        }
        Ok(size)
    }

    fn atom(&mut self, depth: u32) -> Read<Atom> {
        if self.counts()?.is_some() {
            return Err("it repeats nothing");
        }
        match self.next().unwrap_or_default() {
            b'(' if depth == DEPTH => Err("its groups are too deep"),
            b'(' => self.group(depth + 1),
            b'[' => self.class(),
            b'\\' => self.escape(),
            b'^' | b'$' => Ok(Atom::place()),
            b'*' | b'+' | b'?' => Err("it repeats nothing"),
            _ => Ok(Atom::of(2)),
        }
    }

    /// An atom's size, with how often it comes.
    fn repeated(&mut self, atom: &Atom) -> Read<usize> {
        let copies = if self.takes("*") || self.takes("?") {
            1
        } else if self.takes("+") {
            2
        } else if let Some(counts) = self.counts()? {
            counts
        } else {
            return Ok(atom.size);
        };
        // As few as will do, or all without giving any back.
        let _ = self.takes("?") || self.takes("+");
        if matches!(self.rest, [b'*' | b'+' | b'?', ..]) || self.counts()?.is_some() {
            return Err("it repeats a repetition");
        }
        match atom.repeatable {
            true => Ok(atom.size.saturating_add(8).saturating_mul(copies)),
            false => Err("it repeats a place"),
        }
    }

    /// `{n}`, `{n,}` or `{n,m}`: how many copies that makes. What is none of these is a brace like any other character.
    fn counts(&mut self) -> Read<Option<usize>> {
        let before = self.rest;
        let counts = self.braces();
        if counts.is_none() {
            self.rest = before;
        }
        counts.transpose()
    }

    fn braces(&mut self) -> Option<Read<usize>> {
        self.takes("{").then_some(())?;
        let least = self.run(u8::is_ascii_digit);
        let comma = self.takes(",");
        let most = if comma { self.run(u8::is_ascii_digit) } else { least };
        self.takes("}").then_some(())?;
        if least.is_empty() && most.is_empty() {
            return None;
        }
        let number =
            |digits: &[u8]| str::from_utf8(digits).ok()?.parse::<usize>().ok().filter(|count| *count <= REPEATS);
        Some(match (number(least), number(most)) {
            (Some(least), None) if most.is_empty() => Ok(least + 1),
            (Some(least), Some(most)) if least <= most => Ok(most.max(1)),
            // Without a first number it means one thing here and another there.
            _ => Err("its {} has no first number, or one over 1000 or over the second"),
        })
    }

    fn group(&mut self, depth: u32) -> Read<Atom> {
        let mut number = None;
        let mut repeatable = true;
        if self.takes("?") {
            if self.takes("=") || self.takes("!") {
                repeatable = false;
            } else if self.takes("P<") {
                number = Some(self.named()?);
            } else {
                let flags = self.run(|byte| b"ims".contains(byte));
                let twice = flags.iter().enumerate().any(|(at, flag)| flags[..at].contains(flag));
                if twice || !self.takes(":") {
                    return Err("it has a group of a kind that is not known here");
                }
            }
        } else if self.rest.first() == Some(&b'*') {
            return Err("it has a group of a kind that is not known here");
        } else {
            self.groups += 1;
            number = Some(self.groups);
        }
        let size = self.alternatives(depth)?;
        if !self.takes(")") {
            return Err("it has an opening parenthesis too many");
        }
        self.closed.extend(number);
        Ok(Atom { size: size + 6, repeatable })
    }

    /// The number of a group that has a name.
    fn named(&mut self) -> Read<usize> {
        let name = self.run(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let digit = name.first().is_none_or(u8::is_ascii_digit);
        if digit || name.len() > GROUP_NAME || self.names.contains(&name) || !self.takes(">") {
            return Err("it has a group whose name is none, or another one's");
        }
        self.names.push(name);
        self.groups += 1;
        Ok(self.groups)
    }

    fn escape(&mut self) -> Read<Atom> {
        match self.next() {
            Some(b'b' | b'B' | b'A' | b'Z') => Ok(Atom::place()),
            Some(digit @ b'1'..=b'9') => {
                let known = self.closed.contains(&usize::from(digit - b'0'));
                match known && !self.rest.first().is_some_and(u8::is_ascii_digit) {
                    true => Ok(Atom::of(3)),
                    false => Err("it refers to a group that has not ended"),
                }
            }
            Some(byte) => self.character(byte).map(|_| Atom::of(2)),
            None => Err("it ends in a backslash"),
        }
    }

    /// Behind a backslash; the character that it is, if it is one alone.
    fn character(&mut self, byte: u8) -> Read<Option<u8>> {
        let hex = |digit: Option<u8>| char::from(digit?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match byte {
            b'd' | b'D' | b'w' | b'W' | b's' | b'S' => Ok(None),
            b'n' => Ok(Some(b'\n')),
            b't' => Ok(Some(b'\t')),
            b'r' => Ok(Some(b'\r')),
            b'f' => Ok(Some(0x0c)),
            b'a' => Ok(Some(0x07)),
            b'x' => match (hex(self.next()), hex(self.next())) {
                (Some(high), Some(low)) => Ok(Some(high * 16 + low)),
                _ => Err("it has \\x without two digits"),
            },
            punctuation if punctuation.is_ascii_punctuation() || punctuation == b' ' => Ok(Some(punctuation)),
            _ => Err("it has a backslash before a character that has no meaning with one"),
        }
    }

    fn class(&mut self) -> Read<Atom> {
        if let [mark @ (b':' | b'.' | b'='), inside @ ..] = self.rest
            && inside.split(|byte| *byte == b']').next().and_then(<[u8]>::last) == Some(mark)
        {
            return Err("it has a class of a kind that is not known here");
        }
        let _ = self.takes("^");
        let mut first = true;
        loop {
            let low = match self.next() {
                None => return Err("it has a class without an end"),
                Some(b']') if !first => return Ok(Atom::of(36)),
                Some(byte) => self.member(byte)?,
            };
            first = false;
            // A hyphen that is the last one is no range.
            if self.rest.first() == Some(&b'-') && self.rest.get(1).is_some_and(|next| *next != b']') {
                self.next();
                let high = self.next().unwrap_or_default();
                match (low, self.member(high)?) {
                    (Some(low), Some(high)) if low <= high => {}
                    _ => return Err("it has a range from nothing, to nothing or backwards"),
                }
            }
        }
    }

    /// One of a class; the character that it is, if it is one alone.
    fn member(&mut self, byte: u8) -> Read<Option<u8>> {
        match byte {
            b'[' if matches!(self.rest, [b':' | b'.' | b'=', ..]) => Err("it has a class within a class"),
            b'\\' => match self.next() {
                Some(b'b') => Ok(Some(0x08)),
                Some(byte) => self.character(byte),
                None => Err("it ends in a backslash"),
            },
            byte if byte.is_ascii() => Ok(Some(byte)),
            // One byte of several.
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_everywhere_is_taken() {
        for good in [
            "a",
            "^/api/v[0-9]+/",
            r"\.(jpg|png)$",
            "(?:a|b)*?c{2,3}",
            "[]a-z^-]",
            "[^]]",
            r"(a)(b)\2\1",
            "(?i:x)",
            "(?P<user>[a-z]+)@",
            "a{b",
            "x{,",
            "{",
            "a{2}b{3,}",
            r"[\d\w.-]",
            r"\x41\/\-",
            "a b",
            "é+",
            "a||b",
            "",
            "(?=x)y",
            "a++b?+",
            "()",
            r"[\x00-\x1f]",
            "[.]",
            "[:a]",
        ] {
            assert_eq!(regex(good).is_ok(), !good.is_empty(), "{good}: {:?}", regex(good));
        }
    }

    #[test]
    fn what_is_none_or_differs_or_grows_is_refused() {
        let deep = format!("{}a{}", "(".repeat(60), ")".repeat(60));
        let long = "a".repeat(256);
        for bad in [
            "(",
            ")",
            "a)",
            "[a",
            "[",
            "*",
            "a**",
            "a{2}{3}",
            "+a",
            "(?<=a)b",
            "(?P<n>a)(?P<n>b)",
            "(?P<1>a)",
            r"\1(a)",
            r"(a\1)",
            r"\",
            r"\q",
            r"\Qa",
            r"\x4",
            "[z-a]",
            r"[\d-z]",
            "[[:alpha:]]",
            "a{1001}",
            "a{3,2}",
            "x{,3}",
            "[..]",
            "[:a:]",
            "^*",
            r"\b+",
            "(?=a)*",
            "a\nb",
            "((a{500}){500}){500}",
            "(*ACCEPT)",
            "(?#x)",
            "(?R)",
            "{3}",
            r"\12",
            "|*",
            &deep,
            &long,
        ] {
            assert!(regex(bad).is_err(), "{bad}");
        }
    }

    /// Whatever is written, and cut off anywhere.
    #[test]
    fn nothing_makes_it_panic() {
        let text = r"(?P<a>[^]\x41-z\d]{2,3}?|\b(?i:é))+\1{,{4}[[x]-";
        let ends = (0..=text.len()).filter(|end| text.is_char_boundary(*end));
        for end in ends {
            let _ = regex(&text[..end]);
        }
    }
}

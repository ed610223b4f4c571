//! Regular expressions, as far as their brackets and repetitions tell that they are none. What else haproxy refuses it says
//! when the load balancer is deployed.

/// What is wrong with an expression; none: nothing that can be seen.
pub(super) fn fault(text: &str) -> Option<String> {
    let mut open: Vec<usize> = Vec::new();
    let mut can_repeat = false;
    let mut rest = text.char_indices().peekable();
    while let Some((at, character)) = rest.next() {
        let repeatable = can_repeat;
        can_repeat = true;
        match character {
            '\\' if rest.next().is_none() => return Some(format!("bad escape (end of pattern) at position {at}")),
            '\\' => {}
            '[' if !ends_set(&mut rest) => return Some(format!("unterminated character set at position {at}")),
            '[' => {}
            '(' => {
                open.push(at);
                // What follows a question mark here is a kind of group.
                if rest.peek().is_some_and(|(_, next)| *next == '?') {
                    rest.next();
                }
                can_repeat = false;
            }
            ')' if open.pop().is_none() => return Some(format!("unbalanced parenthesis at position {at}")),
            '|' | '^' => can_repeat = false,
            '*' | '+' | '?' if !repeatable => return Some(format!("nothing to repeat at position {at}")),
            _ => {}
        }
    }
    open.pop().map(|at| format!("missing ), unterminated subpattern at position {at}"))
}

/// Whether the set that was begun ends; then what is left is behind it.
fn ends_set(rest: &mut std::iter::Peekable<std::str::CharIndices<'_>>) -> bool {
    let mut is_first = true;
    while let Some((_, character)) = rest.next() {
        match character {
            '^' if is_first => continue,
            ']' if !is_first => return true,
            '\\' => {
                rest.next();
            }
            _ => {}
        }
        is_first = false;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn expressions_are_taken_and_what_is_none_is_not() {
        for good in ["a b", "^/x/[0-9]+$", "(?i)a|b*", "[]x]", "[^]]", "a\\[", "(a(b)c)?", "a{2,3}", "x+?", "(?=a)b"] {
            assert_eq!(fault(good), None, "{good}");
        }
        for (bad, why) in [
            ("[a-", "unterminated character set at position 0"),
            ("x[]", "unterminated character set at position 1"),
            ("(a", "missing ), unterminated subpattern at position 0"),
            ("a)", "unbalanced parenthesis at position 1"),
            ("*a", "nothing to repeat at position 0"),
            ("a|+", "nothing to repeat at position 2"),
            ("a\\", "bad escape (end of pattern) at position 1"),
        ] {
            assert_eq!(fault(bad).as_deref(), Some(why), "{bad}");
        }
    }
}

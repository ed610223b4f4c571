//! The generation that a process says it is: a variable of its own, which its configuration sets and which it is told when
//! it is changed while it runs. Pure.

use crate::page::Page;

/// haproxy 2.6 has the command for who says that he knows it to be experimental.
pub(super) fn tell(generation: u64) -> String {
    format!("experimental-mode on;set var proc.generation str({generation})")
}

/// The answer, which is the last one with this beginning: what stands before may be others' words. `None`: it does not
/// know, as one that a former release has started.
pub(crate) fn reported(answer: &str) -> Option<u64> {
    let said = answer.lines().rev().find_map(|line| line.strip_prefix("proc.generation: type=str value=<"))?;
    said.trim_end().strip_suffix('>')?.parse().ok()
}

/// Whether a process says that it is another one than its page.
pub(super) fn differs(answer: &str, page: &Page) -> bool {
    page.generation > 0 && reported(answer) != Some(page.generation)
}

#[cfg(test)]
mod tests {
    use ballast_abi::Protocol;

    use super::*;
    use crate::samples;

    #[test]
    fn the_generation_is_read_as_haproxy_says_it() {
        for (answer, expected) in [
            ("proc.generation: type=str value=<17>\n\n", Some(17)),
            (
                "a,b,\"\nproc.generation: type=str value=<1>\n\"\n\nproc.generation: type=str value=<18446744073709551615>\n",
                Some(u64::MAX),
            ),
            ("Variable not found.\n\n", None),
            ("proc.generation: type=str value=<x>\n", None),
            ("", None),
        ] {
            assert_eq!(reported(answer), expected, "{answer}");
        }
    }

    #[test]
    fn only_a_page_that_names_one_can_differ() {
        let page =
            |generation| crate::page::Page { generation, ..samples::page(&samples::load_balancer(Protocol::Http)) };
        let answer = "proc.generation: type=str value=<7>\n";
        assert!(!differs(answer, &page(7)) && !differs(answer, &page(0)) && !differs("", &page(0)));
        assert!(differs(answer, &page(8)) && differs("Variable not found.\n", &page(8)));
    }
}

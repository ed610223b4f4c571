//! `docs/cli.md` taken at its word: each of its commands is run, in order, and says what the page says.

use std::{fs, path::Path, process::Command};

use ballast_lab::{in_lab, require_tool};
use ballast_tests::{
    programs,
    site::{Plan, Site, URL},
};

/// A line to be typed, with what comes of it.
struct Example {
    line: String,
    status: i32,
    expected: Vec<String>,
}

/// The examples of the blocks of `console`.
fn examples(page: &str) -> Vec<Example> {
    let blocks = page.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut examples: Vec<Example> = Vec::new();
    for block in blocks {
        let mut inside = None;
        for line in block.lines() {
            match (line.strip_prefix("$ "), examples.last_mut()) {
                (_, Some(last)) if inside == Some("END") => {
                    last.line += &format!("{line}\n");
                    inside = (line != "END").then_some("END");
                }
                (Some(command), _) => {
                    let (command, status) = command.split_once("    # exit ").unwrap_or((command, "0"));
                    inside = command.contains("<<'END'").then_some("END");
                    let (line, status) = (format!("{command}\n"), status.parse().expect("a status"));
                    examples.push(Example { line, status, expected: Vec::new() });
                }
                (None, Some(last)) => last.expected.push(line.to_owned()),
                (None, None) => panic!("a block begins without a command: {line}"),
            }
        }
    }
    examples
}

/// Words with one space between them.
fn plain(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a line is as it is expected; `[..]` stands for anything.
fn is_like(expected: &str, said: &str) -> bool {
    let (expected, said) = (plain(expected), plain(said));
    let mut parts = expected.split("[..]").map(str::trim);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = said.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    for (at, part) in parts.iter().enumerate() {
        let is_last = at + 1 == parts.len();
        match (is_last, rest.find(part)) {
            (true, _) if rest.ends_with(part) => rest = "",
            (false, Some(found)) => rest = &rest[found + part.len()..],
            _ => return false,
        }
    }
    rest.is_empty()
}

/// Whether all lines are; `...` stands for any number of lines.
fn are_like(expected: &[String], said: &[&str]) -> bool {
    match expected.split_first() {
        None => said.is_empty(),
        Some((first, rest)) if first == "..." => (0..=said.len()).any(|skipped| are_like(rest, &said[skipped..])),
        Some((first, rest)) => said.first().is_some_and(|line| is_like(first, line)) && are_like(rest, &said[1..]),
    }
}

fn run(example: &Example, place: &Path) -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = format!("{}:{}", programs::directory().display(), path.to_string_lossy());
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec 2>&1\n{}", example.line)]).current_dir(place).env("PATH", path);
    let is_ours = |name: &str| ["BALLAST_", "OS_"].iter().any(|ours| name.starts_with(ours));
    for name in std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter(|name| is_ours(name)) {
        shell.env_remove(name);
    }
    shell.env("BALLAST_CONTEXTS", place.join("config.toml"));
    let output = shell.output().expect("the shell starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let is_right = output.status.code() == Some(example.status) && are_like(&example.expected, &lines);
    let expected = example.expected.join("\n");
    (!is_right).then(|| {
        format!("$ {}{} instead of {}:\n{text}--- expected:\n{expected}\n", example.line, output.status, example.status)
    })
}

#[test]
fn every_example_of_the_page_does_what_the_page_says() {
    let test = "every_example_of_the_page_does_what_the_page_says";
    if !require_tool("haproxy", test) {
        return;
    }
    let page = include_str!("../../../docs/cli.md").replace("10.0.0.", "10.20.0.");
    let examples = examples(&page);
    assert!(examples.len() > 25, "only {} examples", examples.len());
    in_lab(|lab| {
        let site = Site::start(lab, &Plan::default())?;
        assert_eq!(URL, "http://127.0.0.1:9696", "the page says so");
        let place = lab.dir().join("examples");
        fs::create_dir(&place)?;
        for example in &examples {
            if let Some(wrong) = run(example, &place) {
                panic!("{wrong}");
            }
        }
        drop(site);
        Ok(())
    });
}

#[test]
fn what_differs_from_run_to_run_is_left_out_and_nothing_else() {
    for (expected, said, like) in [
        ("a [..] c", "a  b b c", true),
        ("a [..] c", "a c", true),
        ("a [..] c", "a b d", false),
        ("[..]", "", true),
        ("a", "a b", false),
        ("a[..]", "a", true),
        ("[..] b [..] d", "a b c d d", true),
    ] {
        assert_eq!(is_like(expected, said), like, "{expected} {said}");
    }
    let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert!(are_like(&lines("a ... d"), &["a", "b", "c", "d"]) && are_like(&lines("..."), &[]));
    assert!(!are_like(&lines("a ... d"), &["a", "b"]) && !are_like(&lines("a"), &["a", "b"]));
}

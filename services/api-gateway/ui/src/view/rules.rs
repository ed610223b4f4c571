//! L7 rules as a person reads and writes them: one in a line, `HEADER X-Version not EQUAL_TO 1`.

use ballast_proto::{
    driver::{L7CompareType, L7RuleType},
    v2::L7Rule,
};

use super::choices;

/// The word before a comparison that must not hold.
const NOT: &str = "not";

/// Rules of all lines, or what is wrong with each line that is none.
pub(crate) fn rules(text: &str) -> Result<Vec<L7Rule>, String> {
    let (mut rules, mut wrong) = (Vec::new(), Vec::new());
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match rule(line.trim()) {
            Ok(one) => rules.push(one),
            Err(why) => wrong.push(format!("line {}: \"{}\" {why}", at + 1, line.trim())),
        }
    }
    if wrong.is_empty() { Ok(rules) } else { Err(wrong.join("; ")) }
}

/// As it stands in a line.
pub(crate) fn line(rule: &L7Rule) -> String {
    let key = if rule.key.is_empty() { String::new() } else { format!(" {}", rule.key) };
    let not = if rule.invert { "not " } else { "" };
    let (kind, compare) = (choices::rule_type(rule.r#type()), choices::compare_type(rule.compare_type()));
    format!("{kind}{key} {not}{compare} {}", rule.value)
}

/// Whether such a rule looks at one of several, which has a name.
const fn has_key(kind: L7RuleType) -> bool {
    matches!(kind, L7RuleType::Header | L7RuleType::Cookie | L7RuleType::SslDnField)
}

fn rule(line: &str) -> Result<L7Rule, String> {
    let mut rest = line;
    let mut word = || {
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        rest = after.trim_start();
        word
    };
    let named = word();
    let kind = choices::rule_type_named(&named.to_uppercase());
    if kind == L7RuleType::Unspecified {
        return Err(format!("begins with \"{named}\", and not with what it looks at, as PATH or HEADER"));
    }
    let key = if has_key(kind) { word() } else { "" };
    let mut compare = word();
    let invert = compare.eq_ignore_ascii_case(NOT);
    if invert {
        compare = word();
    }
    let compare_type = choices::compare_type_named(&compare.to_uppercase());
    if compare_type == L7CompareType::Unspecified {
        return Err(format!("compares by \"{compare}\", which is none of {}", choices::compare_words()));
    }
    if rest.is_empty() {
        return Err("has no value to compare with".to_owned());
    }
    Ok(L7Rule {
        r#type: kind.into(),
        compare_type: compare_type.into(),
        key: key.to_owned(),
        value: rest.to_owned(),
        invert,
        ..L7Rule::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_rule_and_a_rule_is_its_line() {
        let text =
            "PATH STARTS_WITH /api\n\nheader X-Version not equal_to 1\r\nCOOKIE id REGEX ^a b$\nHOST_NAME ENDS_WITH .x";
        let found = rules(text).unwrap();
        let lines: Vec<String> = found.iter().map(line).collect();
        assert_eq!(
            lines,
            [
                "PATH STARTS_WITH /api",
                "HEADER X-Version not EQUAL_TO 1",
                "COOKIE id REGEX ^a b$",
                "HOST_NAME ENDS_WITH .x"
            ]
        );
        assert!(found[1].invert && found[1].key == "X-Version");
        assert_eq!(rules(&lines.join("\n")), Ok(found));
        assert_eq!(rules(" \n"), Ok(Vec::new()));
    }

    #[test]
    fn each_line_is_judged_by_itself() {
        let why =
            rules("PATH STARTS_WITH /a\nGOPHER EQUAL_TO x\nPATH LIKE x\nPATH EQUAL_TO\nHEADER EQUAL_TO x").unwrap_err();
        for part in [
            "line 2: \"GOPHER EQUAL_TO x\" begins with \"GOPHER\"",
            "line 3: \"PATH LIKE x\" compares by \"LIKE\"",
            "line 4: \"PATH EQUAL_TO\" has no value",
            "line 5: \"HEADER EQUAL_TO x\" compares by \"x\"",
        ] {
            assert!(why.contains(part), "{part} is not in {why}");
        }
        assert!(!why.contains("line 1"), "{why}");
    }
}

//! What goes with the metrics and can be looked at without a deployment: the rules, their cases, the board, the document.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use ballast_tests::metrics::{ADDED, asked, board, documented, family, promtool, queries, rules, served};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_query_of_the_board_and_the_rules_parses_and_asks_for_what_is_documented() {
    let documented = documented();
    assert!(documented.len() > 45, "only {} rows found", documented.len());
    let recorded: BTreeSet<String> = rules().into_iter().filter(|rule| !rule.is_alert).map(|rule| rule.name).collect();
    let queries = queries();
    assert!(queries.len() > 70, "only {} found", queries.len());
    for query in queries {
        let asked = asked(&query.text).unwrap_or_else(|error| panic!("{}: {error}\n{}", query.place, query.text));
        let mut known: BTreeSet<String> = ADDED.map(str::to_owned).into();
        for (name, labels) in &asked.series {
            if recorded.contains(name) || name == "up" {
                continue;
            }
            let row = documented.iter().find(|(known, _)| known == family(name));
            let (_, metric) = row.unwrap_or_else(|| panic!("{}: {name} is in no table", query.place));
            known.extend(metric.labels.iter().cloned());
            let own = |label: &&String| !metric.labels.contains(*label) && !ADDED.contains(&label.as_str());
            let unknown: Vec<_> = labels.iter().filter(own).collect();
            assert!(unknown.is_empty(), "{}: {name} has no {unknown:?}", query.place);
        }
        let unknown: Vec<_> = asked.labels.difference(&known).collect();
        assert!(unknown.is_empty(), "{}: nothing has {unknown:?}", query.place);
    }
}

/// As GitHub makes it of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-');
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn each_alert_has_a_section_that_says_what_to_do_and_each_section_is_of_an_alert() {
    let document = read("docs/operate.md");
    let sections: Vec<(&str, &str)> =
        document.split("\n#### ").skip(1).filter_map(|part| part.split_once('\n')).collect();
    let alerts: Vec<_> = rules().into_iter().filter(|rule| rule.is_alert).collect();
    assert!(alerts.len() > 15, "{alerts:?}");
    for alert in &alerts {
        let section = sections.iter().find(|(name, _)| *name == alert.name);
        let text = section.unwrap_or_else(|| panic!("{} has no section", alert.name)).1;
        let text = text.split("\n#").next().unwrap_or_default();
        assert!(text.split_whitespace().count() > 15, "{}: {text}", alert.name);
        assert_eq!(alert.runbook, format!("docs/operate.md#{}", anchor(&alert.name)));
    }
    for (name, _) in sections.iter().filter(|(name, _)| name.starts_with("Ballast")) {
        assert!(alerts.iter().any(|alert| alert.name == *name), "{name} is no alert");
    }
}

fn run(promtool: &Path, arguments: &[&str]) {
    let place = root().join("deploy/prometheus");
    let output = Command::new(promtool).args(arguments).current_dir(place).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {said}");
}

#[test]
fn each_alert_fires_when_it_should_and_not_otherwise() {
    let cases = read("deploy/prometheus/ballast.rules.test.yml");
    for alert in rules().into_iter().filter(|rule| rule.is_alert) {
        let case = |name: &str| cases.lines().any(|line| line == format!("  - name: {} {name}", alert.name));
        assert!(case("fires") && case("is quiet"), "{} has not a case of each kind", alert.name);
    }
    let Some(promtool) = promtool("each_alert_fires_when_it_should_and_not_otherwise") else { return };
    run(&promtool, &["check", "rules", "ballast.rules.yml"]);
    run(&promtool, &["check", "config", "--syntax-only", "prometheus.yml.example"]);
    run(&promtool, &["test", "rules", "ballast.rules.test.yml"]);
}

#[test]
fn the_board_has_its_rows_and_variables_and_each_panel_a_place_of_its_own() {
    let board = board();
    let panels = board["panels"].as_array().unwrap();
    let rows: Vec<&str> =
        panels.iter().filter(|one| one["type"] == "row").filter_map(|one| one["title"].as_str()).collect();
    assert_eq!(
        rows,
        ["Symptoms", "Traffic", "Control plane", "Agents and drivers", "Store", "Staying up", "Certificates"]
    );
    let variables = board["templating"]["list"].as_array().unwrap();
    let names: Vec<&str> = variables.iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["datasource", "project", "agent", "load_balancer"]);
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        for place in (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y))) {
            assert!(place.0 < 24 && taken.insert(place), "{place:?} of {}", panel["title"]);
        }
        let has_queries = panel["targets"].as_array().is_some_and(|targets| !targets.is_empty());
        assert!(panel["type"] == "row" || has_queries, "{}", panel["title"]);
    }
}

/// What no panel draws: what it is good for is said by others, or is no course of anything.
const NOT_DRAWN: [&str; 6] = [
    // As a table it says which versions run; `ballast status` does, too.
    "ballast_build_info",
    // Of the collector's own board.
    "ballast_trace_spans_total",
    "process_start_time_seconds",
    "process_threads",
    "process_virtual_memory_bytes",
    "process_virtual_memory_max_bytes",
];

#[test]
fn each_metric_is_in_a_panel_or_on_the_list_of_those_that_need_none() {
    let drawn: BTreeSet<String> = queries()
        .iter()
        .filter(|query| query.place.starts_with("the board, "))
        .flat_map(|query| asked(&query.text).unwrap().series)
        .map(|(name, _)| family(&name).to_owned())
        .collect();
    let documented: BTreeSet<String> = documented().into_iter().map(|(name, _)| name).collect();
    let not_drawn: BTreeSet<String> = NOT_DRAWN.map(str::to_owned).into();
    let missing: Vec<_> =
        documented.iter().filter(|name| !drawn.contains(*name) && !not_drawn.contains(*name)).collect();
    assert!(missing.is_empty(), "in no panel: {missing:?}");
    let superfluous: Vec<_> =
        not_drawn.iter().filter(|name| drawn.contains(*name) || !documented.contains(*name)).collect();
    assert!(superfluous.is_empty(), "on the list, and drawn or no metric: {superfluous:?}");
}

#[test]
fn what_is_served_is_read_as_it_is() {
    let text = "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"1, y=\",z=\"\"} 3\n\
                # TYPE b_seconds histogram\nb_seconds_bucket{le=\"+Inf\",k=\"v\"} 1\nb_seconds_sum{k=\"v\"} 0.5\n# TYPE c gauge\nc 1\n";
    let metrics = served(text);
    let labels = |name: &str| metrics[name].labels.iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!((labels("a_total"), labels("b_seconds"), labels("c")), (vec!["x", "z"], vec!["k"], vec![]));
    assert_eq!((metrics["b_seconds"].kind.as_str(), metrics["b_seconds"].series), ("histogram", 2));
    assert_eq!((family("ballast_store_queue"), family("b_seconds_count")), ("ballast_store_queue", "b_seconds"));
}

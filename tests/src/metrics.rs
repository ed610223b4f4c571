//! Metrics as others see them: what a process serves, what the document says of it, and what the board and the rules ask.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use promql_parser::parser::{self, BinModifier, Expr, LabelModifier, VectorSelector};
use serde_json::Value;

/// The labels that Prometheus adds, and that of a histogram's buckets.
pub const ADDED: [&str; 3] = ["instance", "job", "le"];

/// What is told of a metric: its type, and the labels of its series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metric {
    pub kind: String,
    pub labels: BTreeSet<String>,
    pub series: usize,
}

/// Metrics by their names as a query has them, in the older text.
pub type Metrics = BTreeMap<String, Metric>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Debian's promtool, as `deploy/deps.sh test` brings it. None: it was said aloud that `test` is not run.
#[must_use]
pub fn promtool(test: &str) -> Option<PathBuf> {
    let own = root().join(".promtool/promtool");
    if own.exists() {
        return Some(own);
    }
    ballast_lab::require_tool("promtool", test).then(|| PathBuf::from("promtool"))
}

/// Reads what `/metrics` has answered in Prometheus' older text.
///
/// # Panics
/// When a line is none, or of a metric that was not announced.
#[must_use]
pub fn served(text: &str) -> Metrics {
    let mut metrics = Metrics::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or_else(|| panic!("{line}"));
            let is_new = metrics.insert(name.to_owned(), Metric { kind: kind.to_owned(), ..Metric::default() });
            assert!(is_new.is_none(), "told twice: {name}");
        } else if !line.starts_with('#') {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let (name, labels) =
                series.split_once('{').map_or((series, ""), |(name, rest)| (name, rest.trim_end_matches('}')));
            let metric = metrics.get_mut(family(name)).unwrap_or_else(|| panic!("not announced: {line}"));
            metric.series += 1;
            metric.labels.extend(labels_of(labels).filter(|label| label != "le"));
        }
    }
    metrics
}

/// The names of labels in `a="x",b="y"`: what stands outside of quotes.
fn labels_of(text: &str) -> impl Iterator<Item = String> {
    let outside = text.split('"').step_by(2).map(|name| name.trim_matches([',', '=']));
    outside.filter(|name| !name.is_empty()).map(str::to_owned)
}

/// The metric that a sample is of.
#[must_use]
pub fn family(sample: &str) -> &str {
    let ends = ["_bucket", "_sum", "_count"];
    let histogram = ends.into_iter().find_map(|end| sample.strip_suffix(end)).filter(|name| name.ends_with("_seconds"));
    histogram.unwrap_or(sample)
}

/// The rows of the tables of metrics in docs/operate.md: name, type and labels.
#[must_use]
pub fn documented() -> Vec<(String, Metric)> {
    let document = read("docs/operate.md");
    let mut rows = Vec::new();
    let mut within = false;
    for line in document.lines() {
        within = if line.starts_with("| metric |") { true } else { within && line.starts_with('|') };
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, ..] = cells.as_slice() else { continue };
        if within && name.starts_with('`') {
            let labels = labels.split(',').map(|label| label.trim().trim_matches('`').to_owned());
            let labels = labels.filter(|label| !label.is_empty()).collect();
            let kind = kind.split(',').next().unwrap_or_default().to_owned();
            rows.push((name.trim_matches('`').to_owned(), Metric { kind, labels, series: 0 }));
        }
    }
    rows
}

/// An expression, and where it stands.
#[derive(Debug, Clone)]
pub struct Query {
    pub place: String,
    pub text: String,
}

/// An alert or a recorded expression.
#[derive(Debug, Clone)]
pub struct Rule {
    pub name: String,
    pub is_alert: bool,
    pub query: String,
    pub runbook: String,
}

/// The rules. The file is written so that lines tell: promtool reads it as YAML.
#[must_use]
pub fn rules() -> Vec<Rule> {
    let text = read("deploy/prometheus/ballast.rules.yml");
    let mut rules: Vec<Rule> = Vec::new();
    let mut folded = false;
    for line in text.lines() {
        let words = line.trim();
        let named = |key: &str| words.strip_prefix(key).map(|name| name.trim().to_owned());
        if let Some(name) = named("- alert:").or_else(|| named("- record:")) {
            let is_alert = words.starts_with("- alert:");
            rules.push(Rule { name, is_alert, query: String::new(), runbook: String::new() });
            continue;
        }
        let Some(rule) = rules.last_mut() else { continue };
        if let Some(query) = named("expr:") {
            folded = query == ">-";
            rule.query = if folded { String::new() } else { query };
        } else if let Some(runbook) = named("runbook:") {
            rule.runbook = runbook;
        } else if folded && line.starts_with("          ") {
            rule.query.push_str(words);
            rule.query.push(' ');
        } else {
            folded = false;
        }
    }
    rules
}

/// The board.
///
/// # Panics
/// When it is no JSON.
#[must_use]
pub fn board() -> Value {
    serde_json::from_str(&read("deploy/grafana/ballast.json")).expect("the board is JSON")
}

/// All queries of the board and the rules.
#[must_use]
pub fn queries() -> Vec<Query> {
    let board = board();
    let panels = board["panels"].as_array().cloned().unwrap_or_default();
    let of_panel = |panel: &Value| {
        let title = panel["title"].as_str().unwrap_or_default().to_owned();
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        let expressions = targets.into_iter().filter_map(|target| Some(target["expr"].as_str()?.to_owned()));
        expressions.map(|text| Query { place: format!("the board, {title}"), text: plain(&text) }).collect::<Vec<_>>()
    };
    let of_rules = rules().into_iter().map(|rule| Query { place: format!("the rule {}", rule.name), text: rule.query });
    let variables = board["templating"]["list"].as_array().cloned().unwrap_or_default();
    let of_variables = variables.into_iter().filter_map(|variable| {
        let asked = variable["query"]["query"].as_str()?.strip_prefix("label_values(")?.strip_suffix(')')?;
        let (selector, label) = asked.rsplit_once(", ")?;
        let text = format!("count by ({label}) ({})", plain(selector));
        Some(Query { place: format!("the board's variable {}", variable["name"]), text })
    });
    panels.iter().flat_map(of_panel).chain(of_rules).chain(of_variables).collect()
}

/// Without Grafana's own variables.
fn plain(query: &str) -> String {
    query
        .replace("$__rate_interval", "5m")
        .replace("$load_balancer", "x")
        .replace("$project", "x")
        .replace("$agent", "x")
}

/// What a query asks: series, and labels by which they are brought together.
#[derive(Debug, Default)]
pub struct Asked {
    pub series: Vec<(String, BTreeSet<String>)>,
    pub labels: BTreeSet<String>,
}

/// # Errors
/// Why it is no query.
pub fn asked(query: &str) -> Result<Asked, String> {
    let mut asked = Asked::default();
    asked.read(&parser::parse(query)?);
    Ok(asked)
}

impl Asked {
    fn read(&mut self, expression: &Expr) {
        match expression {
            Expr::Aggregate(aggregate) => {
                self.by(aggregate.modifier.as_ref());
                self.read(&aggregate.expr);
            }
            Expr::Binary(binary) => {
                if let Some(BinModifier { matching, .. }) = &binary.modifier {
                    self.by(matching.as_ref());
                }
                self.read(&binary.lhs);
                self.read(&binary.rhs);
            }
            Expr::Unary(unary) => self.read(&unary.expr),
            Expr::Paren(paren) => self.read(&paren.expr),
            Expr::Subquery(subquery) => self.read(&subquery.expr),
            Expr::Call(call) => call.args.args.iter().for_each(|argument| self.read(argument)),
            Expr::VectorSelector(selector) => self.select(selector),
            Expr::MatrixSelector(selector) => self.select(&selector.vs),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
        }
    }

    fn by(&mut self, modifier: Option<&LabelModifier>) {
        if let Some(LabelModifier::Include(labels) | LabelModifier::Exclude(labels)) = modifier {
            self.labels.extend(labels.labels.iter().cloned());
        }
    }

    fn select(&mut self, selector: &VectorSelector) {
        let labels = selector.matchers.matchers.iter().map(|matcher| matcher.name.clone());
        self.series.push((selector.name.clone().unwrap_or_default(), labels.collect()));
    }
}

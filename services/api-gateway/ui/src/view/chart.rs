//! A few numbers one after the other, drawn; and said, for who does not see it.

use askama::Template;

const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 40.0;
/// How many points a chart has room for.
pub(crate) const POINTS: usize = 120;

#[derive(Debug, Clone, PartialEq, Template)]
#[template(
    ext = "html",
    source = r#"<figure class="chart"><figcaption>{{ title }}: <b>{{ last }}</b> <span class="quiet">at most {{ most }}</span></figcaption><svg viewBox="0 0 240 44" role="img" aria-label="{{ title }}, {{ last }} now, at most {{ most }} within what is shown"><path d="{{ path }}"/></svg></figure>"#
)]
pub(crate) struct Chart {
    title: &'static str,
    last: String,
    most: String,
    path: String,
}

impl Chart {
    /// None: two points are needed for a line.
    pub(crate) fn of(title: &'static str, values: &[u64], shown: impl Fn(u64) -> String) -> Option<Self> {
        let values = &values[values.len().saturating_sub(POINTS)..];
        let (last, most) = (*values.last()?, *values.iter().max()?);
        (values.len() > 1).then(|| Self { title, last: shown(last), most: shown(most), path: line(values, most) })
    }
}

/// From left to right, the largest at the top.
#[expect(clippy::cast_precision_loss, reason = "drawn in a few hundred units")]
fn line(values: &[u64], most: u64) -> String {
    let step = WIDTH / (values.len().saturating_sub(1).max(1)) as f64;
    let point = |(index, value): (usize, &u64)| {
        let height = if most == 0 { 0.0 } else { *value as f64 / most as f64 * HEIGHT };
        format!("{}{:.1} {:.1}", if index == 0 { "M" } else { "L" }, index as f64 * step, HEIGHT + 2.0 - height)
    };
    values.iter().enumerate().map(point).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_is_at_the_top_and_nothing_is_a_flat_line() {
        assert_eq!(line(&[0, 5, 10], 10), "M0.0 42.0 L120.0 22.0 L240.0 2.0");
        assert_eq!(line(&[0, 0], 0), "M0.0 42.0 L240.0 42.0");
        let chart = |values: &[u64]| Chart::of("in", values, |value| value.to_string());
        assert_eq!((chart(&[]), chart(&[1])), (None, None));
        let many: Vec<u64> = (0..1_000).collect();
        let chart = chart(&many).unwrap();
        assert_eq!((chart.last.as_str(), chart.path.matches('L').count()), ("999", POINTS - 1));
    }
}

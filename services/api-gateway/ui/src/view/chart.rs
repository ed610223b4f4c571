//! A few numbers one after the other, drawn; and said, for who does not see it.

use askama::Template;

const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 40.0;
/// How many points a chart has room for.
pub(crate) const POINTS: usize = 120;

#[derive(Debug, Clone, PartialEq, Template)]
#[template(
    ext = "html",
    source = r#"<figure class="chart"><figcaption>{{ title }}: <b>{{ last }}</b> <span class="quiet">at most {{ most }}</span></figcaption><svg viewBox="0 0 240 44" role="img" aria-label="{{ title }}, {{ last }} now, at most {{ most }} within what is shown"><path class="axis" d="M0 43H240M0 2V43"/><path d="{{ path }}"/></svg>{% if let Some(ago) = ago %}<p class="axis quiet"><span>{{ ago }} ago</span> <span>now</span></p>{% endif %}</figure>"#
)]
pub(crate) struct Chart {
    title: &'static str,
    last: String,
    most: String,
    path: String,
    /// How long ago its left end is.
    ago: Option<&'static str>,
}

impl Chart {
    /// None: two points are needed for a line.
    pub(crate) fn of(title: &'static str, values: &[u64], shown: impl Fn(u64) -> String) -> Option<Self> {
        let values = &values[values.len().saturating_sub(POINTS)..];
        Self::over(title, values, (values.len(), None), shown)
    }

    /// With room for so many points, of which the newest are known: the left end is so long ago.
    pub(crate) fn over(
        title: &'static str,
        values: &[u64],
        (room, ago): (usize, Option<&'static str>),
        shown: impl Fn(u64) -> String,
    ) -> Option<Self> {
        let (last, most) = (*values.last()?, *values.iter().max()?);
        let path = line(values, most, room);
        (values.len() > 1).then(|| Self { title, last: shown(last), most: shown(most), path, ago })
    }
}

/// From left to right, the newest at the right, the largest at the top.
#[expect(clippy::cast_precision_loss, reason = "drawn in a few hundred units")]
fn line(values: &[u64], most: u64, room: usize) -> String {
    let room = room.max(values.len());
    let step = WIDTH / (room.saturating_sub(1).max(1)) as f64;
    let first = room - values.len();
    let point = |(index, value): (usize, &u64)| {
        let height = if most == 0 { 0.0 } else { *value as f64 / most as f64 * HEIGHT };
        let across = (first + index) as f64 * step;
        format!("{}{across:.1} {:.1}", if index == 0 { "M" } else { "L" }, HEIGHT + 2.0 - height)
    };
    values.iter().enumerate().map(point).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_is_at_the_top_and_nothing_is_a_flat_line() {
        assert_eq!(line(&[0, 5, 10], 10, 3), "M0.0 42.0 L120.0 22.0 L240.0 2.0");
        assert_eq!(line(&[0, 0], 0, 2), "M0.0 42.0 L240.0 42.0");
        assert_eq!(line(&[0, 10], 10, 5), "M180.0 42.0 L240.0 2.0", "what is not known is left out");
        let chart = |values: &[u64]| Chart::of("in", values, |value| value.to_string());
        assert_eq!((chart(&[]), chart(&[1])), (None, None));
        let many: Vec<u64> = (0..1_000).collect();
        let chart = chart(&many).unwrap();
        assert_eq!((chart.last.as_str(), chart.path.matches('L').count()), ("999", POINTS - 1));
    }
}

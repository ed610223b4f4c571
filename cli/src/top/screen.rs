//! The screen, drawn from what it is about.

use ratatui::{
    Frame,
    layout::{Constraint, Layout},
    style::{Color, Modifier, Style},
    text::Line,
    widgets::{Paragraph, Row as Cells, Table, TableState},
};

use super::{
    rates::{Row, TITLES},
    state::State,
};
use crate::find::plain;

const KEYS: &str = "j/k choose   Enter members   / filter   s sort   q quit";

/// `said` is what went wrong with the last look, if something did.
pub(super) fn draw(frame: &mut Frame<'_>, state: &State, url: &str, said: Option<&str>) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(1)]).areas(frame.area());
    let shown = state.shown();
    let filter =
        if state.filter.is_empty() && !state.types { String::new() } else { format!("   /{}", plain(&state.filter)) };
    let title = format!("{}   {} load balancers by {}{filter}", plain(url), shown.len(), state.order.title());
    frame.render_widget(Line::styled(title, Style::new().add_modifier(Modifier::BOLD)), head);
    match &state.members {
        Some(members) => frame.render_widget(Paragraph::new(members.as_str()), body),
        None => {
            let widths = [20, 15, 9, 11, 8, 9, 9, 8].map(Constraint::Min);
            let rows = shown.iter().map(|row| cells(row));
            let table = Table::new(rows, widths)
                .header(Cells::new(TITLES).style(Style::new().add_modifier(Modifier::UNDERLINED)))
                .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
            frame.render_stateful_widget(table, body, &mut TableState::new().with_selected(state.at()));
        }
    }
    let foot_text =
        said.map_or_else(|| Line::from(KEYS), |said| Line::styled(plain(said), Style::new().fg(Color::Red)));
    frame.render_widget(foot_text, foot);
}

fn cells(row: &Row) -> Cells<'static> {
    let color = match row.status.as_str() {
        "ERROR" => Some(Color::Red),
        "DEGRADED" => Some(Color::Yellow),
        _ => None,
    };
    let style = color.map_or_else(Style::new, |color| Style::new().fg(color));
    Cells::new(row.cells().iter().map(|cell| plain(cell)).collect::<Vec<_>>()).style(style)
}

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};
    use serde_json::json;

    use super::{
        super::{Order, rates::Counters},
        *,
    };

    fn drawn(state: &State, said: Option<&str>) -> String {
        let mut terminal = Terminal::new(TestBackend::new(110, 6)).unwrap();
        terminal.draw(|frame| draw(frame, state, "http://gateway", said)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let width = usize::from(buffer.area.width);
        let lines =
            buffer.content().chunks(width).map(|line| line.iter().map(|cell| cell.symbol()).collect::<String>());
        lines.map(|line| format!("{}\n", line.trim_end())).collect()
    }

    #[test]
    fn rows_members_and_what_went_wrong_are_on_the_screen() {
        let mut state = State::new(Order::Connections);
        let lb = json!({"id": "1", "name": "shop\u{1b}[31m", "vip_address": "10.0.0.1", "operating_status": "ONLINE"});
        state.see(vec![Row::new(&lb, None, &Counters { active: 7, ..Counters::default() })]);
        let screen = drawn(&state, None);
        let lines: Vec<&str> = screen.lines().collect();
        assert_eq!(lines[0], "http://gateway   1 load balancers by connections");
        assert!(lines[1].starts_with("NAME") && lines[1].contains("CONNECTIONS"), "{screen}");
        assert!(
            lines[2].starts_with("shop [31m") && lines[2].contains("10.0.0.1") && lines[2].contains('7'),
            "{screen}"
        );
        assert_eq!(lines[5], KEYS);
        state.members = Some("MEMBER  ADDRESS\n".to_owned());
        assert!(
            drawn(&state, Some("no answer")).contains("MEMBER  ADDRESS")
                && drawn(&state, Some("no answer")).contains("no answer")
        );
    }
}

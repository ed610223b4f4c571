//! What the screen is about, and what a key does. Pure.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Order, rates::Row};

/// What is to be done besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    Quit,
    /// The members of this load balancer are asked for.
    Members(String),
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) order: Order,
    pub(super) filter: String,
    /// The filter is being typed.
    pub(super) types: bool,
    /// The one that is chosen, by its id: rows move.
    pub(super) chosen: Option<String>,
    /// The members of one, as text.
    pub(super) members: Option<String>,
    rows: Vec<Row>,
}

impl State {
    pub(super) const fn new(order: Order) -> Self {
        Self { order, filter: String::new(), types: false, chosen: None, members: None, rows: Vec::new() }
    }

    pub(super) fn see(&mut self, rows: Vec<Row>) {
        self.rows = rows;
        super::rates::order(&mut self.rows, self.order);
    }

    /// Those that are shown, in order.
    pub(super) fn shown(&self) -> Vec<&Row> {
        let wanted = self.filter.to_lowercase();
        let is = |row: &&Row| {
            wanted.is_empty()
                || [&row.name, &row.address, &row.id].iter().any(|text| text.to_lowercase().contains(&wanted))
        };
        self.rows.iter().filter(is).collect()
    }

    /// Where the chosen one stands.
    pub(super) fn at(&self) -> Option<usize> {
        let shown = self.shown();
        let at = shown.iter().position(|row| Some(&row.id) == self.chosen.as_ref());
        at.or_else(|| (!shown.is_empty()).then_some(0))
    }

    fn choose(&mut self, by: isize) {
        let shown = self.shown();
        let last = shown.len().saturating_sub(1);
        let at = self.at().unwrap_or_default().saturating_add_signed(by).min(last);
        self.chosen = shown.get(at).map(|row| row.id.clone());
    }

    pub(super) fn key(&mut self, key: KeyEvent) -> Action {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Action::Quit;
        }
        if self.types {
            self.typed(key.code);
            return Action::Nothing;
        }
        match key.code {
            KeyCode::Char('q') => return Action::Quit,
            KeyCode::Esc if self.members.is_some() => self.members = None,
            KeyCode::Esc if self.filter.is_empty() => return Action::Quit,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Char('/') => self.types = true,
            KeyCode::Char('s') => {
                self.order = next(self.order);
                super::rates::order(&mut self.rows, self.order);
            }
            KeyCode::Char('j') | KeyCode::Down => self.choose(1),
            KeyCode::Char('k') | KeyCode::Up => self.choose(-1),
            KeyCode::PageDown => self.choose(20),
            KeyCode::PageUp => self.choose(-20),
            KeyCode::Enter => {
                let chosen = self.at().and_then(|at| self.shown().get(at).map(|row| row.id.clone()));
                return chosen.map_or(Action::Nothing, Action::Members);
            }
            _ => {}
        }
        Action::Nothing
    }

    fn typed(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.types = false,
            KeyCode::Esc => {
                self.types = false;
                self.filter.clear();
            }
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(c) => self.filter.push(c),
            _ => {}
        }
    }
}

const fn next(order: Order) -> Order {
    match order {
        Order::Connections => Order::Rate,
        Order::Rate => Order::In,
        Order::In => Order::Out,
        Order::Out => Order::Errors,
        Order::Errors => Order::Name,
        Order::Name => Order::Connections,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::rates::Counters, *};

    fn state() -> State {
        let row = |id: &str, name: &str, active: u64| {
            Row::new(&json!({"id": id, "name": name}), None, &Counters { active, ..Counters::default() })
        };
        let mut state = State::new(Order::Connections);
        state.see(vec![row("1", "web", 5), row("2", "api", 9), row("3", "Web-2", 1)]);
        state
    }

    fn names(state: &State) -> Vec<&str> {
        state.shown().iter().map(|row| row.name.as_str()).collect()
    }

    fn press(state: &mut State, keys: &str) -> Action {
        let code = |c| match c {
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            '\u{8}' => KeyCode::Backspace,
            c => KeyCode::Char(c),
        };
        keys.chars().map(|c| state.key(KeyEvent::new(code(c), KeyModifiers::NONE))).last().unwrap_or(Action::Nothing)
    }

    #[test]
    fn keys_choose_filter_and_order() {
        let mut state = state();
        assert_eq!(names(&state), ["api", "web", "Web-2"]);
        assert_eq!(press(&mut state, "jjj\n"), Action::Members("3".to_owned()));
        assert_eq!(press(&mut state, "kkk\n"), Action::Members("2".to_owned()));
        // Letters are letters while the filter is typed.
        assert_eq!(press(&mut state, "/webq\u{8}\n"), Action::Nothing);
        assert_eq!(names(&state), ["web", "Web-2"]);
        assert_eq!(press(&mut state, "\n"), Action::Members("1".to_owned()), "the chosen one is not shown any more");
        press(&mut state, "\u{1b}sssss");
        assert_eq!((state.order, names(&state)), (Order::Name, vec!["Web-2", "api", "web"]));
        state.members = Some(String::new());
        assert_eq!(press(&mut state, "\u{1b}"), Action::Nothing);
        assert_eq!(press(&mut state, "\u{1b}"), Action::Quit);
        assert_eq!(press(&mut state, "q"), Action::Quit);
        let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(state.key(ctrl_c), Action::Quit);
    }

    #[test]
    fn the_chosen_one_stays_chosen_when_rows_move_and_none_is_none() {
        let mut state = state();
        press(&mut state, "j");
        assert_eq!(state.at(), Some(1));
        state.order = Order::Name;
        let rows = state.rows.clone();
        state.see(rows);
        assert_eq!(state.at(), Some(2));
        press(&mut state, "/nosuch\n");
        assert_eq!((state.at(), press(&mut state, "\n")), (None, Action::Nothing));
    }
}

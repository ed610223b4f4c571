//! The live screen: looks, keys, and drawing after each.

use std::time::Duration;

use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyEventKind},
};
use tokio::{sync::mpsc, time};

use super::{
    Order,
    gather::Gatherer,
    screen,
    state::{Action, State},
};
use crate::{exit::Exit, failure::Failure, v2};

/// Until somebody quits. The terminal is as it was afterwards, whatever happened.
///
/// # Errors
/// When the first look fails, or the terminal cannot be used.
pub(super) async fn run(mut gatherer: Gatherer<'_>, order: Order, interval: Duration) -> Result<Exit, Failure> {
    let mut state = State::new(order);
    state.see(gatherer.look().await?);
    let mut terminal = ratatui::try_init().map_err(Failure::Output)?;
    let done = looked_at(&mut terminal, &mut gatherer, &mut state, interval).await;
    ratatui::try_restore().map_err(Failure::Output)?;
    done
}

async fn looked_at(
    terminal: &mut DefaultTerminal,
    gatherer: &mut Gatherer<'_>,
    state: &mut State,
    interval: Duration,
) -> Result<Exit, Failure> {
    let mut keys = keys();
    let mut ticks = time::interval(interval);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    let url = gatherer.gateway.url();
    let mut said: Option<String> = None;
    loop {
        terminal.draw(|frame| screen::draw(frame, state, &url, said.as_deref())).map_err(Failure::Output)?;
        tokio::select! {
            // A key is answered before a look that is due.
            biased;
            event = keys.recv() => match event {
                None => return Ok(Exit::Done),
                Some(Event::Key(key)) if key.kind != KeyEventKind::Release => match state.key(key) {
                    Action::Nothing => {}
                    Action::Quit => return Ok(Exit::Done),
                    Action::Members(id) => match v2::members_page(gatherer.gateway, &id).await {
                        Ok(page) => state.members = Some(page),
                        Err(failure) => said = Some(failure.to_string()),
                    },
                },
                Some(_) => {}
            },
            _ = ticks.tick() => match gatherer.look().await {
                Ok(rows) => {
                    state.see(rows);
                    said = None;
                }
                // What was seen last stays, with what is wrong: it is tried again.
                Err(failure) => said = Some(failure.to_string()),
            },
        }
    }
}

/// Keys and sizes as they come, read by a thread that ends with the process.
fn keys() -> mpsc::UnboundedReceiver<Event> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if sender.send(event).is_err() {
                return;
            }
        }
    });
    receiver
}

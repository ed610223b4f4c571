//! What is shown, made of the scheduler's messages: pure, and nothing but text, numbers and addresses of pages.

pub(crate) mod agents;
pub(crate) mod attention;
pub(crate) mod badge;
pub(crate) mod certificates;
pub(crate) mod chart;
pub(crate) mod choices;
pub(crate) mod copy;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod form;
pub(crate) mod history;
pub(crate) mod late;
pub(crate) mod lines;
pub(crate) mod list;
pub(crate) mod monitors;
pub(crate) mod networks;
pub(crate) mod number;
pub(crate) mod one;
pub(crate) mod overview;
pub(crate) mod parts;
pub(crate) mod plan;
pub(crate) mod quotas;
pub(crate) mod rest;
pub(crate) mod rules;
pub(crate) mod same;
pub(crate) mod schedulers;
pub(crate) mod sheet;
pub(crate) mod shell;
pub(crate) mod time;
pub(crate) mod topology;
pub(crate) mod traffic;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

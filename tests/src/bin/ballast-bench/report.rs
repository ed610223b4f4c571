//! What a bench has to say: lines for a person, and a file for a machine.

use std::{env, fs, path::PathBuf};

use serde_json::{Value, json};

use crate::{Outcome, machine::Machine, samples::Samples};

/// A heading, with what is measured under it.
pub(crate) fn heading(title: &str, what: &str) {
    println!("\n== {title}\n{what}");
}

/// The line above [`row`]s.
pub(crate) fn columns(unit: &str) {
    println!("{:<34} {:>9} {:>9} {:>9} {:>9}  {unit}", "", "min", "median", "p90", "p99");
}

/// One series.
pub(crate) fn row(name: &str, samples: &Samples) {
    let of = |share| samples.quantile(share);
    println!(
        "{name:<34} {:>9.2} {:>9.2} {:>9.2} {:>9.2}  n={}",
        samples.min(),
        of(0.5),
        of(0.9),
        of(0.99),
        samples.len()
    );
}

/// A ratio and what it is aimed at.
pub(crate) fn ratio(name: &str, value: f64, aim: &str) {
    println!("{name:<34} {value:>9.3}  aim: {aim}");
}

/// Writes `target/bench/NAME.json`.
pub(crate) fn save(name: &str, machine: &Machine, results: &Value) -> Outcome<()> {
    let directory = directory()?;
    fs::create_dir_all(&directory)?;
    let path = directory.join(format!("{name}.json"));
    let text = serde_json::to_string_pretty(&json!({ "machine": machine.json, "results": results }))?;
    fs::write(&path, text + "\n")?;
    println!("\nwritten: {}", path.display());
    Ok(())
}

/// Beside the profile's directory, in which this program is.
fn directory() -> Outcome<PathBuf> {
    let program = env::current_exe()?;
    let target = program.ancestors().nth(2).ok_or("this program is in no target directory")?;
    Ok(target.join("bench"))
}

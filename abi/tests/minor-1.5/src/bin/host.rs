//! `minor-1-5-host FILE STATE_DIR`: what a driver answers to a host of ABI 1.5, a line for each answer.

use std::{env, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    let [_, file, state_dir] = arguments.as_slice() else { return ExitCode::from(2) };
    match minor_1_5::host::play(Path::new(file), state_dir) {
        Ok(said) => {
            println!("{}", said.join("\n"));
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

//! The machine on which the figures were measured. Without it they mean nothing.

use std::{env, fs, process::Command, thread};

use serde_json::{Value, json};

/// The machine, for a person and for the files.
pub(crate) struct Machine {
    pub(crate) text: String,
    pub(crate) json: Value,
}

pub(crate) fn describe() -> Machine {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let processor = line_of("/proc/cpuinfo", "model name");
    let memory_kib: u64 =
        line_of("/proc/meminfo", "MemTotal").split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0);
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg").split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    let haproxy = first_line("haproxy", "-v");
    let profile = profile();
    Machine {
        text: format!(
            "{cores} cores ({processor}), {} MiB, Linux {kernel}, load before {load}\n{haproxy}\nbuild: {profile}",
            memory_kib / 1024
        ),
        json: json!({
            "cores": cores, "processor": processor, "memory_kib": memory_kib, "kernel": kernel,
            "load_before": load, "haproxy": haproxy, "build": profile,
        }),
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn line_of(path: &str, key: &str) -> String {
    let text = read(path);
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.split_once(':').map(|(_, value)| value.trim()));
    value.unwrap_or("unknown").to_owned()
}

fn first_line(program: &str, argument: &str) -> String {
    let said = Command::new(program).arg(argument).output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&said).lines().next().unwrap_or("unknown").to_owned()
}

/// The directory that this program was built into: `release`, or a profile whose figures are not to be quoted.
fn profile() -> String {
    let program = env::current_exe().unwrap_or_default();
    program.parent().and_then(|folder| folder.file_name()).unwrap_or_default().to_string_lossy().into_owned()
}

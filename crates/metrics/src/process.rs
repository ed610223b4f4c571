//! What a process takes of its machine, by the names that all of Prometheus' libraries have for it.

use std::{fmt, fs, path::Path, path::PathBuf, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

/// Ticks in a second, as the kernel shows them to programs on all machines that Ballast is built for.
const TICKS: f64 = 100.0;

/// The process that asks, or the one in another folder of `/proc`.
#[derive(Debug, Clone)]
pub struct Process {
    folder: Arc<PathBuf>,
    /// In seconds since 1970.
    started: f64,
}

/// What is told of it.
#[derive(Debug, Default, PartialEq)]
struct Taken {
    cpu_seconds: Option<f64>,
    open_files: Option<f64>,
    most_files: Option<f64>,
    virtual_bytes: Option<f64>,
    most_virtual_bytes: Option<f64>,
    resident_bytes: Option<f64>,
    threads: Option<f64>,
}

impl Process {
    /// This one, which was started at this time.
    #[must_use]
    pub fn of_this(started: f64) -> Self {
        Self { folder: Arc::new(PathBuf::from("/proc/self")), started }
    }

    fn taken(&self) -> Taken {
        let read = |name: &str| fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        let (stat, status, limits) = (read("stat"), read("status"), read("limits"));
        let kibibytes = |key: &str| number(&status, key).map(|kibibytes| kibibytes * 1024.0);
        Taken {
            cpu_seconds: cpu_seconds(&stat),
            open_files: open_files(&self.folder),
            most_files: number(&limits, "Max open files"),
            virtual_bytes: kibibytes("VmSize:"),
            most_virtual_bytes: number(&limits, "Max address space"),
            resident_bytes: kibibytes("VmRSS:"),
            threads: number(&status, "Threads:"),
        }
    }
}

/// The bytes that a process has resident, from what its `status` says.
#[must_use]
pub fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes << 10)
}

/// The first number behind a key at the beginning of a line; `unlimited` is none.
fn number(text: &str, key: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The name before the fields may have anything in it, so they are counted from its end.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (ticks.next()?.parse().ok()?, ticks.next()?.parse().ok()?);
    Some((user + system) / TICKS)
}

fn open_files(folder: &Path) -> Option<f64> {
    let files = fs::read_dir(folder.join("fd")).ok()?.count();
    u32::try_from(files).ok().map(f64::from)
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let taken = self.taken();
        if let Some(seconds) = taken.cpu_seconds {
            let help = "User and system time, in seconds.";
            let metric = encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
            ConstCounter::new(seconds).encode(metric)?;
        }
        for (name, help, value) in [
            ("process_open_fds", "Open files.", taken.open_files),
            ("process_max_fds", "How many files may be open.", taken.most_files),
            ("process_virtual_memory_bytes", "Virtual memory.", taken.virtual_bytes),
            ("process_virtual_memory_max_bytes", "How much virtual memory there may be.", taken.most_virtual_bytes),
            ("process_resident_memory_bytes", "Resident memory.", taken.resident_bytes),
            ("process_threads", "Threads.", taken.threads),
            ("process_start_time_seconds", "When it was started, in seconds since 1970.", Some(self.started)),
        ] {
            if let Some(value) = value {
                let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
                ConstGauge::new(value).encode(metric)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_shows_is_read() {
        let place = tempfile::tempdir().unwrap();
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 9 0 100 1 2";
        fs::write(place.path().join("stat"), stat).unwrap();
        fs::write(place.path().join("status"), "Name:\ta\nVmSize:\t 20 kB\nVmRSS:\t 10 kB\nThreads:\t9\n").unwrap();
        let limits = "Max open files            1024                 524288               files\n\
                      Max address space         unlimited            unlimited            bytes\n";
        fs::write(place.path().join("limits"), limits).unwrap();
        fs::create_dir(place.path().join("fd")).unwrap();
        fs::write(place.path().join("fd/0"), "").unwrap();
        let process = Process { folder: Arc::new(place.path().to_owned()), started: 5.0 };
        let expected = Taken {
            cpu_seconds: Some(2.0),
            open_files: Some(1.0),
            most_files: Some(1024.0),
            virtual_bytes: Some(20_480.0),
            most_virtual_bytes: None,
            resident_bytes: Some(10_240.0),
            threads: Some(9.0),
        };
        assert_eq!(process.taken(), expected);
        fs::remove_dir_all(place.path()).unwrap();
        assert_eq!(process.taken(), Taken::default());
        assert_eq!(resident("VmRSS:\t  204800 kB\n"), Some(204_800 << 10));
    }

    #[test]
    fn this_process_is_told() {
        let mut registry = crate::Registry::default();
        registry.add_process(Process::of_this(5.0));
        let text = registry.text(crate::Format::Prometheus);
        for name in ["process_cpu_seconds_total", "process_open_fds", "process_resident_memory_bytes"] {
            assert!(text.lines().any(|line| line.starts_with(&format!("{name} "))), "{name}: {text}");
        }
    }
}

//! What the kernel limits for each process. Set from outside: a process' limits are those of all of its threads, so the
//! thread that starts it cannot take them for itself alone.

use std::{fs, io};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

/// haproxy writes its pid and nothing else.
const FILE_SIZE: u64 = 1 << 20;

/// No core with tenants' data in it, no large file, no queue of messages, and no more open files than haproxy has found that
/// its `maxconn` needs.
pub(super) fn set(pid: i32) -> io::Result<()> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits"))?;
    let process = Pid::from_raw(pid).ok_or_else(|| io::Error::other("not the number of a process"))?;
    let wanted = [
        (Resource::Core, Some(0)),
        (Resource::Fsize, Some(FILE_SIZE)),
        (Resource::Msgqueue, Some(0)),
        (Resource::Nofile, open_files(&limits)),
    ];
    for (resource, most) in wanted {
        if let Some(most) = most {
            prlimit(Some(process), resource, Rlimit { current: Some(most), maximum: Some(most) })?;
        }
    }
    Ok(())
}

/// Whether they are as [`set`] leaves them. Those of a process that has ended are nobody's.
pub(super) fn are_set(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/limits")).map_or(true, |limits| are_as_set(&limits))
}

fn are_as_set(limits: &str) -> bool {
    let of =
        |name: &str| limits.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().split_whitespace();
    let is = |name: &str, value: u64| of(name).take(2).all(|word| word.parse() == Ok(value));
    let mut open = of("Max open files");
    let same = open.next() == open.next();
    same && is("Max core file size", 0) && is("Max file size", FILE_SIZE) && is("Max msgqueue size", 0)
}

/// As many as it may have now; `None`: without limit.
fn open_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_limited_for_good() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = child.id().cast_signed();
        let before = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        assert!(!are_set(pid));
        set(pid).unwrap();
        assert!(are_set(pid));
        let after = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let of = |limits: &str, name: &str| {
            let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
            line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(of(&after, "Max core file size"), ["0", "0"]);
        assert_eq!(of(&after, "Max file size"), ["1048576", "1048576"]);
        assert_eq!(of(&after, "Max msgqueue size"), ["0", "0"]);
        let open = &of(&before, "Max open files")[0];
        assert_eq!(of(&after, "Max open files"), [open.as_str(), open.as_str()]);
    }

    #[test]
    fn as_many_files_stay_as_a_process_may_have_open_now() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max core file size        0                    unlimited            bytes     \n\
                      Max open files            4017                 524288               files     \n";
        assert_eq!(open_files(limits), Some(4017));
        assert_eq!(open_files(&limits.replace("4017     ", "unlimited")), None);
    }
}

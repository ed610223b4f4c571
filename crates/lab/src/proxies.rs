//! No proxy for anything in a lab: what the environment names cannot be reached from there, and what is asked there is
//! never its business.

use std::process::Command;

/// What curl, Python, gRPC, reqwest and others look at, and the exceptions from it. Each has a twin in upper case.
const NAMES: [&str; 7] =
    ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy", "grpc_proxy", "no_grpc_proxy"];

/// Takes the proxies of the environment out of what a command will have.
pub fn without_proxies(command: &mut Command) -> &mut Command {
    for name in NAMES {
        command.env_remove(name).env_remove(name.to_ascii_uppercase());
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_taken_out_in_both_cases() {
        let mut command = Command::new("env");
        command.env_clear().env("PATH", "/usr/bin:/bin").env("kept", "yes");
        for name in NAMES {
            command.env(name, "http://192.0.2.1:3128").env(name.to_ascii_uppercase(), "http://192.0.2.1:3128");
        }
        let output = without_proxies(&mut command).output().unwrap();
        let left = String::from_utf8(output.stdout).unwrap();
        assert!(left.contains("kept=yes") && !left.to_ascii_lowercase().contains("proxy"), "{left}");
    }
}

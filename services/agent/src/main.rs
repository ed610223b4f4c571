//! The command line of the agent.

use std::env;

fn main() {
    // A driver-host reads no configuration and starts no thread before it has its inherited descriptors.
    if env::args_os().nth(1).is_some_and(|command| command == "driver-host") {
        ballast_agent::driver_host::run();
    }
}

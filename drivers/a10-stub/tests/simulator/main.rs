//! The driver against a simulated device, over real HTTP.

mod exclusive;
mod features;
mod thunder;
mod tls;

use thunder::Thunder;

ballast_rehearsal::tests!(Thunder);

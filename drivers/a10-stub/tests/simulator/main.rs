//! The driver against a simulated device, over real HTTP.

mod exclusive;
mod features;
mod thunder;

use thunder::Thunder;

ballast_rehearsal::tests!(Thunder);

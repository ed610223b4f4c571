//! The driver against a simulated device, over real HTTP.

mod features;
mod thunder;

use thunder::Thunder;

ballast_rehearsal::tests!(Thunder);

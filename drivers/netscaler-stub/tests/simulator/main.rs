//! The driver against a simulated device, over real HTTP.

mod adc;
mod features;
mod sessions;
mod tls;

use adc::Adc;

ballast_rehearsal::tests!(Adc);

//! Closed sets: the wire's open numbers, read as the model's enums.

use ballast_model::{check, fault::Fault, health_monitor::MonitorType, listener::Protocol};
use ballast_proto::convert;

/// The one of `all` that is this number on the wire; 0 is none.
///
/// # Errors
/// When it is missing or unknown.
pub(super) fn one_of<T: Copy>(
    field: &str,
    number: i32,
    all: &[T],
    to_wire: impl Fn(T) -> i32,
    name: impl Fn(T) -> &'static str,
) -> Result<T, Fault> {
    if number == 0 {
        return Err(Fault::missing_field(field));
    }
    let found = all.iter().copied().find(|one| to_wire(*one) == number);
    found.ok_or_else(|| check::not_one_of(field, &number.to_string(), all.iter().map(|one| name(*one))))
}

/// A protocol, one of those that this kind of object has.
pub(super) fn protocol(number: i32, all: &[Protocol]) -> Result<Protocol, Fault> {
    one_of("protocol", number, all, |one| convert::to_protocol(one).into(), Protocol::as_str)
}

/// A monitor's type.
pub(super) fn monitor_type(number: i32) -> Result<MonitorType, Fault> {
    one_of("type", number, &MonitorType::ALL, |one| convert::to_monitor_type(one).into(), MonitorType::as_str)
}

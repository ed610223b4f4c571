//! Why values do not do, as Octavia says it.

use ballast_proto::status::fault::{Form, Reason};

pub(super) fn reason(field: &str, reason: &Reason) -> String {
    let (value, why): (&str, String) = match reason {
        Reason::TooSmall { value, least } => return ranged(field, *value, &format!("greater or equal to {least}")),
        Reason::TooLarge { value, most } => return ranged(field, *value, &format!("lower or equal to {most}")),
        Reason::Negative { value } => return ranged(field, *value, "greater or equal to 0"),
        Reason::NotBetween { value, least, most } => {
            return ranged(field, i64::from(*value), &format!("between {least} and {most}"));
        }
        Reason::TooLong { value, most } => {
            (value, format!("Value should have a maximum character requirement of {most}"))
        }
        Reason::NotValid { value } => (value, "Value has something in it that is not allowed".to_owned()),
        Reason::Malformed { value, form } => (value, form_of(form).to_owned()),
        Reason::NotUtf8 => ("", "Value is not UTF-8".to_owned()),
        Reason::NotOneOf { value, choices } => (value, format!("Value should be one of: {}", choices.0.join(", "))),
        Reason::NoMembersAddress { value, .. } => return format!("{value} is not a valid option for member address"),
        Reason::CookieNameMissing => {
            return "Validation failure: Field \"cookie_name\" must be specified when using the \"APP_COOKIE\" session \
                    persistence type."
                .to_owned();
        }
        Reason::CookieNameSuperfluous => {
            return "Validation failure: Field \"cookie_name\" can only be specified with session persistence of type \
                    \"APP_COOKIE\"."
                .to_owned();
        }
        Reason::TooManyEntries { most } => return format!("Validation failure: {field} has more than {most} entries."),
        Reason::TooManyValues { most } => return format!("Validation failure: {field} has more than {most} values."),
        Reason::NoFieldOf { .. } => return "One or more arguments are either duplicate or invalid".to_owned(),
        Reason::PhysicalNetworkMissing { network_type } => {
            return format!("Validation failure: {field}: a network of the type '{network_type}' needs one.");
        }
        Reason::PhysicalNetworkSuperfluous { network_type } => {
            return format!("Validation failure: {field}: a network of the type '{network_type}' takes none.");
        }
        Reason::DuplicateRoute { destination, next_hop } => {
            return format!("Validation failure: {field}: the route to {destination} by {next_hop} is there twice.");
        }
        Reason::AnothersProject => return super::POLICY.to_owned(),
    };
    format!("Invalid input for field/attribute {field}. Value: '{value}'. {why}")
}

fn ranged(field: &str, value: i64, bound: &str) -> String {
    format!("Invalid input for field/attribute {field}. Value: '{value}'. Value should be {bound}")
}

const fn form_of(form: &Form) -> &'static str {
    match form {
        Form::Address => "Value should be IPv4 or IPv6 format",
        Form::Cidr => "Value should be IPv4 or IPv6 CIDR format",
        Form::Uuid => "Value should be UUID format",
        Form::Mac => "Value should be a MAC address",
        Form::Cursor => "Value should be a cursor",
        Form::EventKind => "Value should be a kind of event",
    }
}

/// What Octavia calls what a quota counts.
pub(super) fn of_quota(resource: &str) -> &str {
    match resource {
        "load_balancer" => "Load Balancer",
        "listener" | "vip" => "Listener",
        "pool" => "Pool",
        "member" => "Member",
        "health_monitor" => "Health Monitor",
        "l7policy" => "L7 Policy",
        "l7rule" => "L7 Rule",
        other => other,
    }
}

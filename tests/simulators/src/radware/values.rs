//! Values: what a field takes, and how it is shown.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use super::schema::{Field, Form};

impl Field {
    /// The value as it is kept; none when the field does not take it. Numbers may come as text.
    pub(crate) fn accepts(&self, given: &Value) -> Option<Value> {
        let text = match given {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        match self.form {
            Form::Int | Form::Counter => {
                let number: i64 = text.parse().ok()?;
                let fits = self.min.is_none_or(|min| min <= number) && self.max.is_none_or(|max| number <= max);
                fits.then(|| Value::from(number))
            }
            Form::Enum => {
                let number: i64 = text.parse().ok()?;
                self.values.contains(&number).then(|| Value::from(number))
            }
            Form::Str => {
                let length = i64::try_from(text.len()).ok()?;
                let fits = self.min.is_none_or(|min| min <= length) && self.max.is_none_or(|max| length <= max);
                fits.then(|| Value::from(text))
            }
            Form::Ipv4 => text.parse::<Ipv4Addr>().ok().map(|address| Value::from(address.to_string())),
            Form::Ipv6 if text.is_empty() => Some(Value::from(written_out(Ipv6Addr::UNSPECIFIED))),
            Form::Ipv6 => text.parse().ok().map(|address| Value::from(written_out(address))),
        }
    }
}

/// Without the short form: the device shows all eight groups.
fn written_out(address: Ipv6Addr) -> String {
    address.segments().map(|segment| format!("{segment:x}")).join(":")
}

/// Text of a value.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::radware::schema::{Release, Schema};

    #[test]
    fn fields_take_numbers_as_text_and_refuse_what_is_out_of_range() {
        let schema = Schema::of(Release::New);
        let server = &schema.tables["SlbNewCfgEnhRealServerTable"].fields;
        assert_eq!(server["Weight"].accepts(&json!("48")), Some(json!(48)));
        assert_eq!(server["Weight"].accepts(&json!(49)), None);
        assert_eq!(server["State"].accepts(&json!("1")), None);
        assert_eq!(server["IpAddr"].accepts(&json!("10.0.0.256")), None);
        assert_eq!(server["Ipv6Addr"].accepts(&json!("2001:db8::1")), Some(json!("2001:db8:0:0:0:0:0:1")));
    }
}

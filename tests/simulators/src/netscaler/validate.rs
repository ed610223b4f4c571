//! Values against the schema: unknown names, types, ranges, choices; and how they are shown.

use serde_json::{Map, Value};

use super::{
    error::{BAD_VALUE, INVALID_ARGUMENT, Refused},
    schema::{Field, Form, Resource},
};

pub(crate) type Fields = Map<String, Value>;

/// Checks a body's attributes one by one: those of the operation only. `null` counts as not sent, choices are in any case,
/// and numbers may be text.
pub(crate) fn checked(resource: &Resource, allowed: &[String], body: &Fields) -> Result<Fields, Refused> {
    let mut out = Fields::new();
    for (name, value) in body.iter().filter(|(_, value)| !value.is_null()) {
        let field = resource.fields.get(name).filter(|_| allowed.contains(name));
        let field = field.ok_or_else(|| Refused::about(INVALID_ARGUMENT, &[name]))?;
        let refused = || Refused::about(BAD_VALUE, &[name, &text_of(value)]);
        out.insert(name.clone(), self::value(field, value).ok_or_else(refused)?);
    }
    Ok(out)
}

fn value(field: &Field, value: &Value) -> Option<Value> {
    let within = |number: u64| field.min.is_none_or(|min| number >= min) && field.max.is_none_or(|max| number <= max);
    match field.form {
        Form::Number => {
            let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
            within(number).then(|| Value::from(number))
        }
        Form::Flag => value.as_bool().map(Value::from),
        Form::Text if field.values.is_empty() => {
            value.as_str().filter(|text| within(text.chars().count() as u64)).map(Value::from)
        }
        Form::Text => {
            let text = value.as_str()?;
            field
                .values
                .iter()
                .find(|choice| choice.eq_ignore_ascii_case(text))
                .map(|choice| Value::from(choice.as_str()))
        }
        Form::List => {
            let list = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            let sound = within(list.len() as u64) && list.iter().all(|item| item.is_string() || item.is_number());
            sound.then(|| list.iter().map(|item| Value::from(text_of(item))).collect())
        }
    }
}

/// A value as it stands in a message or an address: text without quotes.
pub(crate) fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(crate) fn text<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str)
}

/// What a read shows: defaults filled in, and some numbers as text.
pub(crate) fn shown(resource: &Resource, set: &Fields) -> Fields {
    let mut out = Fields::new();
    for (name, field) in &resource.fields {
        let Some(value) = set.get(name).or(field.default.as_ref()) else { continue };
        let value = if field.text { Value::from(text_of(value)) } else { value.clone() };
        out.insert(name.clone(), value);
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::netscaler::schema::Schema;

    fn vserver(body: &Value) -> Result<Fields, u32> {
        let resource = &Schema::default().resources["lbvserver"];
        checked(resource, &resource.add, body.as_object().unwrap()).map_err(|refused| refused.code)
    }

    #[test]
    fn values_are_held_against_the_schema() {
        assert_eq!(vserver(&json!({"cookiename": "a".repeat(33)})), Err(BAD_VALUE));
        assert_eq!(vserver(&json!({"timeout": 1441})), Err(BAD_VALUE));
        assert_eq!(vserver(&json!({"lbmethod": "ROUNDROBBIN"})), Err(BAD_VALUE));
        assert_eq!(vserver(&json!({"lb-method": "ROUNDROBIN"})), Err(INVALID_ARGUMENT));
        let fine = vserver(&json!({"lbmethod": "roundrobin", "port": "80", "comment": null})).unwrap();
        assert_eq!(Value::from(fine), json!({"lbmethod": "ROUNDROBIN", "port": 80}));
    }

    #[test]
    fn large_numbers_are_shown_as_text_and_defaults_filled_in() {
        let resource = &Schema::default().resources["servicegroup"];
        let shown = shown(resource, json!({"maxclient": 7, "servicegroupname": "g"}).as_object().unwrap());
        assert_eq!((&shown["maxclient"], &shown["healthmonitor"]), (&json!("7"), &json!("YES")));
    }
}

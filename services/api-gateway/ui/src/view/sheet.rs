//! A form's fields: what stands in them, what was there before, and what is wrong with them.

use std::collections::BTreeSet;

use askama::Template;

use crate::session::Form;

/// How a field is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    Text,
    Number,
    /// Several lines.
    Lines,
    /// One of these: value and text.
    Choice(Vec<(String, String)>),
    /// Any of these: value and text. The value of the field has one in a line.
    Several(Vec<(String, String)>),
    /// Several lines, which are never shown again.
    Secret,
    /// One line, which is never shown again.
    Password,
    /// Endings that are offered first.
    File(&'static str),
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "field.html")]
pub(crate) struct Field {
    /// As the scheduler calls it, where it has it.
    pub(crate) name: &'static str,
    label: &'static str,
    hint: &'static str,
    input: Input,
    pub(crate) value: String,
    /// What stood there when the form was made; none: nothing can have been there.
    before: Option<String>,
    pub(crate) wrong: Option<String>,
    /// It is where a person goes on.
    is_first: bool,
}

impl Field {
    pub(crate) fn new(name: &'static str, label: &'static str, input: Input) -> Self {
        Self { name, label, hint: "", input, value: String::new(), before: None, wrong: None, is_first: false }
    }

    pub(crate) fn hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }

    /// Of something new.
    pub(crate) fn value(self, value: impl Into<String>) -> Self {
        Self { value: value.into(), ..self }
    }

    /// Of something that is there.
    pub(crate) fn was(self, value: impl Into<String>) -> Self {
        let value = value.into();
        Self { before: Some(value.clone()), value, ..self }
    }

    fn is_changed(&self) -> bool {
        self.before.as_ref().is_some_and(|before| *before != self.value)
    }

    /// What a value is called.
    fn called<'a>(&'a self, value: &'a str) -> &'a str {
        let (Input::Choice(all) | Input::Several(all)) = &self.input else { return value };
        all.iter().find(|(known, _)| known == value).map_or(value, |(_, text)| text)
    }

    /// What stands there, as a person reads it.
    fn shown(&self, value: &str) -> String {
        let text = match &self.input {
            Input::Several(_) => value.lines().map(|line| self.called(line)).collect::<Vec<_>>().join(", "),
            _ => self.called(value).replace('\n', ", "),
        };
        if text.is_empty() { "nothing".to_owned() } else { text }
    }

    /// One of several is ticked.
    fn has(&self, value: &str) -> bool {
        self.value.lines().any(|line| line == value)
    }

    /// A value that is not among the choices is kept, so that it is said to be wrong and not lost.
    fn take(&mut self, value: &str) {
        self.value = value.replace("\r\n", "\n").trim().to_owned();
        let chosen: Vec<String> = match &self.input {
            Input::Choice(_) => vec![self.value.clone()],
            Input::Several(_) => self.value.lines().map(str::to_owned).collect(),
            _ => return,
        };
        let (Input::Choice(all) | Input::Several(all)) = &mut self.input else { return };
        for one in chosen {
            if all.iter().all(|(known, _)| *known != one) {
                self.wrong = Some(format!("\"{one}\" is not among what can be chosen."));
                all.push((one.clone(), one));
            }
        }
    }
}

/// Fields that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) title: &'static str,
    /// Closed until it is asked for, or something is wrong in it.
    pub(crate) is_folded: bool,
    pub(crate) fields: Vec<Field>,
}

impl Group {
    pub(crate) const fn new(title: &'static str, fields: Vec<Field>) -> Self {
        Self { title, is_folded: false, fields }
    }

    pub(crate) fn folded(self) -> Self {
        Self { is_folded: true, ..self }
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.is_folded || self.fields.iter().any(|field| field.wrong.is_some() || field.is_changed())
    }
}

/// What a change of a field is: what it was and what it would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) label: &'static str,
    pub(crate) before: String,
    pub(crate) after: String,
}

/// All fields of a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sheet {
    pub(crate) groups: Vec<Group>,
    /// What is wrong with none of them alone.
    pub(crate) wrong: Option<String>,
}

impl Sheet {
    /// With what was sent, if anything was.
    pub(crate) fn of(groups: Vec<Group>, sent: Option<&Form>) -> Self {
        let mut sheet = Self { groups, wrong: None };
        for field in sheet.fields_mut() {
            let Some(sent) = sent else { continue };
            match (sent.find(field.name), &field.input) {
                // Without one that is ticked, a field that is hidden says that it was there.
                (Some(_), Input::Several(_)) => {
                    let ticked: Vec<&str> = sent.all(field.name).filter(|value| !value.is_empty()).collect();
                    field.take(&ticked.join("\n"));
                }
                (Some(value), _) => field.take(value),
                (None, _) => {}
            }
        }
        sheet
    }

    fn fields(&self) -> impl Iterator<Item = &Field> {
        self.groups.iter().flat_map(|group| &group.fields)
    }

    fn fields_mut(&mut self) -> impl Iterator<Item = &mut Field> {
        self.groups.iter_mut().flat_map(|group| &mut group.fields)
    }

    /// Empty where there is no such field.
    pub(crate) fn get(&self, name: &str) -> String {
        self.fields().find(|field| field.name == name).map(|field| field.value.clone()).unwrap_or_default()
    }

    /// Files can be sent with it.
    pub(crate) fn has_files(&self) -> bool {
        self.fields().any(|field| matches!(field.input, Input::File(_)))
    }

    /// The field in which this stands.
    pub(crate) fn holder(&self, value: &str) -> Option<&'static str> {
        self.fields().find(|field| field.has(value)).map(|field| field.name)
    }

    /// Its lines, and what commas part.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let text = self.get(name);
        text.split(['\n', ',']).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// A number; none: nothing stands there, or something that is none, which is said.
    pub(crate) fn number(&mut self, name: &str) -> Option<i32> {
        let text = self.get(name);
        if text.is_empty() {
            return None;
        }
        let number = text.parse();
        if number.is_err() {
            self.blame(name, &format!("\"{text}\" is no whole number."));
        }
        number.ok()
    }

    /// Says what is wrong with a field; where there is none of this name, with all of it.
    pub(crate) fn blame(&mut self, name: &str, text: &str) {
        if let Some(field) = self.fields_mut().find(|field| field.name == name) {
            field.wrong = Some(text.to_owned());
            return;
        }
        self.wrong = Some(text.to_owned());
    }

    /// Nothing is wrong with what nobody has sent yet.
    pub(crate) fn forgive(&mut self) {
        self.wrong = None;
        self.fields_mut().for_each(|field| field.wrong = None);
    }

    pub(crate) fn is_wrong(&self) -> bool {
        self.wrong.is_some() || self.fields().any(|field| field.wrong.is_some())
    }

    /// What is wrong, each with the field that it is of.
    pub(crate) fn wrongs(&self) -> Vec<(&'static str, String)> {
        let of_fields = self.fields().filter_map(|field| Some((field.label, field.wrong.clone()?)));
        self.wrong.iter().map(|text| ("", text.clone())).chain(of_fields).collect()
    }

    /// Names of fields in which something else stands than before.
    pub(crate) fn changed(&self) -> BTreeSet<&'static str> {
        self.fields().filter(|field| field.is_changed()).map(|field| field.name).collect()
    }

    pub(crate) fn differences(&self) -> Vec<Difference> {
        let of = |field: &Field| Difference {
            label: field.label,
            before: field.shown(field.before.as_deref().unwrap_or_default()),
            after: field.shown(&field.value),
        };
        self.fields().filter(|field| field.is_changed()).map(of).collect()
    }

    /// Where a person goes on: at the first field that is wrong, else at the first.
    pub(crate) fn pointed(mut self) -> Self {
        let is_wrong = self.fields().any(|field| field.wrong.is_some());
        if let Some(field) = self.fields_mut().find(|field| !is_wrong || field.wrong.is_some()) {
            field.is_first = true;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(sent: &[u8]) -> Sheet {
        let choice = Input::Choice(vec![("up".to_owned(), "Up".to_owned()), ("down".to_owned(), "Down".to_owned())]);
        let fields = vec![
            Field::new("name", "Name", Input::Text).was("shop"),
            Field::new("port", "Port", Input::Number).was("80"),
            Field::new("state", "State", choice).was("up"),
            Field::new("lines", "Lines", Input::Lines).value(""),
        ];
        Sheet::of(vec![Group::new("All", fields)], Some(&Form::read(sent)))
    }

    #[test]
    fn what_differs_from_before_is_changed() {
        let sheet = sheet(b"name=shop&port=81&state=down&lines=a%0D%0Ab,c");
        assert_eq!(sheet.changed().into_iter().collect::<Vec<_>>(), ["port", "state"]);
        let differences = sheet.differences();
        assert_eq!((differences[1].before.as_str(), differences[1].after.as_str()), ("Up", "Down"));
        assert_eq!(sheet.list("lines"), ["a", "b", "c"]);
    }

    #[test]
    fn any_of_several_are_ticked_and_none_as_well_and_what_is_secret_is_never_shown() {
        let several = Input::Several(["a", "b", "c"].map(|one| (one.to_owned(), one.to_uppercase())).to_vec());
        let of = |sent: &[u8]| {
            let fields = vec![
                Field::new("some", "Some", several.clone()).was("a\nb"),
                Field::new("key", "Key", Input::Secret),
                Field::new("word", "Word", Input::Password),
                Field::new("file", "File", Input::File(".pem")),
            ];
            Sheet::of(vec![Group::new("All", fields)], Some(&Form::read(sent)))
        };
        let sheet = of(b"some=&some=b&some=c&key=s3cret&word=s3cret&file=s3cret");
        assert_eq!((sheet.get("some").as_str(), sheet.holder("c"), sheet.has_files()), ("b\nc", Some("some"), true));
        assert_eq!(sheet.differences()[0].after, "B, C");
        let shown: String = sheet.fields().map(|field| field.render().unwrap()).collect();
        assert!(!shown.contains("s3cret") && shown.matches(" checked").count() == 2, "{shown}");
        assert_eq!(of(b"some=").differences()[0].after, "nothing");
        assert!(of(b"").changed().is_empty() && of(b"some=x").is_wrong());
    }

    #[test]
    fn what_is_wrong_is_said_at_its_field_and_what_was_written_stays() {
        let mut sheet = sheet(b"port=x&state=sideways");
        assert_eq!(sheet.number("port"), None);
        sheet.blame("nosuch", "all of it");
        assert!(sheet.is_wrong());
        assert_eq!(sheet.wrongs()[0], ("", "all of it".to_owned()));
        assert_eq!(sheet.wrongs()[1].0, "Port");
        let sheet = sheet.pointed();
        assert_eq!(sheet.fields().filter(|field| field.is_first).map(|field| field.name).collect::<Vec<_>>(), ["port"]);
        let state = sheet.fields().find(|field| field.name == "state").unwrap().render().unwrap();
        assert!(state.contains("<option value=\"sideways\" selected>"), "{state}");
        let port = sheet.fields().find(|field| field.name == "port").unwrap().render().unwrap();
        assert!(port.contains("value=\"x\"") && port.contains("autofocus") && port.contains("aria-invalid"), "{port}");
    }
}

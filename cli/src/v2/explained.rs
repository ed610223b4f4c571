//! What the fields of objects mean: the same words as the help of their options.

use serde_json::{Value, json};

use super::{
    field::{Field, Kind},
    noun::Noun,
    nouns::ALL,
};

/// A field of a kind of object.
pub(crate) struct Explained {
    noun: &'static Noun,
    field: &'static Field,
    pub(crate) help: &'static str,
}

/// Those of this name, as `weight`, `members.weight`, `lb_algorithm` or `algorithm`; without a name all.
pub(crate) fn explained(word: Option<&str>) -> Vec<Explained> {
    let nouns = ALL.iter().flat_map(|noun| std::iter::once(*noun).chain(noun.below.iter().copied()));
    let all = nouns.flat_map(|noun| noun.fields.iter().map(move |field| Explained { noun, field, help: field.help }));
    all.filter(|found| word.is_none_or(|word| found.is_called(word))).collect()
}

impl Explained {
    fn is_called(&self, word: &str) -> bool {
        let (of, name) = word.split_once('.').map_or((None, word), |(of, name)| (Some(of), name));
        let nouns = [Some(self.noun.command), self.noun.alias, Some(self.noun.collection.wrappers.0)];
        let is_field = |name: &str| [self.field.option, self.field.key].contains(&name);
        // A key may have a point in it, too.
        is_field(word) || (is_field(name) && of.is_some_and(|of| nouns.contains(&Some(of))))
    }

    pub(crate) fn name(&self) -> String {
        format!("{}.{}", self.noun.command, self.field.key)
    }

    fn when(&self) -> &'static str {
        match (self.field.when.is_needed(), self.field.when.is_created(), self.field.when.is_set()) {
            (true, _, true) => "needed at the creation, can be changed",
            (true, _, false) => "needed at the creation, and stays",
            (false, true, true) => "at the creation or later",
            (false, true, false) => "at the creation, and stays",
            (false, false, _) => "can be changed",
        }
    }

    fn form(&self) -> String {
        match self.field.kind {
            Kind::Text => "text".to_owned(),
            Kind::File => "a file; in JSON its text".to_owned(),
            Kind::Line => "a file; in JSON its one line".to_owned(),
            Kind::Binary => "a file; in JSON its bytes in base64".to_owned(),
            Kind::Number => "number".to_owned(),
            Kind::Bool => "true or false".to_owned(),
            Kind::Admin => "up or down; true or false in JSON".to_owned(),
            Kind::Texts => "texts".to_owned(),
            Kind::Map => "KEY=VALUE, again for each".to_owned(),
            Kind::Objects(form, _) => format!("{form}, again for each"),
            Kind::Reference(of) if of.is_named => format!("the id or the name of a {}; in JSON the id", of.one),
            Kind::Reference(of) => format!("the id of a {}", of.one),
        }
    }

    pub(crate) fn page(&self) -> String {
        let title = format!("{}: field of a {}\n  {}.\n", self.name(), self.noun.collection.one, self.help);
        let option = format!("--{}", self.field.option);
        let lines = [("option", option.as_str()), ("is", &self.form()), ("given", self.when())];
        title + &lines.map(|(title, said)| format!("  {title:<10} {said}\n")).concat()
    }

    pub(crate) fn value(&self) -> Value {
        json!({ "word": self.field.key, "kind": "field", "of": self.noun.collection.wrappers.0, "meaning": self.help,
            "option": self.field.option, "form": self.form(), "given": self.when() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_key_its_option_and_its_noun() {
        let names = |word: &str| explained(Some(word)).iter().map(Explained::name).collect::<Vec<_>>();
        assert_eq!(names("weight"), ["members.weight"]);
        assert_eq!(names("pools.lb_algorithm"), ["pools.lb_algorithm"]);
        assert_eq!(names("lb.subnet"), ["load-balancers.vip_subnet_id"]);
        assert_eq!(names("session_persistence.type"), ["pools.session_persistence.type"]);
        assert!(names("name").len() > 4 && names("listeners.weight").is_empty());
        assert!(explained(None).len() > 50);
        let page = explained(Some("weight"))[0].page();
        assert!(page.contains("--weight") && page.contains("at the creation or later"), "{page}");
    }
}

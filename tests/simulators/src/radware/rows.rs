//! Writes of rows: made, changed and deleted in what is staged.

use serde_json::{Map, Value};

use super::{
    Alteon,
    configuration::{Row, parent},
    error::Refused,
    path::is_name,
    schema::{Copy, Field},
    values::text_of,
};

const MEMBERSHIPS: &str = "SlbNewCfgEnhGroupRealServerTable";
const SERVERS: &str = "SlbNewCfgEnhRealServerTable";
/// The certificates of a group, which no field shows by their names.
pub(super) const CERTIFICATES: &str = "_certificates";
const DELETE: i64 = 2;

/// What is written: a staged table and an index of the right length.
pub(super) struct Target {
    pub(super) table: String,
    pub(super) index: Vec<String>,
}

impl Target {
    pub(super) fn joined(&self) -> String {
        self.index.join("/")
    }

    fn path(&self) -> String {
        format!("{}/{}", self.table, self.joined())
    }
}

impl Alteon {
    /// What a path names, when that can be written.
    pub(super) fn target(&self, name: &str, index: &[String]) -> Result<Target, Refused> {
        let Some((Copy::Staged, table, told)) = self.schema.find(name) else { return Err(Refused::Unknown) };
        if index.len() != told.index.len() {
            return Err(Refused::Unknown);
        }
        for (key, given) in told.index.iter().zip(index) {
            let fits = key.field.accepts(&Value::from(given.as_str())).is_some();
            if !fits || !is_name(given) {
                return Err(Refused::value(table, &key.name));
            }
        }
        let index = self.as_spelled(table, index);
        Ok(Target { table: table.to_owned(), index })
    }

    /// Where names that differ by case are the same, the one that is there.
    fn as_spelled(&self, table: &str, index: &[String]) -> Vec<String> {
        let path = format!("{table}/{}", index.join("/"));
        let rows = &self.unit.staged.rows;
        if !self.assumptions.any_case || rows.contains_key(&path) {
            return index.to_vec();
        }
        let there = rows.keys().find(|found| found.eq_ignore_ascii_case(&path));
        there.map_or_else(|| index.to_vec(), |found| found.split('/').skip(1).map(str::to_owned).collect())
    }

    pub(super) fn write_row(
        &mut self,
        target: &Target,
        create: bool,
        body: &Map<String, Value>,
    ) -> Result<(), Refused> {
        if body.is_empty() {
            return Err(Refused::Unknown);
        }
        let fields = self.accepted(target, body)?;
        if fields.iter().any(|(name, value)| is_deletion(name) && value.as_i64() == Some(DELETE)) {
            return self.delete_row(target);
        }
        let there = self.unit.staged.has(&target.path());
        if create && there && !self.assumptions.posts_over {
            return Err(Refused::other("The entry exists"));
        }
        if !there {
            self.may_be_made(target)?;
        }
        self.check_actions(target, &fields)?;
        if !there {
            self.unit.staged.make(&self.schema, &target.table, &target.joined());
        }
        let half = if self.half { fields.len() / 2 } else { fields.len() };
        for (name, value) in &fields[..half] {
            self.set(target, name, value.clone());
        }
        if self.half {
            return Err(Refused::other("The rest of the values could not be set"));
        }
        Ok(())
    }

    /// The values as they are kept, in the order in which they are set.
    fn accepted(&self, target: &Target, body: &Map<String, Value>) -> Result<Vec<(String, Value)>, Refused> {
        let told = &self.schema.tables[&target.table];
        let mut fields = Vec::new();
        for (name, given) in body {
            if let Some(at) = told.index.iter().position(|key| key.name == *name && !told.fields.contains_key(name)) {
                if text_of(given) != target.index[at] {
                    return Err(Refused::value(&target.table, name));
                }
                continue;
            }
            let field: Option<&Field> = told.fields.get(name).filter(|field| !field.ro);
            let value = field.and_then(|field| field.accepts(given));
            fields.push((name.clone(), value.ok_or_else(|| Refused::value(&target.table, name))?));
        }
        Ok(fields)
    }

    fn may_be_made(&self, target: &Target) -> Result<(), Refused> {
        let told = &self.schema.tables[&target.table];
        if let Some(first) = &told.part_of {
            return Err(Refused::Missing(first.clone()));
        }
        // It is made by "AddServer" alone.
        if target.table == MEMBERSHIPS {
            return Err(Refused::Missing(MEMBERSHIPS.to_owned()));
        }
        if let Some((table, length)) = parent(&target.table) {
            let path = format!("{table}/{}", target.index[..length].join("/"));
            if !self.unit.staged.has(&path) {
                return Err(Refused::Missing(table.to_owned()));
            }
        }
        Ok(())
    }

    fn check_actions(&self, target: &Target, fields: &[(String, Value)]) -> Result<(), Refused> {
        for (name, value) in fields {
            let member = format!("{MEMBERSHIPS}/{}/{}", target.joined(), text_of(value));
            let server = format!("{SERVERS}/{}", text_of(value));
            let takes_any = self.assumptions.groups_take_missing_servers;
            match name.as_str() {
                "Copy" => return Err(Refused::value(&target.table, name)),
                "RemoveServer" if !self.unit.staged.has(&member) => {
                    return Err(Refused::Missing(MEMBERSHIPS.to_owned()));
                }
                "AddServer" if !takes_any && !self.unit.staged.has(&server) => {
                    return Err(Refused::Missing(SERVERS.to_owned()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn set(&mut self, target: &Target, name: &str, value: Value) {
        let staged = &mut self.unit.staged;
        let member = || format!("{MEMBERSHIPS}/{}/{}", target.joined(), text_of(&value));
        match name {
            "AddServer" => {
                let row = staged.rows.entry(member()).or_default();
                row.entry("State".to_owned()).or_insert_with(|| Value::from(1));
            }
            "RemoveServer" => drop(staged.rows.remove(&member())),
            "AddCert" | "RemCert" => {
                let row = staged.rows.entry(target.path()).or_default();
                let mut names = match row.remove(CERTIFICATES) {
                    Some(Value::Array(names)) => names,
                    _ => Vec::new(),
                };
                names.retain(|one| *one != value);
                if name == "AddCert" {
                    names.push(value);
                    names.sort_by_key(text_of);
                }
                // A group that has none is as it was before it had one.
                if !names.is_empty() {
                    row.insert(CERTIFICATES.to_owned(), Value::Array(names));
                }
            }
            _ if is_deletion(name) => {}
            // A new service's servers listen where it does.
            "VirtPort" => {
                let row = staged.rows.entry(target.path()).or_default();
                row.entry("RealPort".to_owned()).or_insert_with(|| value.clone());
                row.insert(name.to_owned(), value);
            }
            _ => {
                let row = staged.rows.entry(target.path()).or_default();
                row.insert(name.to_owned(), value);
            }
        }
    }

    pub(super) fn delete_row(&mut self, target: &Target) -> Result<(), Refused> {
        let told = &self.schema.tables[&target.table];
        if told.part_of.is_some() || target.table == MEMBERSHIPS {
            return Err(Refused::Unknown);
        }
        if !self.unit.staged.has(&target.path()) {
            return Err(Refused::Missing(target.table.clone()));
        }
        self.unit.staged.remove(&self.schema, &target.table, &target.joined());
        Ok(())
    }

    /// A row as it is staged.
    pub(super) fn staged_row(&self, path: &str) -> Option<&Row> {
        self.unit.staged.rows.get(path)
    }
}

fn is_deletion(name: &str) -> bool {
    ["Delete", "VirtServerDelete", "Del"].contains(&name)
}

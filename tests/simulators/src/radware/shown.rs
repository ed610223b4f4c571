//! The tables that the device works out itself: states, counters, and the outcome of commits.

use serde_json::{Map, Value, json};

use super::{
    Alteon,
    checks::{GROUPS, MEMBERS, SERVERS, SERVICES, VIRTS},
    configuration::View,
    reads::Shown,
    rules,
    state::{Look, State},
    stats,
};
use crate::World;

impl Alteon {
    pub(super) fn worked_out(&self, table: &str, world: &World<'_>) -> Vec<Shown> {
        let view = View { schema: &self.schema, of: &self.unit.applied };
        let on = self.running_scalar("slbNewCfgGlobalControl") == 2;
        let look = Look { view, health: world.health, on };
        let rows = match table {
            "SlbEnhVirtServicesInfoTable" => members(&look),
            "SlbEnhVirtSpecificServicesInfoTable" => services(&look),
            "SlbEnhRealServerInfoTable" => servers(&look),
            "SlbEnhRealServerRportInfoTable" => ports(&look),
            "SlbOperEnhGroupRealServerTable" => of_groups(&look),
            "SlbOperEnhRealServerTable" => {
                let state = |id| if [3, 4].contains(&view.number(SERVERS, id, "State")) { 2 } else { 1 };
                view.indexes(SERVERS, "").map(|id| (vec![id.to_owned()], json!({"Status": state(id)}))).collect()
            }
            "SlbEnhGroupRealServersTable" => {
                let split = |path: &str| path.split('/').map(str::to_owned).collect();
                view.indexes(MEMBERS, "").map(|path| (split(path), json!({}))).collect()
            }
            "AgApplyTable" => lines(&self.unit.apply.lines, false),
            "AgSaveTable" => lines(&self.unit.save.lines, false),
            "AgDiffTable" => lines(self.unit.diff.as_deref().unwrap_or_default(), true),
            _ => {
                let counts_services = self.running_scalar("slbNewCfgvStat") == 1;
                stats::rows(table, &look, &self.unit.counters, counts_services)
            }
        };
        let told = &self.schema.shown[table];
        rows.into_iter()
            .map(|(index, own)| {
                let mut shown: Map<String, Value> = Map::new();
                for (key, text) in told.index.iter().zip(&index) {
                    let number = text.parse::<i64>().ok().filter(|_| key.field.form == super::schema::Form::Int);
                    shown.insert(key.name.clone(), number.map_or_else(|| json!(text), Value::from));
                }
                let fields = told.fields.iter();
                shown.extend(fields.map(|(name, field)| (name.clone(), field.default.clone().unwrap_or_default())));
                shown.extend(own.as_object().cloned().unwrap_or_default());
                (index, shown)
            })
            .collect()
    }
}

/// Rows of this table by their index.
pub(super) type Rows = Vec<(Vec<String>, Value)>;

pub(super) fn index(service: &str, rest: &str) -> Vec<String> {
    service.split('/').chain(std::iter::once(rest)).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn lines(lines: &[String], hexadecimal: bool) -> Rows {
    let hex = |line: &String| line.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let text = |line: &String| if hexadecimal { hex(line) } else { line.clone() };
    let numbered = lines.iter().enumerate();
    numbered.map(|(at, line)| (vec![(at + 1).to_string()], json!({"StringVal": text(line)}))).collect()
}

fn members(look: &Look<'_>) -> Rows {
    let mut rows = Rows::new();
    for service in look.view.indexes(SERVICES, "") {
        for member in look.members(service) {
            let (state, reason) = match member.state {
                State::Blocked => (1, "the virtual server is disabled"),
                State::Running => (2, ""),
                State::Failed => (3, "no answer to the health check"),
                State::Disabled => (4, "disabled"),
            };
            let row = json!({
                "Vport": look.view.number(SERVICES, service, "VirtPort"), "Rport": member.port, "State": state,
                "Weight": look.view.number(SERVERS, &member.server, "Weight"), "StateFailReason": reason,
            });
            rows.push((index(service, &member.server), row));
        }
    }
    rows
}

fn services(look: &Look<'_>) -> Rows {
    let status = |service: &str| {
        let virt = service.split('/').next().unwrap_or_default();
        if look.view.number(VIRTS, virt, "VirtServerState") != 2 {
            return 2;
        }
        let members = look.members(service);
        let running = members.iter().filter(|member| member.state == State::Running).count();
        match running {
            0 => 1,
            _ if running < members.len() => 3,
            _ => 0,
        }
    };
    look.view.indexes(SERVICES, "").map(|service| (index(service, ""), json!({"Status": status(service)}))).collect()
}

fn servers(look: &Look<'_>) -> Rows {
    let state = |id: &str| match look.server(id) {
        State::Running | State::Blocked => 2,
        State::Failed => 3,
        State::Disabled => 4,
    };
    let row = |id: &str| json!({"IpAddr": look.view.text(SERVERS, id, "IpAddr"), "State": state(id), "HealthLayer": 4});
    look.view.indexes(SERVERS, "").map(|id| (vec![id.to_owned()], row(id))).collect()
}

fn ports(look: &Look<'_>) -> Rows {
    let mut rows = Rows::new();
    for service in look.view.indexes(SERVICES, "") {
        let group = look.view.text(super::checks::SEVENTH, service, "RealGroup");
        for member in look.members(service) {
            let state = if member.state == State::Running { 1 } else { 2 };
            let number = service.split('/').nth(1).unwrap_or("1").to_owned();
            let row = json!({"Rport": member.port, "State": state, "Group": group});
            rows.push((vec![member.server, number], row));
        }
    }
    rows
}

fn of_groups(look: &Look<'_>) -> Rows {
    let view = look.view;
    let mut rows = Rows::new();
    for path in view.indexes(MEMBERS, "") {
        let Some((group, server)) = path.split_once('/') else { continue };
        let port = view.indexes(super::checks::PORTS, server).next();
        let port = port.map_or(0, |port| view.number(super::checks::PORTS, port, "RealPort"));
        let runtime = match look.member(group, server, u16::try_from(port).unwrap_or(0)) {
            State::Running | State::Blocked => 1,
            State::Failed => 2,
            State::Disabled => 3,
        };
        let state = view.number(MEMBERS, path, "State");
        let address = rules::server_address(view, server).map(|address| address.to_string()).unwrap_or_default();
        let name = view.text(GROUPS, group, "Name");
        let row = json!({"State": state, "Status": state, "IP": address, "Descr": name, "RuntimeStatus": runtime});
        rows.push((vec![group.to_owned(), server.to_owned()], row));
    }
    rows
}

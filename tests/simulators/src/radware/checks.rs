//! What an apply looks at before anything runs. The words are this simulator's: those of a device are free text too, and only
//! the names in them can be depended on.

use std::collections::BTreeMap;

use super::{
    Assumptions, EmptyGroup,
    configuration::{Configuration, View},
    rules,
    schema::Schema,
};

pub(super) const SERVERS: &str = "SlbNewCfgEnhRealServerTable";
pub(super) const PORTS: &str = "SlbNewCfgEnhRealServPortTable";
pub(super) const GROUPS: &str = "SlbNewCfgEnhGroupTable";
pub(super) const MEMBERS: &str = "SlbNewCfgEnhGroupRealServerTable";
pub(super) const VIRTS: &str = "SlbNewCfgEnhVirtServerTable";
pub(super) const SERVICES: &str = "SlbNewCfgEnhVirtServicesTable";
pub(super) const SECOND: &str = "SlbNewCfgEnhVirtServicesSecondPartTable";
pub(super) const FIFTH: &str = "SlbNewCfgEnhVirtServicesFifthPartTable";
pub(super) const SEVENTH: &str = "SlbNewCfgEnhVirtServicesSeventhPartTable";
pub(super) const LOGEXP: &str = "SlbNewAdvhcLogexpTable";
const POLICIES: &str = "SlbNewSslCfgSSLPolTable";
const CERTIFICATES: &str = "SlbNewSslCfgCertsTable";
const CERTIFICATE_GROUPS: &str = "SlbNewSslCfgGroupsTable";
const RULES: &str = "SlbNewCfgEnhContRuleTable";
const CLASSES: &str = "Layer7NewCfgContentClassTable";
/// Checks that every device has.
pub(super) const PREDEFINED: [&str; 9] = ["icmp", "tcp", "http", "https", "link", "arp", "udp", "dns", "none"];

/// Errors and warnings.
type Findings = (Vec<String>, Vec<String>);

pub(super) fn check(of: &Configuration, schema: &Schema, assumptions: &Assumptions) -> Findings {
    let view = View { schema, of };
    let mut all = Check { view, assumptions, errors: Vec::new(), warnings: Vec::new() };
    all.health_checks();
    all.servers();
    all.groups();
    all.virtual_servers();
    for service in view.indexes(SERVICES, "") {
        all.service(service);
        all.tls(service);
    }
    all.content_rules();
    (all.errors, all.warnings)
}

struct Check<'a> {
    view: View<'a>,
    assumptions: &'a Assumptions,
    errors: Vec<String>,
    warnings: Vec<String>,
}

impl Check<'_> {
    fn error(&mut self, line: String) {
        self.errors.push(line);
    }

    fn health_checks(&mut self) {
        let view = self.view;
        for table in view.schema.tables.keys().filter(|name| name.starts_with("SlbNewAdvhc")) {
            for id in view.indexes(table, "") {
                if table == LOGEXP {
                    for part in
                        view.text(LOGEXP, id, "Text").split(['&', '|', '(', ')', '!']).filter(|part| !part.is_empty())
                    {
                        if !is_check(view, part) {
                            self.error(format!("Error: health check {id}: there is no health check {part}"));
                        }
                    }
                } else if view.number(table, id, "Timeout") > view.number(table, id, "Interval") {
                    self.error(format!("Error: health check {id}: the timeout is longer than the interval"));
                }
            }
        }
    }

    fn servers(&mut self) {
        let view = self.view;
        for id in view.indexes(SERVERS, "") {
            if rules::server_address(view, id).is_none() {
                self.error(format!("Error: real server {id} has no IP address"));
            }
        }
    }

    fn groups(&mut self) {
        let view = self.view;
        for id in view.indexes(GROUPS, "") {
            let health = view.text(GROUPS, id, "HealthID");
            if !is_check(view, &health) {
                self.error(format!("Error: group {id}: there is no health check {health}"));
            }
            let mut seen: BTreeMap<_, &str> = BTreeMap::new();
            for path in view.indexes(MEMBERS, id) {
                let server = path.split('/').nth(1).unwrap_or_default();
                if !view.has(SERVERS, server) {
                    self.error(format!("Error: group {id}: there is no real server {server}"));
                    continue;
                }
                let version = view.number(SERVERS, server, "IpVer");
                if ![version, 3].contains(&view.number(GROUPS, id, "IpVer")) {
                    self.error(format!("Error: group {id}: real server {server} has an address of another IP version"));
                }
                let ports: Vec<i64> =
                    view.indexes(PORTS, server).map(|port| view.number(PORTS, port, "RealPort")).collect();
                if let Some(other) = seen.insert((rules::server_address(view, server), ports), server) {
                    let line =
                        format!("Error: group {id}: real servers {other} and {server} have one address and port");
                    self.error(line);
                }
            }
        }
    }

    fn virtual_servers(&mut self) {
        let view = self.view;
        let mut fronts: BTreeMap<(String, i64, &str), &str> = BTreeMap::new();
        let mut addresses: BTreeMap<String, &str> = BTreeMap::new();
        for id in view.indexes(VIRTS, "") {
            let Some(address) = rules::virtual_address(view, id) else {
                self.error(format!("Error: virtual server {id} has no IP address"));
                continue;
            };
            let other = addresses.insert(address.to_string(), id);
            if let Some(other) = other.filter(|_| !self.assumptions.shared_addresses) {
                self.error(format!("Error: virtual servers {other} and {id} have one address"));
            }
            for service in view.indexes(SERVICES, id) {
                let port = view.number(SERVICES, service, "VirtPort");
                for protocol in rules::protocols(view.number(SERVICES, service, "UDPBalance")) {
                    if let Some(other) = fronts.insert((address.to_string(), port, protocol), service) {
                        self.error(format!("Error: virtual services {other} and {service} have one address and port"));
                    }
                }
            }
        }
    }

    fn service(&mut self, service: &str) {
        let view = self.view;
        let number = |table, field| view.number(table, service, field);
        let (port, application) = (number(SERVICES, "VirtPort"), number(FIFTH, "ServApplicationType"));
        if let Some(why) = rules::refused_port(port, application) {
            self.error(format!("Error: virtual service {service}: {why}"));
        }
        let policy = named(view.text(SECOND, service, "SSLpol"));
        let reads_http = application == rules::HTTP || (application == rules::HTTPS && policy.is_some());
        if number(SERVICES, "PBind") == rules::BY_COOKIE && !reads_http {
            self.error(format!("Error: virtual service {service}: persistence by cookie needs HTTP"));
        }
        if number(FIFTH, "Action") != 1 {
            return;
        }
        let group = view.text(SEVENTH, service, "RealGroup");
        if !view.has(GROUPS, &group) {
            self.error(format!("Error: virtual service {service}: there is no group {group}"));
        } else if view.indexes(MEMBERS, &group).next().is_none() {
            let line = format!("virtual service {service}: group {group} has no real server");
            match self.assumptions.empty_group {
                EmptyGroup::Taken => {}
                EmptyGroup::WarnedOf => self.warnings.push(format!("Warning: {line}")),
                EmptyGroup::Refused => self.error(format!("Error: {line}")),
            }
        }
    }

    fn tls(&mut self, service: &str) {
        let view = self.view;
        let Some(policy) = named(view.text(SECOND, service, "SSLpol")) else { return };
        if !view.has(POLICIES, &policy) {
            self.error(format!("Error: virtual service {service}: there is no SSL policy {policy}"));
        }
        let Some(certificate) = named(view.text(SECOND, service, "ServCert")) else {
            return self.error(format!("Error: virtual service {service}: an SSL policy needs a certificate"));
        };
        if view.number(FIFTH, service, "ServCertGrpMark") == 2 {
            if !view.has(CERTIFICATE_GROUPS, &certificate) {
                self.error(format!("Error: virtual service {service}: there is no certificate group {certificate}"));
            }
            let row = view.of.rows.get(&format!("{CERTIFICATE_GROUPS}/{certificate}"));
            let list = row.and_then(|row| row.get(super::rows::CERTIFICATES)).and_then(|list| list.as_array());
            let names: Vec<String> = list.into_iter().flatten().map(super::values::text_of).collect();
            let default = named(view.text(CERTIFICATE_GROUPS, &certificate, "DefaultCert"));
            for name in names.iter().chain(&default) {
                self.certificate(service, name);
            }
        } else {
            self.certificate(service, &certificate);
        }
    }

    fn certificate(&mut self, service: &str, name: &str) {
        for (kind, what) in [(3, "certificate"), (1, "key")] {
            if !self.view.has(CERTIFICATES, &format!("{name}/{kind}")) {
                self.error(format!("Error: virtual service {service}: there is no {what} {name}"));
            }
        }
    }

    fn content_rules(&mut self) {
        let view = self.view;
        for rule in view.indexes(RULES, "") {
            let text = |field| view.text(RULES, rule, field);
            let (class, group, to) = (text("ContClass"), text("RealGrpNum"), text("Redirection"));
            if let Some(class) = named(class).filter(|class| !view.has(CLASSES, class)) {
                self.error(format!("Error: content rule {rule}: there is no content class {class}"));
            }
            match view.number(RULES, rule, "Action") {
                1 if !view.has(GROUPS, &group) => {
                    self.error(format!("Error: content rule {rule}: there is no group {group}"));
                }
                2 if to.is_empty() => self.error(format!("Error: content rule {rule} redirects to nowhere")),
                _ => {}
            }
        }
    }
}

fn is_check(view: View<'_>, id: &str) -> bool {
    PREDEFINED.contains(&id) || rules::check_table(view, id).is_some()
}

/// A name, unless it stands for none.
pub(super) fn named(text: String) -> Option<String> {
    (!text.is_empty() && text != "none").then_some(text)
}

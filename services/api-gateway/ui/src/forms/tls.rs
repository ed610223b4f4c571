//! What listeners and pools say of TLS: certificates that are chosen among those of their project.

use ballast_proto::{
    driver::ClientAuthentication,
    v2::{Certificate, CertificateKind, ListenerTls, PoolTls, UsedSecret},
};

use super::{Asking, fields::valued};
use crate::{
    trouble::Trouble,
    view::{
        certificates::{foreign, names},
        choices,
        parts::name_or_id,
        sheet::{Field, Group, Input, Sheet},
    },
};

/// With more of them one is named by its reference.
const MOST: u32 = 200;

/// What the scheduler has within `tls`, and forms of listeners do not.
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("tls.default_tls_container_ref", "default_tls_container_ref"),
    ("tls.sni_container_refs", "sni_container_refs"),
    ("tls.client_authentication", "client_authentication"),
    ("tls.client_ca_tls_container_ref", "client_ca_tls_container_ref"),
    ("tls.client_crl_container_ref", "client_crl_container_ref"),
];

/// What can be chosen.
pub(super) struct Known {
    kept: Vec<Certificate>,
    used: Vec<UsedSecret>,
    /// There are too many to choose among.
    is_cut: bool,
}

/// Those of a project; empty: the caller's.
pub(super) async fn known(asking: &Asking<'_>, project: &str) -> Result<Known, Trouble> {
    let own = asking.visitor.caller.project().unwrap_or_default();
    let project = if project.is_empty() { own } else { project };
    let reader = asking.reader();
    let ((kept, more), (mut used, more_used)) =
        tokio::try_join!(reader.certificates(project, MOST), reader.secrets(project, MOST))?;
    used.retain(|secret| !kept.iter().any(|one| names(&secret.reference, one)));
    Ok(Known { kept, used, is_cut: more || more_used })
}

impl Known {
    /// One in a list: its reference, and how a person knows it.
    fn choices(&self, kind: CertificateKind, chosen: &[&str]) -> Vec<(String, String)> {
        let own = self.kept.iter().filter(|one| one.kind() == kind).map(|one| {
            // As it is spelled where it is chosen.
            let spelled = chosen.iter().find(|reference| names(reference, one)).copied();
            (spelled.unwrap_or(&one.reference).to_owned(), called(one))
        });
        let used = self.used.iter().map(|one| {
            let name = foreign(&one.reference, &one.project_id, &one.names).name;
            (one.reference.clone(), format!("{name}, of a Barbican"))
        });
        let mut all: Vec<_> = own.chain(used).collect();
        for reference in chosen {
            if !reference.is_empty() && all.iter().all(|(known, _)| known != reference) {
                all.push(((*reference).to_owned(), (*reference).to_owned()));
            }
        }
        all
    }

    /// The field of one, or of none.
    fn field(&self, name: &'static str, label: &'static str, kind: CertificateKind, was: Option<&str>) -> Field {
        if self.is_cut {
            return valued(Field::new(name, label, Input::Text).hint("By its reference."), was);
        }
        let none = (String::new(), "none".to_owned());
        let choices = self.choices(kind, was.as_slice());
        valued(Field::new(name, label, Input::Choice(std::iter::once(none).chain(choices).collect())), was)
    }

    fn several(&self, name: &'static str, label: &'static str, was: Option<&[String]>) -> Field {
        let chosen: Vec<&str> = was.unwrap_or_default().iter().map(String::as_str).collect();
        let joined = was.map(|was| was.join("\n"));
        if self.is_cut {
            return valued(Field::new(name, label, Input::Lines).hint("By their references."), joined.as_deref());
        }
        let input = Input::Several(self.choices(CertificateKind::Certificate, &chosen));
        valued(Field::new(name, label, input), joined.as_deref())
    }

    /// Where TLS ends at a listener. `was`: one that is there; none: it is new.
    pub(super) fn of_listener(&self, was: Option<&ListenerTls>) -> Group {
        let text = |of: fn(&ListenerTls) -> &String| was.map(|was| of(was).as_str());
        let clients =
            Field::new("client_authentication", "Clients show a certificate", Input::Choice(choices::clients()));
        let shown = was.map(|was| choices::client(was.client_authentication()));
        Group::new(
            "TLS, where it ends here",
            vec![
                self.default(text(|was| &was.default_tls_container_ref)),
                self.several(
                    "sni_container_refs",
                    "Certificates for other names",
                    was.map(|was| was.sni_container_refs.as_slice()),
                )
                .hint("A client gets the one that is for the name which it asks for, else the first above."),
                match shown {
                    Some(shown) => clients.was(shown),
                    None => clients.value("NONE"),
                },
                self.field(
                    "client_ca_tls_container_ref",
                    "Whose certificates of clients are good",
                    CertificateKind::Ca,
                    text(|was| &was.client_ca_tls_container_ref),
                ),
                self.field(
                    "client_crl_container_ref",
                    "Which of them no longer",
                    CertificateKind::Crl,
                    text(|was| &was.client_crl_container_ref),
                ),
            ],
        )
    }

    /// The certificate of a listener.
    pub(super) fn default(&self, was: Option<&str>) -> Field {
        let field = self.field("default_tls_container_ref", "Certificate", CertificateKind::Certificate, was);
        field.hint("Of TERMINATED_HTTPS and of no other but PROMETHEUS.")
    }

    /// TLS between a load balancer and its members.
    pub(super) fn of_pool(&self, was: Option<&PoolTls>) -> Group {
        let text = |of: fn(&PoolTls) -> &String| was.map(|was| of(was).as_str());
        let speaks = Field::new("tls_enabled", "TLS to members", Input::Choice(choices::yes_or_no()));
        Group::new(
            "TLS to members",
            vec![
                valued(speaks, was.map(|was| if was.enabled { "yes" } else { "" })),
                self.field(
                    "ca_tls_container_ref",
                    "Whose certificates of members are good",
                    CertificateKind::Ca,
                    text(|was| &was.ca_tls_container_ref),
                )
                .hint("None: members are not verified."),
                self.field(
                    "crl_container_ref",
                    "Which of them no longer",
                    CertificateKind::Crl,
                    text(|was| &was.crl_container_ref),
                ),
                self.field(
                    "tls_container_ref",
                    "Certificate that members are shown",
                    CertificateKind::Certificate,
                    text(|was| &was.tls_container_ref),
                ),
            ],
        )
    }
}

/// `web: www.example.org, ends 2027-01-01`
fn called(one: &Certificate) -> String {
    let mut text = name_or_id(&one.name, &one.id);
    if let Some(first) = one.names.first().filter(|first| **first != one.name) {
        text += &format!(": {first}");
    }
    if one.names.len() > 1 {
        text += &format!(" and {} more", one.names.len() - 1);
    }
    let ends = one.not_after.as_ref().and_then(|end| jiff::Timestamp::new(end.seconds, 0).ok());
    match ends {
        Some(end) => text + &format!(", ends {}", end.strftime("%Y-%m-%d")),
        None => text + ", not issued yet",
    }
}

/// What a form says of a listener.
pub(super) fn of_listener(sheet: &Sheet) -> ListenerTls {
    ListenerTls {
        default_tls_container_ref: sheet.get("default_tls_container_ref"),
        sni_container_refs: sheet.list("sni_container_refs"),
        client_authentication: choices::client_named(&sheet.get("client_authentication")).into(),
        client_ca_tls_container_ref: sheet.get("client_ca_tls_container_ref"),
        client_crl_container_ref: sheet.get("client_crl_container_ref"),
        ..ListenerTls::default()
    }
}

/// What a form says of a listener that is new; none: nothing of TLS.
pub(super) fn of_new_listener(sheet: &Sheet) -> Option<ListenerTls> {
    let tls = of_listener(sheet);
    let asks_nobody = tls.client_authentication() == ClientAuthentication::None;
    let plain = ListenerTls { client_authentication: if asks_nobody { 0 } else { tls.client_authentication }, ..tls };
    (plain != ListenerTls::default()).then_some(plain)
}

/// What a form says of a pool.
pub(super) fn of_pool(sheet: &Sheet) -> PoolTls {
    PoolTls {
        enabled: sheet.get("tls_enabled") == "yes",
        tls_container_ref: sheet.get("tls_container_ref"),
        ca_tls_container_ref: sheet.get("ca_tls_container_ref"),
        crl_container_ref: sheet.get("crl_container_ref"),
        ..PoolTls::default()
    }
}

//! A form while it is made: its fields, what it would do, and what is wrong with it.

use ballast_proto::{
    status::{
        Received,
        fault::{Balancing, Checking, Code, Facts, Fault, Routing, Tls},
        from_status,
    },
    v2::{self, preview_request::Change},
};
use tonic::Status;

use super::{Asking, certificates::Keeping};
use crate::{
    trouble::Trouble,
    view::{form::FormPage, plan::Plan, same::Within, sheet::Sheet},
};

/// A form, and what it would do as it is filled in.
pub(super) struct Draft {
    pub(super) title: String,
    pub(super) remarks: Vec<String>,
    pub(super) objects: Vec<String>,
    pub(super) hidden: Vec<(&'static str, String)>,
    pub(super) sheet: Sheet,
    pub(super) verb: &'static str,
    pub(super) is_danger: bool,
    pub(super) back: String,
    /// One after the other. None: nothing is to be done.
    pub(super) writes: Vec<Change>,
    /// Instead: what is to become of a certificate.
    pub(super) keeping: Option<Keeping>,
    /// The change that stands for all writes, where they are several.
    pub(super) foreseen: Option<Change>,
    /// What is said while nothing is to be done.
    pub(super) idle: &'static str,
    /// Where it leads when it is done; none: to what was made.
    pub(super) leads_to: Option<String>,
    /// What the scheduler calls a field, and what this form does.
    pub(super) aliases: &'static [(&'static str, &'static str)],
    /// Hidden fields that take the place of those sent, where the object was changed meanwhile or the request was used.
    pub(super) renewed: Vec<(&'static str, String)>,
    /// Where in a load balancer it is.
    pub(super) within: Within,
}

impl Draft {
    pub(super) fn new(title: String, back: String, sheet: Sheet) -> Self {
        Self {
            title,
            remarks: Vec::new(),
            objects: Vec::new(),
            hidden: Vec::new(),
            sheet,
            verb: "Save",
            is_danger: false,
            leads_to: Some(back.clone()),
            back,
            writes: Vec::new(),
            keeping: None,
            foreseen: None,
            idle: "Nothing changes.",
            aliases: &[],
            renewed: Vec::new(),
            within: Within::default(),
        }
    }

    /// Of something new, which the same form makes once however often it is sent: `change` has the request's id.
    pub(super) fn creation(
        asking: &Asking<'_>,
        title: String,
        back: String,
        sheet: Sheet,
        change: impl FnOnce(String) -> Change,
    ) -> Self {
        let (draft, request_id) = Self::of_new(asking, title, back, sheet);
        Self { writes: vec![change(request_id)], ..draft }
    }

    /// The same, and the id of its request.
    pub(super) fn of_new(asking: &Asking<'_>, title: String, back: String, sheet: Sheet) -> (Self, String) {
        let request_id = match asking.get("request_id") {
            "" => asking.new_id(),
            sent => sent.to_owned(),
        };
        let draft = Self {
            verb: "Create",
            hidden: vec![("request_id", request_id.clone())],
            renewed: vec![("request_id", asking.new_id())],
            ..Self::new(title, back, sheet)
        };
        (draft, request_id)
    }

    /// Of something that is there: `now` and `known` are its etag, and that which the form was made with.
    pub(super) fn change(title: &str, back: String, sheet: Sheet, (now, known): (String, Option<&v2::Status>)) -> Self {
        let known = known.map(|status| status.etag.clone()).unwrap_or_default();
        Self {
            hidden: vec![("etag", known)],
            renewed: vec![("etag", now)],
            ..Self::new(format!("Change {title}"), back, sheet)
        }
    }

    /// It takes something away.
    pub(super) fn deletes(&mut self) {
        (self.verb, self.is_danger) = ("Delete", true);
    }

    /// What a write that was refused says, at its field.
    ///
    /// # Errors
    /// It is of no field, and the form is no answer to it.
    pub(super) fn blame(&mut self, status: &Status) -> Result<(), Trouble> {
        let told = from_status(status);
        let trouble = Trouble::from(status.clone());
        let of_code = field_of(told.code());
        match trouble {
            Trouble::Faulty(_) => {}
            Trouble::NotFound if of_code.is_some() || told.code() == Code::FeatureNotSupported => {}
            Trouble::Away(_) => {
                self.sheet
                    .blame("", "The scheduler does not answer. Send it again when it does: nothing is made twice.");
                return Ok(());
            }
            other => return Err(other),
        }
        if matches!(told.code(), Code::EtagMismatch | Code::RequestIdReused) {
            let renewed = std::mem::take(&mut self.renewed);
            self.hidden.retain(|(name, _)| renewed.iter().all(|(new, _)| new != name));
            self.hidden.extend(renewed);
        }
        let text = match told.code() {
            Code::EtagMismatch => {
                "It was changed since this form was made. Look at what would change now, and send it again."
            }
            Code::RequestIdReused => "What this form was made for is made already. Send it again to make another one.",
            _ => status.message(),
        };
        let named = match &told {
            Received::Fault(fault) => {
                fault.field().or_else(|| field_of_facts(fault)).or_else(|| holder(&self.sheet, fault))
            }
            Received::Worded { .. } => None,
        };
        let name = named.or(of_code).unwrap_or_default();
        let own = self.aliases.iter().find(|(wire, _)| *wire == name).map_or(name, |(_, own)| *own);
        self.sheet.blame(own, text);
        Ok(())
    }

    pub(super) fn page(self, action: String, plan: Plan) -> FormPage {
        FormPage {
            title: self.title,
            remarks: self.remarks,
            objects: self.objects,
            action,
            hidden: self.hidden,
            sheet: self.sheet.pointed(),
            verb: self.verb,
            is_danger: self.is_danger,
            back: self.back,
            plan,
        }
    }
}

/// The field that names what nobody knows.
fn holder(sheet: &Sheet, fault: &Fault) -> Option<&'static str> {
    let Facts::Balancing(Balancing::Tls(Tls::SecretsNotFound { references })) = fault.facts() else { return None };
    references.0.iter().find_map(|reference| sheet.holder(reference))
}

/// The field of what policies, rules, monitors and TLS do not allow.
fn field_of_facts(fault: &Fault) -> Option<&str> {
    match fault.facts() {
        Facts::Balancing(Balancing::Routing(routing)) => match routing {
            Routing::ArgumentMissing { field } => Some(field),
            Routing::ValueMissing | Routing::BadValue { .. } | Routing::BadExpression { .. } => Some("value"),
            Routing::KeyMissing { .. } | Routing::KeySuperfluous { .. } | Routing::BadKey { .. } => Some("key"),
            Routing::ComparisonNotForType { .. } => Some("compare_type"),
            Routing::NotForProtocol { .. } | Routing::NothingToChange | Routing::RulesFull { .. } => None,
        },
        Facts::Balancing(Balancing::Checking(checking)) => match checking {
            Checking::NotForPool { .. } => Some("type"),
            Checking::FieldNotForType { field, .. } => Some(field),
            Checking::DelayTooShort { .. } => Some("delay"),
            Checking::VersionMissing | Checking::VersionTooOld => None,
        },
        Facts::Balancing(Balancing::Tls(tls)) => match tls {
            Tls::CertificateMissing | Tls::CertificateSuperfluous { .. } => Some("default_tls_container_ref"),
            Tls::ClientCaMissing { .. } => Some("client_ca_tls_container_ref"),
            Tls::ClientCrlWithoutCa => Some("client_crl_container_ref"),
            Tls::CrlWithoutCa => Some("crl_container_ref"),
            Tls::SecretsNotFound { .. } | Tls::HstsWithoutTls | Tls::HstsWithoutMaxAge => None,
        },
        _ => None,
    }
}

/// The field that is at fault with what names none.
const fn field_of(code: Code) -> Option<&'static str> {
    match code {
        Code::AddressNotInSubnet | Code::AddressInUse => Some("address"),
        Code::SubnetFull | Code::SubnetNotFound => Some("subnet_id"),
        Code::ProviderNotFound | Code::DefaultProviderNotFound => Some("provider"),
        Code::DelayOrTimeoutInvalid => Some("timeout"),
        Code::MemberExists => Some("members"),
        Code::ConflictingObjects => Some("protocol_port"),
        Code::ProtocolMismatch => Some("default_pool_id"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_stands_at_the_field_that_it_is_of() {
        use ballast_proto::status::{
            fault::{Fault, Missing},
            to_status,
        };

        use crate::view::sheet::{Field, Group, Input};
        let draft = || {
            let fields = ["name", "provider", "cookie_name"].map(|name| Field::new(name, name, Input::Text)).to_vec();
            let sheet = Sheet::of(vec![Group::new("All", fields)], None);
            Draft { aliases: &[("description", "cookie_name")], ..Draft::new(String::new(), String::new(), sheet) }
        };
        let wrongs = |fault: Fault| {
            let mut draft = draft();
            draft.blame(&to_status(&fault)).unwrap();
            draft.sheet.wrongs()
        };
        let missing = Missing::Provider { provider: "x".to_owned() };
        assert_eq!(wrongs(Fault::missing_field("name"))[0], ("name", "name is missing.".to_owned()));
        assert_eq!(wrongs(missing.into())[0].0, "provider");
        assert_eq!(wrongs(Fault::missing_field("description"))[0].0, "cookie_name");
        assert_eq!(wrongs(Fault::missing_field("nosuch"))[0].0, "", "of all of it");
        let gone = Fault::not_found(ballast_proto::status::fault::Kind::LoadBalancer, "x");
        assert_eq!(draft().blame(&to_status(&gone)), Err(Trouble::NotFound));
    }
}

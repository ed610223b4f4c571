//! Certificates, one by one: uploaded, ordered of a CA, rotated, named, deleted. What is secret of them comes in, and stands in
//! no page.

mod keeping;

use ballast_proto::v2::{
    Acme, Certificate, CertificateKind, CreateCertificateRequest, DeleteRequest, Status as StatusOfObject,
    UpdateCertificateRequest,
};
use prost_types::FieldMask;

pub(super) use self::keeping::{Keeping, make, plan};
use super::{
    Asking, Draft,
    fields::{description, etag, text, valued},
};
use crate::{
    trouble::Trouble,
    view::{
        certificates::{path_of, uses},
        parts::name_or_id,
        sheet::{Field, Group, Input, Sheet},
    },
};

const ALL: &str = "/ui/certificates";
/// What files of PEM are called.
const PEM: &str = ".pem,.crt,.cer,.key,.crl,.txt";
/// What a form says in one field, and the scheduler within another.
const ALIASES: &[(&str, &str)] = &[("acme.domains", "domains"), ("acme", "domains")];

fn kinds() -> Vec<(String, String)> {
    [("CERTIFICATE", "certificate, with its private key"), ("CA", "CA certificates"), ("CRL", "revocation lists")]
        .map(|(value, text)| (value.to_owned(), text.to_owned()))
        .to_vec()
}

fn kind_named(name: &str) -> CertificateKind {
    match name {
        "CA" => CertificateKind::Ca,
        "CRL" => CertificateKind::Crl,
        _ => CertificateKind::Certificate,
    }
}

pub(super) fn new(asking: &Asking<'_>) -> Result<Draft, Trouble> {
    asking.must_write()?;
    let own =
        vec![name(None), Field::new("kind", "Kind", Input::Choice(kinds())).value("CERTIFICATE"), description(None)];
    let mut groups = vec![Group::new("Certificate", own)];
    groups.extend(brought(CertificateKind::Certificate));
    let mut sheet = Sheet::of(groups, asking.sent.as_ref());
    say_wrongs(asking, &mut sheet);
    let kind = kind_named(&sheet.get("kind"));
    let certificate = Certificate {
        name: sheet.get("name"),
        description: sheet.get("description"),
        project_id: asking.visitor.scope(),
        kind: kind.into(),
        ..material(asking)
    };
    let mut draft = creation(asking, "Upload a certificate", sheet, certificate);
    draft.verb = "Upload";
    draft.remarks = vec![NOT_SHOWN.to_owned()];
    Ok(draft)
}

/// What is said above each form with secrets.
const NOT_SHOWN: &str = "A private key is kept sealed, and shown to nobody. It stands in no page: where a form comes back, the \
                         key, the passphrase and files are given again.";

pub(super) fn order(asking: &Asking<'_>) -> Result<Draft, Trouble> {
    asking.must_write()?;
    let sheet = Sheet::of(
        vec![Group::new("Certificate", vec![name(None), domains(None), description(None)])],
        asking.sent.as_ref(),
    );
    let certificate = Certificate {
        name: sheet.get("name"),
        description: sheet.get("description"),
        project_id: asking.visitor.scope(),
        acme: Some(Acme { domains: sheet.list("domains"), ..Acme::default() }),
        ..Certificate::default()
    };
    let mut draft = creation(asking, "Order a certificate by ACME", sheet, certificate);
    draft.verb = "Order";
    draft.remarks = vec![
        "A CA issues it by itself, and renews it. It asks each name over HTTP at port 80, and load balancers whose listeners name \
         the certificate answer: so the names have to lead to one of them."
            .to_owned(),
    ];
    Ok(draft)
}

fn creation(asking: &Asking<'_>, title: &str, sheet: Sheet, certificate: Certificate) -> Draft {
    let (mut draft, request_id) = Draft::of_new(asking, title.to_owned(), ALL.to_owned(), sheet);
    draft.aliases = ALIASES;
    let certificate = Some(certificate);
    draft.keeping = Some(Keeping::Create(CreateCertificateRequest { certificate, request_id, validate_only: false }));
    draft
}

/// Its name, its description, and of what a CA issues the names that it is for.
pub(super) async fn change(asking: &Asking<'_>, id: &str) -> Result<Draft, Trouble> {
    let one = asking.reader().certificate(id).await?;
    asking.must_write()?;
    let mut fields = vec![name(Some(&one.name))];
    fields.extend(one.acme.as_ref().map(|acme| domains(Some(&acme.domains))));
    fields.push(description(Some(&one.description)));
    let sheet = Sheet::of(vec![Group::new("Certificate", fields)], asking.sent.as_ref());
    let changed = sheet.changed();
    let paths: Vec<String> =
        changed.iter().map(|&own| if own == "domains" { "acme" } else { own }.to_owned()).collect();
    let sent = Certificate {
        name: sheet.get("name"),
        description: sheet.get("description"),
        acme: one.acme.is_some().then(|| Acme { domains: sheet.list("domains"), ..Acme::default() }),
        ..Certificate::default()
    };
    let mut draft = update(asking, "Change", sheet, (&one, sent, paths));
    if one.acme.is_some() {
        draft.remarks =
            vec!["With other names it is issued anew at once. Until then what was issued serves on.".to_owned()];
    }
    Ok(draft)
}

/// Another content, in the place of the one that is there.
pub(super) async fn rotate(asking: &Asking<'_>, id: &str) -> Result<Draft, Trouble> {
    let one = asking.reader().certificate(id).await?;
    asking.must_write()?;
    let mut sheet = Sheet::of(brought(one.kind()), asking.sent.as_ref());
    say_wrongs(asking, &mut sheet);
    if asking.is_wanted() && asking.material.is_empty() && !sheet.is_wrong() {
        sheet.blame("certificate_chain", "Nothing was given. Nothing was changed.");
    }
    let sent = material(asking);
    let paths = match (asking.material.is_empty(), sent.pkcs12.is_empty()) {
        (true, _) => Vec::new(),
        (false, false) if sent.certificate_chain.is_empty() => vec!["pkcs12", "passphrase"],
        (false, true) if one.kind() != CertificateKind::Certificate => vec!["certificate_chain"],
        _ => vec!["certificate_chain", "private_key"],
    };
    let paths = paths.into_iter().map(str::to_owned).collect();
    let mut draft = update(asking, "Rotate", sheet, (&one, sent, paths));
    draft.verb = "Rotate";
    draft.idle = "Give it a new content: what would change stands here then.";
    draft.remarks = vec![NOT_SHOWN.to_owned()];
    draft.objects = users(asking, &one).await?;
    if !draft.objects.is_empty() {
        draft.remarks.push("These get it by themselves, and no connection ends by it:".to_owned());
    }
    Ok(draft)
}

pub(super) async fn delete(asking: &Asking<'_>, id: &str) -> Result<Draft, Trouble> {
    let one = asking.reader().certificate(id).await?;
    asking.must_write()?;
    let title = format!("Delete certificate {}", name_or_id(&one.name, &one.id));
    let mut draft = Draft::new(title, path_of(id), Sheet::default());
    draft.objects = users(asking, &one).await?;
    draft.remarks = match draft.objects.is_empty() {
        true => vec!["It is deleted for good, with its private key. Nobody uses it.".to_owned()],
        false => vec!["These use it: it cannot be deleted before they have another one.".to_owned()],
    };
    draft.deletes();
    draft.leads_to = Some(ALL.to_owned());
    draft.keeping = Some(Keeping::Delete(DeleteRequest { id: one.id.clone(), ..DeleteRequest::default() }));
    Ok(draft)
}

fn update(
    asking: &Asking<'_>,
    verb: &str,
    sheet: Sheet,
    (one, sent, paths): (&Certificate, Certificate, Vec<String>),
) -> Draft {
    let status = StatusOfObject { etag: one.etag.clone(), ..StatusOfObject::default() };
    let (now, known) = etag(asking, Some(&status));
    let name = name_or_id(&one.name, &one.id);
    let etag = known.as_ref().map(|known| known.etag.clone()).unwrap_or_default();
    let mut draft = Draft::change("", path_of(&one.id), sheet, (now, known.as_ref()));
    draft.title = format!("{verb} certificate {name}");
    draft.aliases = ALIASES;
    if !paths.is_empty() {
        let certificate = Some(Certificate { id: one.id.clone(), etag, ..sent });
        let request =
            UpdateCertificateRequest { certificate, update_mask: Some(FieldMask { paths }), validate_only: false };
        draft.keeping = Some(Keeping::Update(request, Box::new(one.clone())));
    }
    draft
}

/// Who uses one, each in a line.
async fn users(asking: &Asking<'_>, one: &Certificate) -> Result<Vec<String>, Trouble> {
    let reader = asking.reader();
    let used = reader.users_of(one).await?;
    let users = uses::of_these(&used);
    let names = reader.names_of(&users).await?;
    Ok(users.into_iter().map(|user| uses::named(user, &names).name).collect())
}

fn name(was: Option<&str>) -> Field {
    text("name", "Name", was)
}

fn domains(was: Option<&[String]>) -> Field {
    let field = Field::new("domains", "DNS names", Input::Lines).hint("One in a line, without * and no addresses.");
    valued(field, was.map(|was| was.join("\n")).as_deref())
}

/// What a person has of a certificate: PEM, or a bundle.
fn brought(kind: CertificateKind) -> Vec<Group> {
    let hint = match kind {
        CertificateKind::Certificate => {
            "-----BEGIN CERTIFICATE-----: the certificate first, then each that issued the one before. A private key in it is taken \
             for its own. Of a CA, its certificates in any order; or revocation lists."
        }
        CertificateKind::Ca => "-----BEGIN CERTIFICATE-----: those of the CAs, in any order.",
        _ => "-----BEGIN X509 CRL-----: one list or several.",
    };
    let chain = vec![
        Field::new("certificate_chain", "Certificate, in PEM", Input::Lines).hint(hint),
        Field::new("certificate_chain_file", "Or a file", Input::File(PEM)).hint("It takes the place of the text."),
    ];
    if kind != CertificateKind::Certificate {
        return vec![Group::new("In PEM", chain)];
    }
    let key = vec![
        Field::new("private_key", "Private key, in PEM", Input::Secret)
            .hint("-----BEGIN PRIVATE KEY-----, not encrypted. None for a CA and for lists."),
        Field::new("private_key_file", "Or a file", Input::File(PEM)).hint("It takes the place of the text."),
    ];
    let bundle = vec![
        Field::new("pkcs12", "Bundle", Input::File(".p12,.pfx"))
            .hint("A .p12 or .pfx, with the private key and the certificates."),
        Field::new("passphrase", "Passphrase", Input::Password).hint("By which it opens."),
    ];
    vec![Group::new("In PEM", chain.into_iter().chain(key).collect()), Group::new("Or as a bundle of PKCS12", bundle)]
}

/// What was sent of one.
fn material(asking: &Asking<'_>) -> Certificate {
    let material = &asking.material;
    Certificate {
        certificate_chain: material.chain.clone(),
        private_key: material.private_key.to_string(),
        pkcs12: material.pkcs12.to_vec(),
        passphrase: material.passphrase.to_string(),
        ..Certificate::default()
    }
}

fn say_wrongs(asking: &Asking<'_>, sheet: &mut Sheet) {
    for (name, text) in &asking.material.wrongs {
        sheet.blame(name, text);
    }
}

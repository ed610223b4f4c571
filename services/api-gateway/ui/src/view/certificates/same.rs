//! What to type for the same as a form of certificates does. Where a form has a file or a secret, the name of a file stands there.

use ballast_proto::v2::{Certificate, CertificateKind};
use serde_json::{Value, json};

use super::super::{
    rest::{Object, said},
    same::Same,
    shell::{is_plain, json as shown, quoted},
};

/// What becomes of a certificate.
pub(crate) enum Wish<'a> {
    Create(&'a Certificate),
    /// With its id; of it, what has these names.
    Update(&'a Certificate, &'a [String]),
    Delete(&'a str),
}

/// A file that somebody has instead of a field: its name, its key in JSON, the option that takes it, and how `jq` reads it.
struct File {
    name: &'static str,
    key: &'static str,
    option: &'static str,
    /// As it is read, and as it stands in the object.
    read: &'static str,
    value: &'static str,
}

const CHAIN: File = File {
    name: "chain.pem",
    key: "certificate_chain",
    option: "--chain",
    read: "--rawfile chain chain.pem",
    value: "$chain",
};
const KEY: File =
    File { name: "key.pem", key: "private_key", option: "--private-key", read: "--rawfile key key.pem", value: "$key" };
const BUNDLE: File = File {
    name: "bundle.p12",
    key: "pkcs12",
    option: "--pkcs12",
    read: "--arg bundle \"$(base64 bundle.p12)\"",
    value: "$bundle",
};
const PASSPHRASE: File = File {
    name: "passphrase.txt",
    key: "passphrase",
    option: "--passphrase-file",
    read: "--rawfile passphrase passphrase.txt",
    value: "($passphrase | rtrimstr(\"\\n\"))",
};

const ALL: &str = "/ballast/v1/certificates";

impl Same {
    /// `origin`: where REST is; `is_open`: nobody is asked for a token there.
    pub(crate) fn of_certificate(wish: &Wish<'_>, origin: &str, is_open: bool) -> Self {
        let token = if is_open { "" } else { " \\\n  -H \"X-Auth-Token: $BALLAST_TOKEN\"" };
        let curl =
            |method: &str, path: &str| format!("curl -sS -X {method} {}{token}", quoted(&format!("{origin}{path}")));
        let (verb, method, id, object, files) = match wish {
            Wish::Delete(id) => {
                let curl = curl("DELETE", &format!("{ALL}/{id}"));
                return Self { curl, ballast: format!("ballast certificates delete {}", quoted(id)), file: None };
            }
            Wish::Create(one) => ("create", "POST", "", said(fields(one)), files(one)),
            Wish::Update(one, paths) => {
                let mut object = fields(one);
                object.retain(|key, _| paths.iter().any(|path| path == key));
                ("set", "PUT", one.id.as_str(), object, files(one))
            }
        };
        let path = if id.is_empty() { ALL.to_owned() } else { format!("{ALL}/{id}") };
        let sent = format!("{} \\\n  -H 'Content-Type: application/json' --data-binary @-", curl(method, &path));
        let words = format!("ballast certificates {verb} {id}");
        let words = words.trim_end();
        let ballast = match options(&object) {
            Some(options) => {
                let files = files.iter().map(|file| format!("{} {}", file.option, file.name));
                let all = std::iter::once(words.to_owned()).chain(options).chain(files);
                all.collect::<Vec<_>>().join(" ")
            }
            None => format!("{} |\n{words} --body -", made(&object, &files, false)),
        };
        Self { curl: format!("{} |\n{sent}", made(&object, &files, true)), ballast, file: None }
    }
}

fn files(one: &Certificate) -> Vec<&'static File> {
    let all = [
        (&CHAIN, one.certificate_chain.is_empty()),
        (&KEY, one.private_key.is_empty()),
        (&BUNDLE, one.pkcs12.is_empty()),
        (&PASSPHRASE, one.passphrase.is_empty()),
    ];
    all.into_iter().filter(|(_, is_empty)| !is_empty).map(|(file, _)| file).collect()
}

/// Without what is in files.
fn fields(one: &Certificate) -> Object {
    let kind = match one.kind() {
        CertificateKind::Ca => "CA",
        CertificateKind::Crl => "CRL",
        CertificateKind::Certificate | CertificateKind::Unspecified => "",
    };
    let acme = one.acme.as_ref().map(|acme| json!({ "domains": acme.domains }));
    let all = [
        ("name", Value::from(one.name.as_str())),
        ("description", one.description.as_str().into()),
        ("project_id", one.project_id.as_str().into()),
        ("kind", kind.into()),
        ("acme", acme.into()),
    ];
    all.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The command that says the object, with what is in files.
fn made(object: &Object, files: &[&File], is_wrapped: bool) -> String {
    let read: Vec<&str> = files.iter().map(|file| file.read).collect();
    let from_files: Vec<String> = files.iter().map(|file| format!("{}: {}", file.key, file.value)).collect();
    let own = shown(&Value::Object(object.clone()));
    let whole = if files.is_empty() { own } else { format!("{own} + {{{}}}", from_files.join(", ")) };
    let whole = if is_wrapped { format!("{{certificate: ({whole})}}") } else { whole };
    let words = ["jq -n"].into_iter().chain(read).collect::<Vec<_>>().join(" ");
    format!("{words} \\\n  {}", quoted(&whole))
}

/// None: nobody should paste them as they are.
fn options(object: &Object) -> Option<Vec<String>> {
    let mut words = Vec::new();
    for (key, value) in object {
        let (option, values) = match (key.as_str(), value) {
            ("acme", value) => ("domain", value["domains"].as_array().cloned().unwrap_or_default()),
            ("project_id", value) => ("project", vec![value.clone()]),
            (key, value) => (key, vec![value.clone()]),
        };
        for value in values {
            let text = value.as_str()?;
            if !is_plain(text) {
                return None;
            }
            words.push(format!("--{option}={}", quoted(text)));
        }
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(name: &str) -> Certificate {
        Certificate {
            name: name.to_owned(),
            certificate_chain: "c".to_owned(),
            private_key: "s3cret".to_owned(),
            ..Certificate::default()
        }
    }

    #[test]
    fn files_stand_by_their_names_and_nothing_of_what_is_in_them() {
        let same = Same::of_certificate(&Wish::Create(&certificate("it's")), "http://h", true);
        assert_eq!(
            same.ballast,
            "ballast certificates create --name='it'\\''s' --chain chain.pem --private-key key.pem"
        );
        assert!(
            same.curl.contains("--rawfile key key.pem") && same.curl.contains("private_key: $key"),
            "{}",
            same.curl
        );
        let bundle = Certificate {
            id: "x".to_owned(),
            pkcs12: b"s3cret".to_vec(),
            passphrase: "s3cret".to_owned(),
            name: "unchanged".to_owned(),
            ..Certificate::default()
        };
        let paths = ["pkcs12".to_owned(), "passphrase".to_owned()];
        let other = Same::of_certificate(&Wish::Update(&bundle, &paths), "http://h", false);
        assert_eq!(other.ballast, "ballast certificates set x --pkcs12 bundle.p12 --passphrase-file passphrase.txt");
        assert!(!format!("{same:?}{other:?}").contains("s3cret") && !other.curl.contains("unchanged"), "{other:?}");
        let hidden = Same::of_certificate(&Wish::Create(&certificate("\u{202e}x")), "http://h", true);
        assert!(
            hidden.ballast.contains("--body -") && is_plain(&hidden.ballast.replace('\n', "")),
            "{}",
            hidden.ballast
        );
        let gone = Same::of_certificate(&Wish::Delete("x"), "http://h", true);
        assert_eq!(gone.curl, "curl -sS -X DELETE http://h/ballast/v1/certificates/x");
    }
}

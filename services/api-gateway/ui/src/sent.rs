//! What a browser sends with a form: fields, and files. Private keys, passphrases and files are set apart as it is read, so that
//! nothing that shows a form again, keeps it or says what to type for the same has them.

mod pem;

use std::{convert::Infallible, fmt, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
};
use futures_util::{StreamExt as _, stream};
use multer::Multipart;
use zeroize::Zeroizing;

use crate::{LIMIT, session::Form, trouble::Trouble};

/// The largest one with files: the scheduler takes 64 KiB of each text.
const WITH_FILES: usize = 512 << 10;
/// What is too large is taken up to here, so that the browser listens to why it is refused.
const DRAINED: usize = 8 << 20;
/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Fields of a form with files.
const FIELDS: usize = 100;

/// What is never shown again, by the names of its fields.
pub(crate) const SECRET: [&str; 5] =
    [PRIVATE_KEY, "private_key_file", "pkcs12", "passphrase", "certificate_chain_file"];
const CHAIN: &str = "certificate_chain";
const PRIVATE_KEY: &str = "private_key";

/// What came with a form and is of nobody else's business.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Material {
    /// In PEM, as it was given, but for private keys in it.
    pub(crate) chain: String,
    pub(crate) private_key: Zeroizing<String>,
    pub(crate) pkcs12: Zeroizing<Vec<u8>>,
    pub(crate) passphrase: Zeroizing<String>,
    /// What is wrong with files, by the fields that they stand for.
    pub(crate) wrongs: Vec<(&'static str, &'static str)>,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material").finish_non_exhaustive()
    }
}

impl Material {
    /// Nothing of a certificate was sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.chain.is_empty() && self.private_key.is_empty() && self.pkcs12.is_empty() && self.passphrase.is_empty()
    }
}

/// All of it.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) form: Form,
    pub(crate) material: Material,
}

impl From<Form> for Sent {
    fn from(form: Form) -> Self {
        let chain = form.get(CHAIN).trim().to_owned();
        Self { form, material: Material { chain, ..Material::default() } }
    }
}

/// A field as it came, or a file.
struct Part {
    name: String,
    content: Bytes,
}

impl Sent {
    /// What a request has; `has_files`: its form may have some.
    ///
    /// # Errors
    /// It is too large, broke off, or is no form.
    pub(crate) async fn read(headers: &HeaderMap, body: Body, has_files: bool) -> Result<Self, Trouble> {
        let most = if has_files { WITH_FILES } else { LIMIT };
        let read = async {
            let body = gather(body, most).await?;
            let media = headers.get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
            match multer::parse_boundary(media) {
                Ok(boundary) => parts(body, boundary).await,
                Err(_) => Ok(form_urlencoded::parse(&body).into_owned().map(Part::from).collect()),
            }
        };
        let late = || Err(Trouble::Faulty("What was sent has not come in time. Nothing was done.".to_owned()));
        Ok(Self::of(tokio::time::timeout(PATIENCE, read).await.unwrap_or_else(|_| late())?))
    }

    fn of(parts: Vec<Part>) -> Self {
        let (mut fields, mut material, mut private_key) = (Vec::new(), Material::default(), Zeroizing::default());
        let mut chain = None;
        for Part { name, content } in parts {
            match name.as_str() {
                CHAIN => chain = chain.or_else(|| Some(text(&content))),
                "certificate_chain_file" if content.is_empty() => {}
                "certificate_chain_file" => match String::from_utf8(content.to_vec()) {
                    Ok(file) => chain = Some(file),
                    Err(_) => material.wrongs.push((CHAIN, "The file is no text: a .p12 or .pfx goes below.")),
                },
                PRIVATE_KEY if material.private_key.is_empty() => material.private_key = text(&content).into(),
                "private_key_file" if !content.is_empty() => match String::from_utf8(content.to_vec()) {
                    Ok(file) => private_key = file.into(),
                    Err(_) => material.wrongs.push((PRIVATE_KEY, "The file is no text: it has to be PEM.")),
                },
                "pkcs12" => material.pkcs12 = content.to_vec().into(),
                "passphrase" => material.passphrase = text(&content).into(),
                name if SECRET.contains(&name) => {}
                _ => fields.push((name, pem::without_keys(&text(&content)).0)),
            }
        }
        if !private_key.is_empty() {
            material.private_key = private_key;
        }
        if let Some(chain) = chain {
            let (chain, keys) = pem::without_keys(&chain);
            fields.push((CHAIN.to_owned(), pem::public(&chain)));
            chain.trim().clone_into(&mut material.chain);
            if material.private_key.trim().is_empty() {
                material.private_key = keys.into();
            }
        }
        material.private_key = material.private_key.trim().to_owned().into();
        Self { form: Form::of(fields), material }
    }
}

impl From<(String, String)> for Part {
    fn from((name, value): (String, String)) -> Self {
        Self { name, content: Bytes::from(value) }
    }
}

fn text(content: &[u8]) -> String {
    String::from_utf8_lossy(content).into_owned()
}

async fn gather(body: Body, most: usize) -> Result<Bytes, Trouble> {
    let (mut stream, mut gathered, mut size) = (body.into_data_stream(), Vec::new(), 0_usize);
    while let Some(part) = stream.next().await {
        let part = part.map_err(|_| Trouble::Faulty("What was sent broke off. Nothing was done.".to_owned()))?;
        size = size.saturating_add(part.len());
        if size <= most {
            gathered.extend_from_slice(&part);
        } else if size > DRAINED {
            break;
        }
    }
    if size > most { Err(Trouble::TooLarge) } else { Ok(gathered.into()) }
}

/// Those of a form with files.
async fn parts(body: Bytes, boundary: String) -> Result<Vec<Part>, Trouble> {
    let faulty = |why: String| Trouble::Faulty(format!("What was sent is no form: {why}. Nothing was done."));
    let mut form = Multipart::new(stream::once(async { Ok::<_, Infallible>(body) }), boundary);
    let mut parts = Vec::new();
    while let Some(field) = form.next_field().await.map_err(|error| faulty(error.to_string()))? {
        if parts.len() == FIELDS {
            return Err(faulty(format!("it has more than {FIELDS} fields")));
        }
        let name = field.name().unwrap_or_default().to_owned();
        let content = field.bytes().await.map_err(|error| faulty(error.to_string()))?;
        parts.push(Part { name, content });
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----";

    fn multipart(parts: &[(&str, Option<&str>, &[u8])]) -> (HeaderMap, Vec<u8>) {
        let mut body = Vec::new();
        for (name, file, content) in parts {
            let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
            body.extend(format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").bytes());
            body.extend_from_slice(content);
            body.extend(b"\r\n");
        }
        body.extend(b"--b--\r\n");
        let media = "multipart/form-data; boundary=b".parse().unwrap();
        (HeaderMap::from_iter([(header::CONTENT_TYPE, media)]), body)
    }

    async fn read(parts: &[(&str, Option<&str>, &[u8])]) -> Sent {
        let (headers, body) = multipart(parts);
        Sent::read(&headers, Body::from(body), true).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_secret_is_no_field_of_the_form_however_it_is_sent() {
        let both = format!("{CERTIFICATE}{KEY}\n");
        let name = format!("a{KEY}b");
        let sent: [Sent; 4] = [
            read(&[("certificate_chain", None, CERTIFICATE.as_bytes()), ("private_key", None, KEY.as_bytes())]).await,
            read(&[("certificate_chain_file", Some("a.pem"), both.as_bytes()), ("private_key", None, b"")]).await,
            read(&[("certificate_chain", None, both.as_bytes()), ("private_key_file", Some(""), b"")]).await,
            read(&[
                ("certificate_chain", None, b"old"),
                ("certificate_chain_file", Some("a"), CERTIFICATE.as_bytes()),
                ("private_key", None, b"other"),
                ("private_key_file", Some("k"), KEY.as_bytes()),
                ("name", None, name.as_bytes()),
            ])
            .await,
        ];
        for Sent { form, material } in &sent {
            assert_eq!((material.chain.as_str(), material.private_key.as_str()), (CERTIFICATE, KEY));
            assert_eq!(form.get("certificate_chain"), CERTIFICATE);
            let shown = format!("{form:?} {material:?}");
            assert!(!shown.contains("s3cret") && !shown.contains("other"), "{shown}");
        }
        assert_eq!(sent[3].form.get("name"), "ab");
    }

    #[tokio::test]
    async fn bundles_are_bytes_and_a_file_that_is_no_text_is_said_to_be_none() {
        let sent = read(&[("pkcs12", Some("a.p12"), &[0x30, 0xff, 0]), ("passphrase", None, b" p w ")]).await;
        assert_eq!(
            (sent.material.pkcs12.as_slice(), sent.material.passphrase.as_str()),
            (&[0x30, 0xff, 0][..], " p w ")
        );
        assert!(sent.form.into_pairs().is_empty());
        let sent =
            read(&[("certificate_chain_file", Some("a"), &[0xff]), ("private_key_file", Some("b"), &[0xff])]).await;
        assert_eq!(sent.material.wrongs.iter().map(|(name, _)| *name).collect::<Vec<_>>(), [CHAIN, PRIVATE_KEY]);
        // A browser that sends no files.
        let body = "name=a%26b&passphrase=x&private_key=y";
        let sent = Sent::read(&HeaderMap::new(), Body::from(body), false).await.unwrap();
        assert_eq!((sent.form.into_pairs().len(), sent.material.private_key.as_str()), (1, "y"));
    }

    #[tokio::test]
    async fn what_is_too_large_or_no_form_is_refused() {
        for (size, has_files, is_taken) in [(LIMIT, false, true), (LIMIT + 1, false, false), (LIMIT + 1, true, true)] {
            let read = Sent::read(&HeaderMap::new(), Body::from("x".repeat(size)), has_files).await;
            assert_eq!(read.is_ok(), is_taken, "{size} {has_files}");
        }
        let large = Sent::read(&HeaderMap::new(), Body::from("x".repeat(DRAINED * 2)), true).await;
        assert_eq!(large.unwrap_err(), Trouble::TooLarge);
        let (headers, mut body) = multipart(&[("name", None, b"a")]);
        body.truncate(body.len() - 8);
        assert!(matches!(Sent::read(&headers, Body::from(body), true).await, Err(Trouble::Faulty(_))));
        let many = vec![("name", None, &b"a"[..]); FIELDS + 1];
        let (headers, body) = multipart(&many);
        assert!(matches!(Sent::read(&headers, Body::from(body), true).await, Err(Trouble::Faulty(_))));
    }
}

//! Messages that carry private keys and passphrases: what they hold is overwritten when they are dropped. What tonic and prost
//! copy on their way in and out is theirs.

use zeroize::Zeroize as _;

use crate::{agent, v2};

impl v2::Certificate {
    /// Overwrites what nobody else may know.
    pub fn wipe(&mut self) {
        self.private_key.zeroize();
        self.pkcs12.zeroize();
        self.passphrase.zeroize();
    }
}

impl Drop for v2::CreateCertificateRequest {
    fn drop(&mut self) {
        self.certificate.iter_mut().for_each(v2::Certificate::wipe);
    }
}

impl Drop for v2::UpdateCertificateRequest {
    fn drop(&mut self) {
        self.certificate.iter_mut().for_each(v2::Certificate::wipe);
    }
}

impl Drop for agent::Secrets {
    fn drop(&mut self) {
        self.secrets.iter_mut().for_each(|secret| secret.private_key.zeroize());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_what_nobody_else_may_know_and_all_else_is() {
        let mut one = v2::Certificate {
            name: "web".to_owned(),
            certificate_chain: "chain".to_owned(),
            private_key: "s3cret".to_owned(),
            pkcs12: b"s3cret".to_vec(),
            passphrase: "s3cret".to_owned(),
            ..v2::Certificate::default()
        };
        one.wipe();
        assert!(one.private_key.is_empty() && one.pkcs12.is_empty() && one.passphrase.is_empty());
        assert_eq!((one.name.as_str(), one.certificate_chain.as_str()), ("web", "chain"));
    }
}

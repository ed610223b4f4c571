//! A rule: what of a request is compared with what, and how.

use super::expression;
use crate::{
    fault::{Fault, Routing},
    ids::L7RuleId,
    labels::Labels,
    status::Progress,
};

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleType {
    HostName,
    Path,
    FileType,
    Header,
    Cookie,
    SslConnHasCert,
    SslVerifyResult,
    SslDnField,
}

impl RuleType {
    pub const ALL: [Self; 8] = [
        Self::HostName,
        Self::Path,
        Self::FileType,
        Self::Header,
        Self::Cookie,
        Self::SslConnHasCert,
        Self::SslVerifyResult,
        Self::SslDnField,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HostName => "HOST_NAME",
            Self::Path => "PATH",
            Self::FileType => "FILE_TYPE",
            Self::Header => "HEADER",
            Self::Cookie => "COOKIE",
            Self::SslConnHasCert => "SSL_CONN_HAS_CERT",
            Self::SslVerifyResult => "SSL_VERIFY_RESULT",
            Self::SslDnField => "SSL_DN_FIELD",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether it is of a connection whose TLS ends at the listener.
    #[must_use]
    pub const fn is_of_tls(self) -> bool {
        matches!(self, Self::SslConnHasCert | Self::SslVerifyResult | Self::SslDnField)
    }

    const fn needs_key(self) -> bool {
        matches!(self, Self::Header | Self::Cookie | Self::SslDnField)
    }
}

/// How it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompareType {
    Regex,
    StartsWith,
    EndsWith,
    Contains,
    EqualTo,
}

impl CompareType {
    pub const ALL: [Self; 5] = [Self::Regex, Self::StartsWith, Self::EndsWith, Self::Contains, Self::EqualTo];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Regex => "REGEX",
            Self::StartsWith => "STARTS_WITH",
            Self::EndsWith => "ENDS_WITH",
            Self::Contains => "CONTAINS",
            Self::EqualTo => "EQUAL_TO",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A rule of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct L7Rule {
    pub id: L7RuleId,
    pub project_id: String,
    pub rule_type: RuleType,
    pub compare_type: CompareType,
    pub key: Option<String>,
    pub value: String,
    /// It matches when the comparison does not.
    pub invert: bool,
    pub admin_state_up: bool,
    pub labels: Labels,
    pub progress: Progress,
}

/// The longest value, and the longest key.
const LONGEST: usize = 255;

impl L7Rule {
    /// Refuses what cannot be compared: by type, key, comparison and value, in Octavia's order.
    ///
    /// # Errors
    /// [`Routing`]
    pub fn check(&self) -> Result<(), Fault> {
        self.check_comparison()?;
        self.check_key()?;
        self.check_value()
    }

    fn check_comparison(&self) -> Result<(), Fault> {
        let allowed = match self.rule_type {
            RuleType::FileType => matches!(self.compare_type, CompareType::Regex | CompareType::EqualTo),
            RuleType::SslConnHasCert | RuleType::SslVerifyResult => self.compare_type == CompareType::EqualTo,
            RuleType::HostName | RuleType::Path | RuleType::Header | RuleType::Cookie | RuleType::SslDnField => true,
        };
        if allowed {
            return Ok(());
        }
        let (rule_type, compare_type) = (self.rule_type.as_str().to_owned(), self.compare_type.as_str().to_owned());
        Err(Routing::ComparisonNotForType { rule_type, compare_type }.into())
    }

    fn check_key(&self) -> Result<(), Fault> {
        let rule_type = || self.rule_type.as_str().to_owned();
        let Some(key) = self.key.as_deref().filter(|key| !key.is_empty()) else {
            return if self.rule_type.needs_key() {
                Err(Routing::KeyMissing { rule_type: rule_type() }.into())
            } else {
                Ok(())
            };
        };
        if matches!(self.rule_type, RuleType::SslConnHasCert | RuleType::SslVerifyResult) {
            return Err(Routing::KeySuperfluous { rule_type: rule_type() }.into());
        }
        if key.len() <= LONGEST && key.bytes().all(is_of_token) {
            return Ok(());
        }
        Err(Routing::BadKey { rule_type: rule_type(), value: key.to_owned() }.into())
    }

    fn check_value(&self) -> Result<(), Fault> {
        if self.value.is_empty() {
            return Err(Routing::ValueMissing.into());
        }
        let good = match self.rule_type {
            RuleType::SslConnHasCert => self.value.eq_ignore_ascii_case("true"),
            RuleType::SslVerifyResult => self.value.parse::<u32>().is_ok(),
            _ => self.is_comparable(),
        };
        if good {
            return self.check_expression();
        }
        Err(Routing::BadValue { rule_type: self.rule_type.as_str().to_owned(), value: self.value.clone() }.into())
    }

    fn check_expression(&self) -> Result<(), Fault> {
        let why = if self.compare_type == CompareType::Regex { expression::fault(&self.value) } else { None };
        why.map_or(Ok(()), |why| Err(Routing::BadExpression { value: self.value.clone(), why }.into()))
    }

    /// One line of printable characters; blanks where it is an expression, or wholly in quotes.
    fn is_comparable(&self) -> bool {
        let quoted = self.value.len() > 1 && self.value.starts_with('"') && self.value.ends_with('"');
        let blanks = quoted || self.compare_type == CompareType::Regex;
        let fits = |character: char| !character.is_control() && (blanks || character != ' ');
        self.value.len() <= LONGEST && self.value.chars().all(fits)
    }
}

/// RFC 9110, section 5.6.2.
const fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{counters::Generation, fault::Facts};

    fn rule(rule_type: RuleType, compare_type: CompareType, key: Option<&str>, value: &str) -> L7Rule {
        L7Rule {
            id: L7RuleId::default(),
            project_id: "p".to_owned(),
            rule_type,
            compare_type,
            key: key.map(str::to_owned),
            value: value.to_owned(),
            invert: false,
            admin_state_up: true,
            labels: Labels::default(),
            progress: Progress::created(Generation::FIRST),
        }
    }

    #[test]
    fn what_can_be_compared_is_taken() {
        for (rule_type, compare_type, key, value) in [
            (RuleType::Path, CompareType::StartsWith, None, "/x"),
            (RuleType::Path, CompareType::Regex, None, "a b"),
            (RuleType::Header, CompareType::EqualTo, Some("X-Y"), "\"a b\""),
            (RuleType::SslConnHasCert, CompareType::EqualTo, None, "true"),
            (RuleType::SslVerifyResult, CompareType::EqualTo, None, "0"),
            (RuleType::SslDnField, CompareType::Contains, Some("CN"), "x"),
        ] {
            assert_eq!(rule(rule_type, compare_type, key, value).check(), Ok(()), "{rule_type:?} {value}");
        }
    }

    #[test]
    fn what_cannot_is_refused_with_its_reason() {
        for (rule_type, compare_type, key, value, expected) in [
            (RuleType::FileType, CompareType::Contains, None, "jpg", "COMPARISON_NOT_FOR_RULE_TYPE"),
            (RuleType::Header, CompareType::EqualTo, None, "x", "RULE_KEY_MISSING"),
            (RuleType::Cookie, CompareType::EqualTo, Some("a b"), "x", "BAD_RULE_KEY"),
            (RuleType::SslVerifyResult, CompareType::EqualTo, Some("k"), "1", "RULE_KEY_SUPERFLUOUS"),
            (RuleType::Path, CompareType::EqualTo, None, "", "RULE_VALUE_MISSING"),
            (RuleType::Path, CompareType::EqualTo, None, "/a b", "BAD_RULE_VALUE"),
            (RuleType::Path, CompareType::Regex, None, "a\nb", "BAD_RULE_VALUE"),
            (RuleType::Path, CompareType::Regex, None, "[a-", "BAD_EXPRESSION"),
            (RuleType::SslConnHasCert, CompareType::EqualTo, None, "False", "BAD_RULE_VALUE"),
        ] {
            let fault = rule(rule_type, compare_type, key, value).check().unwrap_err();
            assert!(matches!(fault.facts(), Facts::Balancing(_)));
            assert_eq!(fault.told()["fact"], expected, "{rule_type:?} {value}");
        }
    }
}

//! Providers: the names that users see, and the drivers behind them.

use crate::fault::{Fault, Missing};

/// A name that users choose, and the driver that serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// In lower case.
    pub name: String,
    pub driver: String,
    pub default: bool,
}

/// The provider of this name, in any case; an empty name is the default provider's.
///
/// # Errors
/// When there is none.
pub fn find<'a>(providers: &'a [Provider], name: Option<&str>) -> Result<&'a Provider, Fault> {
    match name {
        None => providers.iter().find(|provider| provider.default).ok_or_else(|| Missing::DefaultProvider.into()),
        Some(name) => providers
            .iter()
            .find(|provider| provider.name == name.to_lowercase())
            .ok_or_else(|| Missing::Provider { provider: name.to_owned() }.into()),
    }
}

//! What users write on objects, and when objects were made and changed.

use crate::{
    check,
    fault::{Fault, Reason},
    time::Timestamp,
};

/// Tags and times of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// Each once, in the order in which they were given.
    pub tags: Vec<String>,
    pub created_at: Timestamp,
    /// None: not changed since.
    pub updated_at: Option<Timestamp>,
}

/// How many tags an object may have.
pub const MOST_TAGS: usize = 100;

/// Tags as they are kept: what is there twice is there once.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField)
pub fn tags(given: Vec<String>) -> Result<Vec<String>, Fault> {
    let mut tags: Vec<String> = Vec::with_capacity(given.len());
    for tag in given {
        let tag = check::text("tags", tag, check::MAX_TEXT)?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
        if tags.len() > MOST_TAGS {
            let most = u32::try_from(MOST_TAGS).unwrap_or(u32::MAX);
            return Err(Fault::invalid_field("tags", Reason::TooManyEntries { most }));
        }
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_is_given_twice_is_there_once() {
        let given = ["b", "a", "b", ""].map(str::to_owned).to_vec();
        assert_eq!(tags(given).unwrap(), ["b", "a", ""]);
        assert!(tags(vec!["x".repeat(256)]).is_err());
        assert!(tags((0..=MOST_TAGS).map(|number| number.to_string()).collect()).is_err());
    }
}

//! The page of what runs, on disk beside its text: who looks at a process has not rendered what it was started with.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::Page;
use crate::{
    failure::{Failure, Step},
    files::{Files, write_renamed},
};

#[derive(Serialize, Deserialize)]
struct Kept<P> {
    /// Digest of the text. Between the moments in which the text and the page are replaced the process may end.
    of: u64,
    page: P,
}

/// The page of this text. `None`: there is none, or it is another's, or it cannot be understood; all mean "unknown".
pub(crate) fn read(files: &Files, text: &str) -> Option<Page> {
    let of = |path: PathBuf| -> Option<Page> {
        let kept: Kept<Page> = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        (kept.of == digest(text)).then_some(kept.page)
    };
    of(files.page()).or_else(|| of(files.next_page()))
}

/// Before this text is the present one: who looks at it finds its page from the first moment on.
pub(crate) fn prepare(files: &Files, page: &Page, text: &str) -> Result<(), Failure> {
    write_to(&files.next_page(), page, text)
}

pub(crate) fn write(files: &Files, page: &Page, text: &str) -> Result<(), Failure> {
    write_to(&files.page(), page, text)
}

fn write_to(path: &Path, page: &Page, text: &str) -> Result<(), Failure> {
    let what = || format!("write {}", path.display());
    let kept = Kept { of: digest(text), page };
    let bytes = serde_json::to_vec(&kept).map_err(io::Error::other).step(what)?;
    write_renamed(path, &bytes, 0o600).step(what)
}

/// Of another build it may be another number: then the page is unknown, and is written again.
fn digest(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use ballast_abi::Protocol;

    use super::*;
    use crate::samples;

    #[test]
    fn a_page_is_believed_for_its_own_text_only() {
        let directory = tempfile::tempdir().unwrap();
        let files = Files::of(directory.path(), "one");
        files.make(None).unwrap();
        assert_eq!(read(&files, "text"), None);
        let page = samples::page(&samples::load_balancer(Protocol::Http));
        write(&files, &page, "text").unwrap();
        assert_eq!(read(&files, "text"), Some(page));
        assert_eq!(read(&files, "another"), None);
        let next = Page { generation: 2, ..read(&files, "text").unwrap() };
        prepare(&files, &next, "another").unwrap();
        assert_eq!((read(&files, "text").unwrap().generation, read(&files, "another")), (0, Some(next)));
        fs::write(files.page(), "{\"of\"").unwrap();
        assert_eq!(read(&files, "text"), None);
    }
}

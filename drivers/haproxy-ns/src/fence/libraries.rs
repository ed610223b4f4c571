//! What of the machine's libraries haproxy is linked with: it may have been built elsewhere, with libraries of its own.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Libraries {
    pub(super) files: Vec<PathBuf>,
    /// What the kernel executes in its place, which loads it.
    pub(super) loaders: Vec<PathBuf>,
}

impl Libraries {
    /// Asks the loader, as `ldd` does. A program that has none says its version, and needs no libraries.
    pub(super) fn of(program: &Path) -> Self {
        let mut command = Command::new(program);
        command.arg("-v").env_clear().env("LD_TRACE_LOADED_OBJECTS", "1");
        let said = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
        said.map(|said| Self::said(&String::from_utf8_lossy(&said.stdout))).unwrap_or_default()
    }

    /// `name => path (address)`, and of the loader the path alone.
    fn said(text: &str) -> Self {
        let mut libraries = Self::default();
        for line in text.lines() {
            let Some((object, _address)) = line.trim().rsplit_once(" (0x") else { continue };
            match object.split_once(" => ") {
                Some((_name, path)) if path.starts_with('/') => libraries.files.push(path.into()),
                None if object.starts_with('/') => libraries.loaders.push(object.into()),
                Some(_) | None => {}
            }
        }
        libraries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_the_loader_are_told_apart_and_what_is_no_file_is_neither() {
        let said = "\tlinux-vdso.so.1 (0x00007ff04ffe8000)\n\
                    \tlibcrypt.so.1 => /lib/x86_64-linux-gnu/libcrypt.so.1 (0x00007ff04ff9b000)\n\
                    \tlibgone.so.1 => not found\n\
                    \tlibown.so.1 => /opt/a folder/libown.so.1 (0x00007ff04ff9b000)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007ff04ffea000)\n\
                    HAProxy version 2.6.12 - https://haproxy.org/\n";
        let libraries = Libraries::said(said);
        assert_eq!(
            libraries.files,
            ["/lib/x86_64-linux-gnu/libcrypt.so.1", "/opt/a folder/libown.so.1"].map(PathBuf::from)
        );
        assert_eq!(libraries.loaders, ["/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from));
    }

    #[test]
    fn a_program_is_asked_for_its_own() {
        let libraries = Libraries::of(&std::env::current_exe().unwrap());
        assert_eq!(libraries.loaders.len(), 1, "{libraries:?}");
        assert!(libraries.files.iter().any(|path| path.to_string_lossy().contains("libc.so")), "{libraries:?}");
    }
}

//! Certificates, made by `ballast pki`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::programs;

/// A CA in a directory.
#[derive(Debug, Clone)]
pub struct Pki(PathBuf);

impl Pki {
    /// # Panics
    /// When the command fails.
    #[must_use]
    pub fn init(directory: &Path) -> Self {
        run(Command::new(programs::built("ballast")).args(["pki", "init"]).arg(directory));
        Self(directory.to_owned())
    }

    /// The same CA in another directory, with room for other certificates of the same names.
    ///
    /// # Panics
    /// When it cannot be copied.
    #[must_use]
    pub fn copy(&self, directory: &Path) -> Self {
        fs::create_dir_all(directory).expect("a directory");
        for file in ["ca.pem", "ca.key"] {
            fs::copy(self.0.join(file), directory.join(file)).expect("a copy");
        }
        Self(directory.to_owned())
    }

    /// Issues, by the rest of the command's line.
    ///
    /// # Panics
    /// When the command fails.
    pub fn issue(&self, arguments: &str) {
        self.run(&format!("issue {arguments}"));
    }

    /// Another of the command's verbs, by the rest of its line.
    ///
    /// # Panics
    /// When the command fails.
    pub fn run(&self, line: &str) {
        run(Command::new(programs::built("ballast"))
            .arg("pki")
            .args(line.split_whitespace())
            .arg("--dir")
            .arg(&self.0));
    }

    /// The copies of what was issued under a name.
    ///
    /// # Panics
    /// When they cannot be listed.
    #[must_use]
    pub fn issued(&self, name: &str) -> Vec<String> {
        let entries =
            fs::read_dir(self.0.join("issued")).expect("a folder").map(|entry| entry.expect("an entry").path());
        let paths = entries.map(|path| path.display().to_string());
        paths.filter(|path| path.contains(&format!("/{name}."))).collect()
    }

    /// The path of one of its files.
    #[must_use]
    pub fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

fn run(command: &mut Command) {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

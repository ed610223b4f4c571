//! What the shell and `man` are told of this command, made from its grammar.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

use clap::{Args, CommandFactory as _, ValueEnum};

use crate::{arguments::Arguments, complete, exit::Exit, failure::Failure, output};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, Args)]
pub(crate) struct Completion {
    /// Whose: `source <(ballast completion bash)`
    shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// A folder that gets a page for each command; without it the first page is printed
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// # Errors
/// When stdout cannot be written.
pub(crate) fn completion(completion: &Completion) -> Result<Exit, Failure> {
    output::text(&complete::script(completion.shell).map_err(Failure::Output)?).map(|()| Exit::Done)
}

/// # Errors
/// When a page cannot be written.
pub(crate) fn man(man: &Man) -> Result<Exit, Failure> {
    let Some(folder) = &man.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Arguments::command()).render(&mut page).map_err(Failure::Output)?;
        return output::text(&String::from_utf8_lossy(&page)).map(|()| Exit::Done);
    };
    let refuse = |error: io::Error| Failure::File { path: folder.clone(), error };
    fs::create_dir_all(folder).map_err(refuse)?;
    let mut command = Arguments::command();
    command.build();
    pages(&command, "ballast", &mut |name, page| {
        fs::File::create(folder.join(format!("{name}.1"))).and_then(|mut file| file.write_all(page))
    })
    .map_err(refuse)?;
    Ok(Exit::Done)
}

/// A page for the command and for each below it that is shown in the help.
fn pages(command: &clap::Command, name: &str, write: &mut impl FnMut(&str, &[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut page = Vec::new();
    let shown = command.clone().disable_help_subcommand(true);
    clap_mangen::Man::new(shown).render(&mut page)?;
    write(name, &page)?;
    for below in command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help") {
        pages(below, &format!("{name}-{}", below.get_name()), write)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_its_options() {
        let mut names = Vec::new();
        let mut command = Arguments::command();
        command.build();
        pages(&command, "ballast", &mut |name, page| {
            let text = String::from_utf8_lossy(page).into_owned();
            assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{name}: {text}");
            names.push(name.to_owned());
            Ok(())
        })
        .unwrap();
        for name in
            ["ballast", "ballast-load-balancers", "ballast-load-balancers-create", "ballast-l7policies-rules-set"]
        {
            assert!(names.iter().any(|known| known == name), "{name} has no page");
        }
        assert!(names.iter().all(|name| !name.contains("inside")), "{names:?}");
    }
}

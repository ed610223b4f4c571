//! A service's page of the manual, from its own grammar.

use std::io;

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use crate::process::EXIT_CONFIG;

/// # Errors
/// Never: it is written to memory.
pub(crate) fn page(command: Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let man = Man::new(command).section("8").manual("Ballast");
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    rest().to_writer(&mut page)?;
    Ok(page)
}

/// What is the same of all services.
fn rest() -> Roff {
    let mut rest = Roff::new();
    rest.control("SH", ["EXIT STATUS"]);
    let config = EXIT_CONFIG.to_string();
    for (status, meaning) in [
        ("0", "It has ended as it was told to."),
        ("1", "It could not start or go on."),
        (&config, "The configuration is bad."),
    ] {
        rest.control("TP", []).text([bold(status)]).text([roman(meaning)]);
    }
    rest.control("SH", ["FILES"]).control("TP", []).text([bold("/etc/ballast/ballast.toml")]);
    rest.text([roman("The configuration that its unit names; see ballast.toml(5).")]);
    rest.control("SH", ["SEE ALSO"]).text([roman("ballast(1), ballast.toml(5)")]);
    rest
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command};

    use super::*;

    #[test]
    fn a_page_has_the_options_and_where_the_configuration_is() {
        let command = crate::process::Arguments::augment_args(Command::new("ballast-x")).about("Does x");
        let page = String::from_utf8(page(command).unwrap()).unwrap();
        for part in [
            ".TH ballast-x 8",
            "ballast\\-x \\- Does x",
            "\\-\\-check\\-config",
            ".SH \"EXIT STATUS\"\n",
            "\\fB78\\fR",
            "ballast.toml(5)",
        ] {
            assert!(page.contains(part), "{part} is not in:\n{page}");
        }
    }
}

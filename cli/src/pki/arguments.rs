//! The grammar of `ballast pki`.

use std::{net::IpAddr, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum Pki {
    /// Make a CA: DIR/ca.pem and DIR/ca.key
    Init {
        dir: PathBuf,
        /// How long it is good
        #[arg(long, default_value_t = 3650)]
        days: u32,
    },
    /// Make a key and a certificate of one process
    Issue(Issue),
    /// Make a new key and certificate in the place of NAME's, for the same names
    Renew {
        /// As its files are called: agent-host-1
        name: String,
        /// Where the CA is, and the certificate
        #[arg(long, env = "BALLAST_PKI", default_value = "pki")]
        dir: PathBuf,
        /// How long it is good; without it, as long as the one before
        #[arg(long)]
        days: Option<u32>,
    },
    /// Take certificates back: DIR/crl.pem says which, and every process reads it again
    Revoke {
        /// All that were issued for a name, as agent-host-1, or a certificate's file, by a path with a slash
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
        /// Where the CA is
        #[arg(long, env = "BALLAST_PKI", default_value = "pki")]
        dir: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Issue {
    #[arg(value_enum)]
    pub(crate) role: Role,
    /// Where the CA is, and where the certificate goes
    #[arg(long, env = "BALLAST_PKI", default_value = "pki")]
    pub(crate) dir: PathBuf,
    /// The agent's host, as its agent.host says
    #[arg(long, required_if_eq("role", "agent"))]
    pub(crate) host: Option<String>,
    /// The project that a client is a member of; without it, the client is admin
    #[arg(long)]
    pub(crate) project: Option<String>,
    /// A name that the server is reached by; without --dns and --ip: localhost. A gateway or an agent is a server with one of
    /// these only, of its metrics
    #[arg(long)]
    pub(crate) dns: Vec<String>,
    /// An address that the server is reached by
    #[arg(long)]
    pub(crate) ip: Vec<IpAddr>,
    /// How long it is good; without it, an agent's for 90 days, others for 365
    #[arg(long)]
    days: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    Gateway,
    Scheduler,
    /// The agent of one host
    Agent,
    /// Who calls the scheduler's gRPC
    Client,
    /// The REST side of a gateway, for gateway.tls_cert
    Rest,
    /// Who reads the metrics of other machines
    Metrics,
}

impl Issue {
    /// An agent's is shorter: there are many, on hosts that run tenants' traffic.
    pub(crate) fn days(&self) -> u32 {
        self.days.unwrap_or(if self.role == Role::Agent { 90 } else { 365 })
    }

    /// What the certificate's files are called.
    ///
    /// # Errors
    /// When an option does not fit the role, or a name cannot be a part of a URI and of a file's name.
    pub(crate) fn name(&self) -> Result<String, String> {
        let only = |option: &str, role: &str| Err(format!("{option} is for the role {role}"));
        match (self.role, &self.host, &self.project) {
            (Role::Agent, Some(host), None) => Ok(format!("agent-{}", plain("--host", host)?)),
            (Role::Client, None, Some(project)) => Ok(format!("client-{}", plain("--project", project)?)),
            (Role::Agent, None, _) => Err("an agent's certificate names its host: --host".to_owned()),
            (_, Some(_), _) => only("--host", "agent"),
            (_, _, Some(_)) => only("--project", "client"),
            (Role::Gateway, ..) => Ok("gateway".to_owned()),
            (Role::Scheduler, ..) => Ok("scheduler".to_owned()),
            (Role::Client, ..) => Ok("client".to_owned()),
            (Role::Rest, ..) => Ok("rest".to_owned()),
            (Role::Metrics, ..) => Ok("metrics".to_owned()),
        }
    }

    /// What says the role; REST has none.
    pub(crate) fn uri(&self) -> Option<String> {
        let path = match (self.role, &self.host, &self.project) {
            (Role::Rest, ..) => return None,
            (Role::Agent, host, _) => format!("agent/{}", host.as_deref().unwrap_or_default()),
            (Role::Client, _, Some(project)) => format!("client/{project}"),
            (Role::Client, ..) => "client".to_owned(),
            (Role::Gateway, ..) => "gateway".to_owned(),
            (Role::Scheduler, ..) => "scheduler".to_owned(),
            (Role::Metrics, ..) => "metrics".to_owned(),
        };
        Some(format!("spiffe://ballast/{path}"))
    }
}

fn plain<'a>(option: &str, name: &'a str) -> Result<&'a str, String> {
    let fine = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    if !name.is_empty() && !name.starts_with('.') && name.chars().all(fine) {
        return Ok(name);
    }
    Err(format!("{option} '{name}': letters, digits, dots, dashes and underscores only"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue(role: Role, host: Option<&str>, project: Option<&str>) -> Issue {
        Issue {
            role,
            dir: PathBuf::new(),
            host: host.map(str::to_owned),
            project: project.map(str::to_owned),
            dns: Vec::new(),
            ip: Vec::new(),
            days: None,
        }
    }

    #[test]
    fn the_uri_says_the_role_and_a_name_cannot_break_out_of_it() {
        let agent = issue(Role::Agent, Some("host-1.example"), None);
        assert_eq!(agent.name().as_deref(), Ok("agent-host-1.example"));
        assert_eq!(agent.uri().as_deref(), Some("spiffe://ballast/agent/host-1.example"));
        assert_eq!(issue(Role::Client, None, Some("p")).uri().as_deref(), Some("spiffe://ballast/client/p"));
        assert_eq!(issue(Role::Rest, None, None).uri(), None);
        assert_eq!(issue(Role::Metrics, None, None).uri().as_deref(), Some("spiffe://ballast/metrics"));
        for (role, host, project) in [
            (Role::Agent, None, None),
            (Role::Agent, Some("../ca"), None),
            (Role::Agent, Some("a/b"), None),
            (Role::Gateway, Some("a"), None),
            (Role::Gateway, None, Some("p")),
            (Role::Client, None, Some("p/../../gateway")),
        ] {
            assert!(issue(role, host, project).name().is_err(), "{role:?} {host:?} {project:?}");
        }
    }
}

//! What the database itself can do: one row after the other, with durable commits, by as many clients as create members.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::{Outcome, postgres::Server, report};

const CLIENTS: &str = "16";
const THREADS: &str = "2";
const SECONDS: &str = "5";
const TABLE: &str = "CREATE TABLE inserted (id uuid PRIMARY KEY, body text NOT NULL)";
const INSERT: &str = "INSERT INTO inserted VALUES (gen_random_uuid(), repeat('x', 300));\n";
const AIM: &str = "0.2 or more";

/// Rows inserted per second.
fn inserts(server: &Server) -> Outcome<f64> {
    server.sql(TABLE)?;
    let script = server.directory().join("insert.sql");
    std::fs::write(&script, INSERT)?;
    let mut pgbench = server.client("pgbench");
    pgbench.args(["--no-vacuum", "--protocol=prepared", "--client", CLIENTS, "--jobs", THREADS, "--time", SECONDS]);
    let output = pgbench.arg("--file").arg(&script).arg("postgres").output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let per_second = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    server.sql("DROP TABLE inserted")?;
    per_second.ok_or_else(|| format!("pgbench: {said}{}", String::from_utf8_lossy(&output.stderr)).into())
}

/// Members created per second against rows inserted.
pub(crate) fn against(server: &Server, created: f64) -> Outcome<Value> {
    let inserted = inserts(server)?;
    println!("{inserted:.0} rows inserted per second by pgbench, {CLIENTS} clients");
    report::ratio("members created per row inserted", created / inserted, AIM);
    Ok(json!({ "inserted_per_second": inserted, "ratio": created / inserted }))
}

impl Server {
    /// Runs a statement.
    fn sql(&self, statement: &str) -> Outcome<()> {
        let output = self.client("psql").args(["--quiet", "--command", statement, "postgres"]).output()?;
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
    }

    /// A program of the server's package, as a client of it.
    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs().join(program));
        command.env("PGHOST", self.directory()).env("PGUSER", crate::postgres::USER).stdin(Stdio::null());
        command
    }
}

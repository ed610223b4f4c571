//! This program once more, on a host of the lab: it is told by lines on stdin what to do and says on stdout how that
//! went. It is started before the clock is.

use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio},
    time::Instant,
};

use ballast_lab::Host;
use serde_json::{Value, json};

use crate::Outcome;

/// The bench's side: one that waits for orders.
pub(crate) struct Worker {
    name: &'static str,
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    /// `host`: where; none: in the lab's own namespaces. `name` is the first word on its command line.
    pub(crate) fn start(host: Option<&Host>, name: &'static str, arguments: &[&str]) -> Outcome<Self> {
        let program = env::current_exe()?;
        let mut command = host.map_or_else(|| Command::new(&program), |host| host.command(&program));
        command.arg(name).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let orders = process.stdin.take().ok_or_else(|| format!("the {name} has no stdin"))?;
        let answers = process.stdout.take().ok_or_else(|| format!("the {name} has no stdout"))?;
        Ok(Self { name, process, orders, answers: BufReader::new(answers) })
    }

    /// Has it begin; [`Worker::end`] says when it is done.
    pub(crate) fn begin(&mut self, order: &Value) -> Outcome<()> {
        Ok(self.orders.write_all(format!("{order}\n").as_bytes())?)
    }

    /// Waits until the last order is done: what came of it, and in `milliseconds` how long it took.
    pub(crate) fn end(&mut self) -> Outcome<Value> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line).map_err(|_| format!("the {} ended: {line}", self.name))?;
        match &answer["failed"] {
            Value::Null => Ok(answer),
            failed => Err(format!("the {}: {failed}", self.name).into()),
        }
    }

    pub(crate) fn call(&mut self, order: &Value) -> Outcome<Value> {
        self.begin(order)?;
        self.end()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The lab's end would end it too.
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// How long an order took.
pub(crate) fn milliseconds(answer: &Value) -> f64 {
    answer["milliseconds"].as_f64().unwrap_or(f64::NAN)
}

/// The worker's own side: carries out orders until stdin ends. What `work` returns is an object.
pub(crate) fn obey(mut work: impl FnMut(&Value) -> Outcome<Value>) -> Outcome<ExitCode> {
    for line in io::stdin().lines() {
        let order: Value = serde_json::from_str(&line?)?;
        let start = Instant::now();
        let answer = match work(&order) {
            Ok(mut answer) => {
                answer["milliseconds"] = json!(start.elapsed().as_secs_f64() * 1e3);
                answer
            }
            Err(error) => json!({ "failed": error.to_string() }),
        };
        println!("{answer}");
    }
    Ok(ExitCode::SUCCESS)
}

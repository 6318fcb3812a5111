//! Other processes of this same binary, for commands that show or measure it as it is shipped.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;

/// A running `statehouse`, in the same process group; it is killed with the value.
#[derive(Debug)]
pub struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Process {
    /// Starts this binary with these words over a database; what it prints is not read.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start<N: AsRef<str>, V: AsRef<str>>(database_url: &str, words: &[&str], environment: &[(N, V)]) -> std::io::Result<Process> {
        Ok(Process(command(database_url, words, environment)?.stdout(Stdio::null()).spawn()?))
    }

    /// The same with `--json`, once it has printed a value in which `read` finds what the caller waits for.
    ///
    /// # Errors
    /// When it ends before that; with everything it printed.
    pub fn start_and_hear<N: AsRef<str>, V: AsRef<str>, T>(
        database_url: &str,
        words: &[&str],
        environment: &[(N, V)],
        read: impl Fn(&Value) -> Option<T>,
    ) -> std::io::Result<(Process, T)> {
        let mut command = command(database_url, words, environment)?;
        let mut process = Process(command.arg("--json").stdout(Stdio::piped()).spawn()?);
        let mut said = String::new();
        let lines = process.0.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines);
        for line in lines.map_while(Result::ok) {
            said.push_str(&line);
            if let Some(found) = serde_json::from_str(&said).ok().as_ref().and_then(&read) {
                return Ok((process, found));
            }
        }
        Err(std::io::Error::other(format!("it ended after it said `{said}`")))
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn ended(&mut self) -> std::io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }

    /// The number the system knows it by.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Ends it by SIGKILL, in the middle of whatever it does.
    pub fn kill(&mut self) {
        // It may have ended by itself, and there is nobody to tell.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command<N: AsRef<str>, V: AsRef<str>>(database_url: &str, words: &[&str], environment: &[(N, V)]) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--database-url", database_url]).args(words).stdin(Stdio::null());
    command.envs(environment.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
    Ok(command)
}

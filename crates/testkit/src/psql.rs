//! Running the real psql, which first has to say who it is.

use std::io::{PipeWriter, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use statehouse_postgres::{PORT, SUPERUSER};

use crate::asker;

/// Printed by psql once it has proved who it is; what follows belongs to the script.
const PROVEN: &str = "testkit: proven";
const STATEMENT_MS_MAX: u32 = 300_000;
const DROP_MS_MAX: u32 = 30_000;

/// How much psql says about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Severity and message.
    Terse,
    /// And detail, hint, context.
    Default,
    /// And the code, the place in the server's source.
    Verbose,
    /// Severity and code alone.
    Sqlstate,
}

/// What a psql run printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PsqlRun {
    /// Rows, tags, echoes.
    pub stdout: String,
    /// Errors, notices.
    pub stderr: String,
    /// 0 when the script ran to its end, also past errors; 2 lost the connection, 3 stopped at an error because the script asked for that.
    pub status: i32,
}

impl PsqlRun {
    /// The output of a script in which nothing was refused.
    ///
    /// # Panics
    /// When psql failed or printed an error.
    #[track_caller]
    pub fn ok(&self) -> &str {
        let refused = self.stderr.lines().any(|line| ["ERROR:", "FATAL:", "PANIC:"].iter().any(|word| line.contains(word)));
        assert!(self.status == 0 && !refused, "psql ended with {}:\n{}{}", self.status, self.stdout, self.stderr);
        &self.stdout
    }
}

/// Where psql connects to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) psql: &'a Path,
    pub(crate) socket_dir: &'a Path,
    pub(crate) database: &'a str,
}

/// As whom.
#[derive(Debug)]
pub(crate) enum Asker<'a> {
    Unprivileged(&'a str),
    Superuser,
}

/// Runs `script` to its end and returns both outputs.
#[track_caller]
pub(crate) fn run(target: &Target<'_>, asker: &Asker<'_>, verbosity: Verbosity, script: &str) -> PsqlRun {
    let mut command = command(target, asker, STATEMENT_MS_MAX);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = feed(command, format!("{}{script}\n", prelude(asker, verbosity)));
    match run.stdout.split_once(&format!("{PROVEN}\n")) {
        Some(("", stdout)) => PsqlRun { stdout: stdout.to_owned(), ..run },
        _ => panic!("psql did not prove that it asks as {asker:?}:\n{}{}", run.stdout, run.stderr),
    }
}

/// The bare output of one statement that must succeed: rows as lines, columns split by `|`.
#[track_caller]
pub(crate) fn value(target: &Target<'_>, asker: &Asker<'_>, statement: &str) -> String {
    let script = format!("\\set QUIET on\n\\t on\n\\a\n{statement}\n;\n");
    run(target, asker, Verbosity::Default, &script).ok().trim_end_matches('\n').to_owned()
}

/// Runs `script` with every line echoed, both outputs in one.
#[track_caller]
pub(crate) fn transcript(target: &Target<'_>, asker: &Asker<'_>, verbosity: Verbosity, script: &str) -> String {
    let (mut reader, writer) = std::io::pipe().unwrap_or_else(|cause| panic!("no pipe: {cause}"));
    let mut command = command(target, asker, STATEMENT_MS_MAX);
    let clone = |writer: &PipeWriter| writer.try_clone().unwrap_or_else(|cause| panic!("no pipe: {cause}"));
    command.stdout(clone(&writer)).stderr(writer);
    let script = format!("{}\\set ECHO all\n{script}\n", prelude(asker, verbosity));
    let reading = thread::spawn(move || {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map(|_| String::from_utf8_lossy(&bytes).into_owned())
    });
    feed(command, script);
    let read = reading.join().unwrap_or_else(|_| panic!("the reader panicked"));
    let all = read.unwrap_or_else(|cause| panic!("psql's output was lost: {cause}"));
    match all.split_once(&format!("{PROVEN}\n")) {
        Some(("", text)) => text.to_owned(),
        _ => panic!("psql did not prove that it asks as {asker:?}:\n{all}"),
    }
}

/// Drops a database with its connections; why not, where it could not.
pub(crate) fn drop_database(target: &Target<'_>, database: &str) -> Result<(), String> {
    let mut command = command(target, &Asker::Superuser, DROP_MS_MAX);
    command.args(["--quiet", "--command"]).arg(format!("drop database if exists {} with (force)", asker::name(database)));
    let output = command.stdin(Stdio::null()).output().map_err(|cause| cause.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn command(target: &Target<'_>, asker: &Asker<'_>, statement_ms_max: u32) -> Command {
    let role = match asker {
        Asker::Unprivileged(role) => role,
        Asker::Superuser => SUPERUSER,
    };
    let mut command = Command::new(target.psql);
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"PG") {
            command.env_remove(name);
        }
    }
    command.env("PGCONNECT_TIMEOUT", "20").env("PGOPTIONS", format!("-c statement_timeout={statement_ms_max}"));
    command.env("LC_ALL", "C").env("PGCLIENTENCODING", "UTF8").args(["--no-psqlrc", "--no-password", "--username", role]);
    command.arg("--host").arg(target.socket_dir).args(["--port", &PORT.to_string(), "--dbname", target.database]);
    command
}

/// Proves who asks, quietly, and stops at once if that fails; the script itself starts with psql's own defaults.
fn prelude(asker: &Asker<'_>, verbosity: Verbosity) -> String {
    let check = match asker {
        Asker::Unprivileged(role) => asker::unprivileged(role),
        Asker::Superuser => asker::superuser(),
    };
    let verbosity = match verbosity {
        Verbosity::Terse => "terse",
        Verbosity::Default => "default",
        Verbosity::Verbose => "verbose",
        Verbosity::Sqlstate => "sqlstate",
    };
    format!(
        "\\set QUIET on\n\\set ON_ERROR_STOP on\n{check}\n\\echo '{PROVEN}'\n\
         \\set ON_ERROR_STOP off\n\\set QUIET off\n\\set VERBOSITY {verbosity}\n"
    )
}

#[track_caller]
fn feed(mut command: Command, script: String) -> PsqlRun {
    let spawned = command.stdin(Stdio::piped()).spawn();
    // Our copies of the output pipes close here, so that readers see the end.
    let program = command.get_program().to_owned();
    drop(command);
    let mut child = spawned.unwrap_or_else(|cause| panic!("could not run `{}`: {cause}", program.display()));
    let stdin = child.stdin.take();
    // A script longer than the pipe would block against unread output.
    let writing = thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(script.as_bytes())));
    let output = child.wait_with_output().unwrap_or_else(|cause| panic!("psql was lost: {cause}"));
    // psql may stop before it has read everything; its status and output say why.
    let _ = writing.join();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    PsqlRun { stdout: text(&output.stdout), stderr: text(&output.stderr), status: output.status.code().unwrap_or(-1) }
}

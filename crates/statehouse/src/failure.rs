//! How a command ends.

use std::process::ExitCode;

use statehouse_fault::{Code, Fault};
use statehouse_postgres::PostgresFault;
use statehouse_store::StoreFault;

/// The exit codes, stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: in order.
    Fine,
    /// 1: findings, or refused.
    Refused,
    /// 2: the plan has changes, where `--exit-code` asks for it.
    Changes,
    /// 3: a destructive step was not allowed.
    Destructive,
    /// 64: wrong usage.
    Usage,
    /// 69: the database cannot be reached.
    Unreachable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Fine => 0,
            Exit::Refused => 1,
            Exit::Changes => 2,
            Exit::Destructive => 3,
            Exit::Usage => 64,
            Exit::Unreachable => 69,
        })
    }
}

/// A command that ended early, and why.
#[derive(Debug)]
pub struct Failure {
    /// What is shown.
    pub fault: Box<Fault>,
    /// What was behind it, outermost first; shown as lines of their own.
    pub causes: Vec<String>,
    /// With which code the process ends.
    pub exit: Exit,
    /// It has been shown already, whole.
    pub shown: bool,
}

impl Failure {
    /// Wrong usage, with a sentence that says what is expected.
    pub fn usage(detail: impl Into<String>) -> Failure {
        Fault::new(statehouse_fault::SH1001, detail).into()
    }

    /// A fault of the list.
    pub fn new(code: &'static Code, detail: impl Into<String>) -> Failure {
        Fault::new(code, detail).into()
    }

    /// A file named on the command line that could not be read or written.
    pub fn file(doing: &str, path: &std::path::Path, cause: &std::io::Error) -> Failure {
        Fault::new(statehouse_fault::SH1001, format!("could not {doing} `{}`: {cause}", path.display())).with_help("check the path").into()
    }

    /// Adds what was behind it, where that says more than the fault itself.
    fn because(mut self, outermost: Option<&dyn std::error::Error>) -> Failure {
        let chain = std::iter::successors(outermost, |error| error.source());
        for cause in chain.map(ToString::to_string) {
            let said = self.fault.detail.contains(&cause) || self.causes.iter().any(|earlier| earlier.contains(&cause));
            if !said && cause != "db error" {
                self.causes.push(cause);
            }
        }
        self
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        let exit = match fault.code.code {
            "SH0001" | "SH0002" | "SH0003" | "SH0004" | "SH0005" | "SH0006" | "SH0007" | "SH0008" | "SH0010" => Exit::Unreachable,
            "SH0009" | "SH1001" => Exit::Usage,
            "SH3051" => Exit::Destructive,
            _ => Exit::Refused,
        };
        Failure { fault: Box::new(fault), causes: Vec::new(), exit, shown: false }
    }
}

impl From<StoreFault> for Failure {
    fn from(store: StoreFault) -> Failure {
        let mut failure = Failure::from(store.fault());
        // A refusal is its own reason, and an unreachable server names it already; only what failed has more behind it.
        if matches!(failure.fault.code.code, "SH5001" | "SH5007" | "SH9001") && !matches!(store, StoreFault::Refused(_)) {
            failure = failure.because(Some(&store));
        }
        failure
    }
}

impl From<PostgresFault> for Failure {
    fn from(postgres: PostgresFault) -> Failure {
        let code = Code::find(postgres.code()).unwrap_or(statehouse_fault::SH9001);
        Failure::from(Fault::new(code, postgres.to_string()).with_help(postgres.help())).because(std::error::Error::source(&postgres))
    }
}

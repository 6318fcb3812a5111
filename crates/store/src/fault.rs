//! What can go wrong between us and Postgres.

use statehouse_fault::{Code, Fault};

/// A fault of storage. `fault()` is what a person sees; the cause stays in `source()`.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// Postgres answered with an error, or the connection failed.
    #[error("{doing}")]
    Postgres {
        /// What we were doing, e.g. `applying the definition`.
        doing: String,
        /// What Postgres or the connection said.
        #[source]
        cause: tokio_postgres::Error,
    },
    /// The pool gave no connection.
    #[error("no connection as `{role}`")]
    Pool {
        /// The login role.
        role: String,
        /// Why.
        #[source]
        cause: Box<deadpool::managed::PoolError<tokio_postgres::Error>>,
    },
    /// Something this crate refuses by itself, ready to be shown.
    #[error("{0}")]
    Refused(Box<Fault>),
}

impl StoreFault {
    /// A refusal of our own.
    pub fn refused(code: &'static Code, detail: impl Into<String>) -> StoreFault {
        StoreFault::Refused(Box::new(Fault::new(code, detail)))
    }

    /// For `map_err`: says what was being done when Postgres failed.
    pub fn doing(what: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> StoreFault {
        let doing = what.into();
        move |cause| StoreFault::Postgres { doing, cause }
    }

    /// The fault as people see it.
    pub fn fault(&self) -> Fault {
        match self {
            StoreFault::Refused(fault) => (**fault).clone(),
            StoreFault::Postgres { cause, doing } => from_postgres(cause, doing),
            StoreFault::Pool { role, cause } => match &**cause {
                deadpool::managed::PoolError::Backend(cause) => from_postgres(cause, &format!("connecting as `{role}`")),
                other => Fault::new(statehouse_fault::SH5005, format!("no connection as `{role}`: {other}")),
            },
        }
    }

    /// The SQLSTATE, when Postgres gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            StoreFault::Postgres { cause, .. } => cause.code().map(|code| code.code()),
            _ => None,
        }
    }
}

impl From<tokio_postgres::Error> for StoreFault {
    fn from(cause: tokio_postgres::Error) -> StoreFault {
        StoreFault::Postgres { doing: "speaking to the database".into(), cause }
    }
}

impl From<Fault> for StoreFault {
    fn from(fault: Fault) -> StoreFault {
        StoreFault::Refused(Box::new(fault))
    }
}

fn from_postgres(cause: &tokio_postgres::Error, doing: &str) -> Fault {
    if let Some(error) = cause.as_db_error() {
        return Fault::from_sqlstate(error.code().code(), error.message(), error.detail(), error.hint());
    }
    let why = std::error::Error::source(cause).map_or_else(|| cause.to_string(), ToString::to_string);
    let code = if cause.is_closed() { statehouse_fault::SH5007 } else { statehouse_fault::SH0008 };
    Fault::new(code, format!("{doing}: {why}"))
}

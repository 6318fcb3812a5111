//! The server and the worker of the rehearsal: processes of their own, so that they can be killed.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use statehouse_fault::{SH0005, SH9001};
use tokio::net::TcpStream;

use crate::failure::Failure;
use crate::process::Process;

/// A server answers within this, or something is wrong.
const STARTS_WITHIN: Duration = Duration::from_secs(20);

/// A `statehouse serve` and a `statehouse work` that end with this value.
#[derive(Debug)]
pub struct Served {
    server: Process,
    worker: Process,
    how: How,
}

/// How the two are started.
#[derive(Debug)]
struct How {
    database_url: String,
    address: String,
    settings: Vec<(String, String)>,
}

impl Served {
    /// Starts both over the database and waits until the server answers.
    pub async fn start(database_url: &str, settings: Vec<(String, String)>) -> Result<Served, Failure> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(cannot)?;
        let how = How { database_url: database_url.to_owned(), address: free.to_string(), settings };
        let mut served = Served { server: how.server()?, worker: how.worker()?, how };
        served.answers().await?;
        Ok(served)
    }

    /// Where the server listens.
    pub fn address(&self) -> &str {
        &self.how.address
    }

    /// Ends both by SIGKILL, in the middle of whatever they do, and starts them again.
    pub async fn kill_and_restart(&mut self) -> Result<(), Failure> {
        self.server.kill();
        self.worker.kill();
        self.server = self.how.server()?;
        self.worker = self.how.worker()?;
        self.answers().await
    }

    async fn answers(&mut self) -> Result<(), Failure> {
        let began = Instant::now();
        while began.elapsed() < STARTS_WITHIN {
            for process in [&mut self.server, &mut self.worker] {
                if let Some(status) = process.ended().map_err(cannot)? {
                    return Err(Failure::new(SH0005, format!("the server or the worker of the rehearsal ended with {status}")));
                }
            }
            if TcpStream::connect(&self.how.address).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(Failure::new(SH0005, format!("`statehouse serve` does not answer at {}", self.how.address)))
    }
}

impl How {
    fn server(&self) -> Result<Process, Failure> {
        Process::start(&self.database_url, &["serve", "--listen", &self.address], &self.settings).map_err(cannot)
    }

    fn worker(&self) -> Result<Process, Failure> {
        Process::start(&self.database_url, &["work"], &self.settings).map_err(cannot)
    }
}

fn cannot(cause: std::io::Error) -> Failure {
    Failure::new(SH9001, format!("a process of the rehearsal: {cause}"))
}

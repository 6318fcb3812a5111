//! The server of the rehearsal: a process of its own, so that it can be killed.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use statehouse_fault::{SH0005, SH9001};
use tokio::net::TcpStream;

use crate::failure::Failure;

/// A server answers within this, or something is wrong.
const STARTS_WITHIN: Duration = Duration::from_secs(20);

/// A `statehouse serve` that ends with this value.
#[derive(Debug)]
pub struct Served {
    child: Child,
    database_url: String,
    address: String,
}

impl Served {
    /// Starts it over the database and waits until it answers.
    pub async fn start(database_url: &str) -> Result<Served, Failure> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(cannot)?;
        let address = free.to_string();
        let child = spawn(database_url, &address)?;
        let mut served = Served { child, database_url: database_url.to_owned(), address };
        served.answers().await?;
        Ok(served)
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Ends it by SIGKILL, in the middle of whatever it does, and starts it again at the same address.
    pub async fn kill_and_restart(&mut self) -> Result<(), Failure> {
        self.child.kill().map_err(cannot)?;
        self.child.wait().map_err(cannot)?;
        self.child = spawn(&self.database_url, &self.address)?;
        self.answers().await
    }

    async fn answers(&mut self) -> Result<(), Failure> {
        let began = Instant::now();
        while began.elapsed() < STARTS_WITHIN {
            if let Some(status) = self.child.try_wait().map_err(cannot)? {
                return Err(Failure::new(SH0005, format!("`statehouse serve` ended with {status}")));
            }
            if TcpStream::connect(&self.address).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(Failure::new(SH0005, format!("`statehouse serve` does not answer at {}", self.address)))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(database_url: &str, address: &str) -> Result<Child, Failure> {
    let binary = std::env::current_exe().map_err(cannot)?;
    Command::new(binary)
        .args(["--database-url", database_url, "serve", "--listen", address])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(cannot)
}

fn cannot(cause: std::io::Error) -> Failure {
    Failure::new(SH9001, format!("the rehearsal's server: {cause}"))
}

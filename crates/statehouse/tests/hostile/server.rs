//! The binary under attack, as a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// A running `statehouse serve`; it ends with the value.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
}

impl Server {
    /// Starts it over a database, with the settings as they come.
    pub fn start(database_url: &str) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_statehouse"))
            .args(["--json", "--database-url", database_url, "serve", "--listen", "127.0.0.1:0"])
            .env("STATEHOUSE_LOG__ACCESS", "false")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut said = String::new();
        for line in BufReader::new(child.stdout.take().expect("piped")).lines() {
            said.push_str(&line.expect("text"));
            if let Ok(value) = serde_json::from_str::<serde_json::Value>(&said) {
                let api = value["api"].as_str().and_then(|api| api.strip_prefix("http://")).expect("an address");
                return Server { address: api.parse().expect("an address"), child };
            }
        }
        panic!("it ended: {:?}\n{said}", child.wait());
    }

    /// Its number in the system.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory, as the system counts it.
    pub fn rss_kib(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("counted");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! The providers: a sandbox process of its own, whose log is the oracle.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::detour::stand_in;
use crate::facts::Call;
use crate::kill::Fault;
use crate::process::Process;

/// The three bare stand-ins, one of each class.
pub const NAMES: [&str; 3] = ["k", "q", "n"];

/// A running sandbox.
#[derive(Debug)]
pub struct Provider {
    process: Process,
    address: String,
    log: PathBuf,
    read: u64,
    calls: Vec<Call>,
    second: Option<Box<Provider>>,
}

impl Provider {
    /// Starts one whose log lies in `dir`.
    ///
    /// # Errors
    /// When it cannot be run.
    ///
    /// # Panics
    /// When it does not say where it listens.
    pub async fn start(program: &Path, dir: &Path) -> io::Result<Provider> {
        Provider::named(program, dir, "provider").await
    }

    async fn named(program: &Path, dir: &Path, name: &str) -> io::Result<Provider> {
        let log = dir.join(name).with_extension("log");
        let mut command = Command::new(program);
        command.args(["sandbox", "--listen", "127.0.0.1:0", "--log"]).arg(&log);
        let mut process = Process::spawn(command, &dir.join(name).with_extension("said"))?;
        let address = process.says(|line| Some(line.split_once("http://")?.1.split(['/', '"', ' ']).next()?.to_owned())).await;
        Ok(Provider { process, address, log, read: 0, calls: Vec::new(), second: None })
    }

    /// Starts others beside them, which know nothing of these: their calls count with the calls of these.
    ///
    /// # Errors
    /// As [`Provider::start`].
    ///
    /// # Panics
    /// As [`Provider::start`].
    pub async fn stand_in(&mut self, program: &Path, dir: &Path) -> io::Result<()> {
        self.second = Some(Box::new(Provider::named(program, dir, "second").await?));
        Ok(())
    }

    /// Where one of the stand-ins is reached.
    #[must_use]
    pub fn base(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// Where the other stand-in of that name is reached, if there is one.
    #[must_use]
    pub fn second_base(&self, name: &str) -> Option<String> {
        self.second.as_ref().map(|second| second.base(name))
    }

    /// Every call of the three so far, in the order of the log.
    ///
    /// # Panics
    /// When the log cannot be read.
    pub fn calls(&mut self) -> &[Call] {
        let new = self.unread().unwrap_or_default();
        // A line that is being written is none yet.
        let whole = new.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for line in new[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let call: Call = serde_json::from_slice(line).unwrap_or_else(|cause| panic!("{}: {cause}", String::from_utf8_lossy(line)));
            if NAMES.contains(&call.provider.as_str()) {
                self.calls.push(call);
            }
        }
        self.read += whole as u64;
        if let Some(second) = &mut self.second {
            second.calls();
            self.calls.extend(second.calls.drain(..).map(|call| Call { provider: stand_in(&call.provider), ..call }));
        }
        &self.calls
    }

    fn unread(&self) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.log)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut new = Vec::new();
        file.read_to_end(&mut new)?;
        Ok(new)
    }

    /// Turns a fault switch on.
    ///
    /// # Panics
    /// When the sandbox refuses.
    pub async fn fault(&self, switch: Value) {
        self.ask("PUT", "/_/faults", &switch).await;
    }

    /// Each of these misbehaves in every second call, drawn from a seed.
    ///
    /// # Panics
    /// When the sandbox refuses.
    pub async fn misbehave(&self, faults: &[(&str, Fault)], seed: u64) {
        let switch = |(provider, fault): &(&str, Fault)| {
            let mut switch = match fault {
                Fault::Hang => json!({ "mode": "accept_then_hang" }),
                Fault::Reset => json!({ "mode": "accept_then_reset" }),
                Fault::ResetBefore => json!({ "mode": "reset_before" }),
                Fault::Busy => json!({ "mode": "status", "status": 429, "retry_after": 30 }),
                Fault::Broken => json!({ "mode": "status", "status": 500 }),
                Fault::Away => json!({ "mode": "status", "status": 429 }),
            };
            switch["provider"] = json!(provider);
            switch["share"] = json!(0.5);
            switch["seed"] = json!(seed);
            switch
        };
        self.fault(faults.iter().map(switch).collect()).await;
    }

    /// A declaration is cleared at this moment; nobody is told.
    ///
    /// # Panics
    /// When the sandbox refuses.
    pub async fn clears(&self, order: &str, at: &str) {
        self.ask("PUT", "/_/clock", &json!({ "at": at })).await;
        self.ask("POST", "/_/hook", &json!({ "provider": "customs", "type": "declaration.cleared", "with": { "order": order } })).await;
    }

    /// Customs tell what happens to `url`, and tell it again every 100 milliseconds until they are thanked.
    ///
    /// # Panics
    /// When the sandbox refuses.
    pub async fn tells(&self, url: &str, secret: &str) {
        let target = json!({ "customs": { "url": url, "secret": secret, "retry_ms": vec![100; 300], "timeout_ms": 2000 } });
        self.ask("PUT", "/_/hooks", &target).await;
    }

    /// A declaration is cleared, which whoever is told will be told in a moment.
    ///
    /// # Panics
    /// When the sandbox refuses.
    pub async fn clears_and_tells(&self, order: &str) {
        let wish = json!({ "provider": "customs", "type": "declaration.cleared", "with": { "order": order }, "later": true });
        self.ask("POST", "/_/hook", &wish).await;
    }

    /// Turns every fault switch off.
    ///
    /// # Panics
    /// When the sandbox refuses.
    pub async fn behave(&self) {
        self.ask("DELETE", "/_/faults", &json!({})).await;
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) {
        let body = body.to_string();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let answered = tokio::time::timeout(Duration::from_secs(20), async {
            let mut stream = TcpStream::connect(&self.address).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            io::Result::Ok(answer)
        });
        let answer = answered.await.unwrap_or_else(|_| panic!("{method} {path}: no answer\n{}", self.process.said()));
        let answer = answer.unwrap_or_else(|cause| panic!("{method} {path}: {cause}"));
        assert!(answer.starts_with("HTTP/1.1 2"), "{method} {path} {body}: {answer}");
    }
}

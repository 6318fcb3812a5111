//! Whoever sends, over as many connections as it takes. An open loop: each message is due at its time whatever became of
//! those before it, and is counted from when it was due.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use statehouse_store::subscription::{self, Secret};
use tokio::time::Instant;

use crate::commands::bench::http::Face;
use crate::failure::Failure;
use crate::private;

/// The source of the app that is sent to.
pub const SOURCE: &str = "customs";
const SECRET: &str = "customs_hook";

/// A message to come.
#[derive(Clone, Debug)]
pub struct Letter {
    /// By what it is known.
    pub id: String,
    /// What it says.
    pub body: Value,
    /// Whether it is signed as its sender would.
    pub signed: bool,
}

/// When each was answered after it was due, the soonest first, and how late the sender was.
pub struct Ran {
    pub took: Vec<Duration>,
    pub sender_late: Duration,
}

/// Whoever sends to one address.
pub struct Sender {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    secret: Secret,
}

impl Sender {
    /// One that sends to the address of this token, from a network address of its own on the same machine.
    pub fn new(face: &Face, token: &str, secret: &Secret, from: Ipv4Addr) -> Sender {
        let mut connector = HttpConnector::new();
        connector.set_local_address(Some(from.into()));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Sender { client, url: format!("http://{}/v1/in/{token}", face.address()), secret: secret.clone() }
    }

    /// Sends it.
    ///
    /// # Errors
    /// When it is answered otherwise than it should be: 200, or where it was not signed 401, and 429 once there were many.
    pub async fn send(&self, letter: &Letter) -> Result<(), Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let body = letter.body.to_string();
        let over = if letter.signed { body.as_bytes() } else { b"something else" };
        let signed = subscription::headers(std::slice::from_ref(&self.secret), &letter.id, i64::try_from(now).unwrap_or_default(), over);
        let mut request = Request::post(&self.url).header("content-type", "application/json");
        for (name, value) in signed {
            request = request.header(name, value);
        }
        let request = request.body(Full::from(body)).map_err(|cause| broken(&cause.to_string()))?;
        let answer = self.client.request(request).await.map_err(|cause| broken(&cause.to_string()))?;
        let status = answer.status().as_u16();
        answer.into_body().collect().await.map_err(|cause| broken(&cause.to_string()))?;
        let right: &[u16] = if letter.signed { &[200] } else { &[401, 429] };
        if right.contains(&status) { Ok(()) } else { Err(broken(&format!("a message was answered {status}"))) }
    }

    /// Sends so many, so many a second.
    ///
    /// # Errors
    /// Those of [`Sender::send`].
    pub async fn paced(self: &Arc<Sender>, rate: u32, many: u32, letter: impl Fn(u32) -> Letter) -> Result<Ran, Failure> {
        let (began, apart) = (Instant::now(), Duration::from_secs(1) / rate);
        let (mut sent, mut sender_late) = (Vec::new(), Duration::ZERO);
        for nth in 0..many {
            let due = began + apart * nth;
            tokio::time::sleep_until(due).await;
            sender_late = sender_late.max(due.elapsed());
            let (sender, letter) = (Arc::clone(self), letter(nth));
            sent.push(tokio::spawn(async move { sender.send(&letter).await.map(|()| due.elapsed()) }));
        }
        let mut took = Vec::with_capacity(sent.len());
        for one in sent {
            took.push(one.await.map_err(|cause| broken(&cause.to_string()))??);
        }
        took.sort();
        Ok(Ran { took, sender_late })
    }
}

/// A secret of this run, and the file the server reads it from.
///
/// # Errors
/// When the file cannot be written.
pub fn secret(folder: &Path) -> Result<(Secret, PathBuf), Failure> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let text = format!("whsec_{}", STANDARD.encode(format!("{:032}", since.as_nanos())));
    let file = folder.join("secrets.yaml");
    private::write(&file, &format!("{SECRET}: {text}\n"))?;
    let secret = Secret::parse(&text).ok_or_else(|| broken("the secret of the bench is none"))?;
    Ok((secret, file))
}

/// A run with a failure in it means nothing.
pub fn broken(why: &str) -> Failure {
    Failure::new(statehouse_fault::SH9001, format!("the bench of messages failed: {why}"))
}

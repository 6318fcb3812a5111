//! `statehouse bench messages`: how soon a sender is thanked while nothing works the messages off. An open loop: each
//! message is due at its time whatever became of those before it, and is counted from when it was due.

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
use serde::Serialize;
use serde_json::json;
use statehouse_postgres::{Options, SUPERUSER, Server};
use statehouse_store::people::{self, Member, People, Tenant};
use statehouse_store::subscription::{self, Secret};
use statehouse_store::{Place, StoreFault, apply, inbox};
use tokio::time::Instant;

use super::http::Face;
use crate::cx::Cx;
use crate::failure::{Exit, Failure};
use crate::folder::Folder;
use crate::private;
use crate::scratch::Scratch;

/// The source of the app that is sent to.
const SOURCE: &str = "customs";
const SECRET: &str = "customs_hook";
/// A sender is thanked within so many milliseconds, ninety-nine times of a hundred.
const GOAL_MS: f64 = 50.0;
/// Sent before anything is counted.
const WARMING: u32 = 50;

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of the orders app
    #[arg(long, value_name = "DIR", default_value = "apps/orders")]
    app: PathBuf,
    /// Messages a second
    #[arg(long, value_name = "N", default_value_t = 500)]
    rate: u32,
    /// For so many seconds
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
    /// A short run of three seconds; its figures mean little
    #[arg(long)]
    quick: bool,
    /// Exit with 1 when the goal is missed
    #[arg(long)]
    strict: bool,
    /// Where the private server is made, for as long as this runs [default: the temporary directory]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Report {
    format_version: u32,
    cores: usize,
    optimised: bool,
    rate_per_s: u32,
    seconds: u32,
    /// Sent and answered with 200.
    thanked: u32,
    /// Rows that are there afterwards.
    stored: i64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    /// How late the sender itself was, at the worst: beyond a few milliseconds the figures are the sender's.
    sender_late_ms: f64,
    goal_p99_ms: f64,
    met: bool,
}

/// Runs it. Ctrl-C stops the server and removes its files too.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let report = tokio::select! {
        measured = measured(&args, cx) => measured?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::new(statehouse_fault::SH5007, "interrupted")),
    };
    if !cx.print_json(&report) {
        sayln!(
            "{} messages at {}/s: thanked after p50 {:.1} ms, p99 {:.1} ms, at the worst {:.1} ms",
            report.thanked,
            report.rate_per_s,
            report.p50_ms,
            report.p99_ms,
            report.max_ms
        );
        sayln!(
            "{} stored; the sender was late by {:.1} ms at the worst; p99 is to be at most {} ms",
            report.stored,
            report.sender_late_ms,
            report.goal_p99_ms
        );
    }
    let kept = i64::from(report.thanked) == report.stored;
    Ok(if kept && (report.met || !args.strict) { Exit::Fine } else { Exit::Refused })
}

async fn measured(args: &Args, cx: &Cx) -> Result<Report, Failure> {
    let seconds = if args.quick { 3 } else { args.seconds };
    if !(1..=100_000).contains(&args.rate) || !(1..=3600).contains(&seconds) {
        return Err(Failure::usage("`--rate` is 1 to 100000 and `--seconds` 1 to 3600"));
    }
    let app = Folder::sound(&args.app, cx)?;
    let folder = Scratch::make(&args.scratch.clone().unwrap_or_else(std::env::temp_dir), "bench")?;
    let server = Server::start_or_attach(&Options::new(folder.path().join("data")).with("max_wal_size", "8GB"))?;
    let place = Place::parse(&server.url(SUPERUSER, &app.name))?;
    apply::apply_now(&place, &app, &Default::default(), &[]).await?;
    let mut admin = place.connect_admin().await?;
    let first = app.roles.keys().next().cloned().unwrap_or_default();
    let member = Member { name: "Bench".into(), email: "bench@bench.example".into(), role: first, extra: Vec::new(), revoked: Vec::new() };
    let tenant = Tenant { slug: "bench".into(), name: "Bench".into(), market: None, members: vec![member] };
    people::ensure(&mut admin, &app, &People { tenants: vec![tenant] }).await?;
    let made = inbox::issue(&mut admin, &app, "bench", SOURCE, None).await?;
    let (secret, file) = secret(folder.path())?;
    let environment =
        [("STATEHOUSE_SECRETS__FILE", file.display().to_string()), ("STATEHOUSE_INBOUND__RATE_PER_ENDPOINT", "1000000".to_owned())];
    let face = Face::over(&server.url(SUPERUSER, &app.name), &environment)?;
    let sender = Arc::new(Sender::new(&face, &made.token, secret));
    for nth in 0..WARMING {
        sender.send(nth).await?;
    }
    let ran = paced(&sender, args.rate, seconds).await?;
    let stored = admin.query_one("select count(*) from statehouse.message", &[]).await.map_err(StoreFault::doing("counting"))?;
    Ok(report(args.rate, seconds, ran, stored.get::<_, i64>(0) - i64::from(WARMING)))
}

/// A secret of this run, and the file the server reads it from.
fn secret(folder: &Path) -> Result<(Secret, PathBuf), Failure> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let text = format!("whsec_{}", STANDARD.encode(format!("{:032}", since.as_nanos())));
    let file = folder.join("secrets.yaml");
    private::write(&file, &format!("{SECRET}: {text}\n"))?;
    let secret = Secret::parse(&text).ok_or_else(|| broken("the secret of the bench is none"))?;
    Ok((secret, file))
}

/// When each was answered after it was due, and how late the sender was.
struct Ran {
    took: Vec<Duration>,
    sender_late: Duration,
}

async fn paced(sender: &Arc<Sender>, rate: u32, seconds: u32) -> Result<Ran, Failure> {
    let (began, apart) = (Instant::now(), Duration::from_secs(1) / rate);
    let (mut sent, mut sender_late) = (Vec::new(), Duration::ZERO);
    for nth in 0..rate * seconds {
        let due = began + apart * nth;
        tokio::time::sleep_until(due).await;
        sender_late = sender_late.max(due.elapsed());
        let sender = Arc::clone(sender);
        sent.push(tokio::spawn(async move { sender.send(WARMING + nth).await.map(|()| due.elapsed()) }));
    }
    let mut took = Vec::with_capacity(sent.len());
    for one in sent {
        took.push(one.await.map_err(|cause| broken(&cause.to_string()))??);
    }
    took.sort();
    Ok(Ran { took, sender_late })
}

fn report(rate_per_s: u32, seconds: u32, ran: Ran, stored: i64) -> Report {
    let ms = |span: Duration| span.as_secs_f64() * 1e3;
    // A share of a few thousand is a small number.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let at = |share: f64| ms(ran.took[((ran.took.len() - 1) as f64 * share) as usize]);
    Report {
        format_version: 1,
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        optimised: !cfg!(debug_assertions),
        rate_per_s,
        seconds,
        thanked: u32::try_from(ran.took.len()).unwrap_or(u32::MAX),
        stored,
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        max_ms: at(1.0),
        sender_late_ms: ms(ran.sender_late),
        goal_p99_ms: GOAL_MS,
        met: at(0.99) <= GOAL_MS,
    }
}

/// Whoever sends, over as many connections as it takes.
struct Sender {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    secret: Secret,
}

impl Sender {
    fn new(face: &Face, token: &str, secret: Secret) -> Sender {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Sender { client, url: format!("http://{}/v1/in/{token}", face.address()), secret }
    }

    /// Sends a message that was never sent before.
    async fn send(&self, nth: u32) -> Result<(), Failure> {
        let (id, now) = (format!("bench_{nth}"), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
        let body = json!({ "type": "declaration.cleared", "data": { "order": format!("ORD-{nth:06}"), "mrn": "26IS00000E1234567", "note": "x".repeat(400) } });
        let body = body.to_string();
        let signed =
            subscription::headers(std::slice::from_ref(&self.secret), &id, i64::try_from(now).unwrap_or_default(), body.as_bytes());
        let mut request = Request::post(&self.url).header("content-type", "application/json");
        for (name, value) in signed {
            request = request.header(name, value);
        }
        let request = request.body(Full::from(body)).map_err(|cause| broken(&cause.to_string()))?;
        let answer = self.client.request(request).await.map_err(|cause| broken(&cause.to_string()))?;
        let status = answer.status();
        answer.into_body().collect().await.map_err(|cause| broken(&cause.to_string()))?;
        if status.as_u16() == 200 { Ok(()) } else { Err(broken(&format!("a message was answered {status}"))) }
    }
}

fn broken(why: &str) -> Failure {
    Failure::new(statehouse_fault::SH9001, format!("the bench of messages failed: {why}"))
}

//! A database with one of the apps, the real server before it, a worker behind it, and a sandbox around both.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use statehouse_connect::egress::Client;
use statehouse_connect::secrets::Secrets;
use statehouse_definition::App;
use statehouse_http::settings::Connector;
use statehouse_http::{Settings, serve};
use statehouse_sandbox::{Sandbox, Switch, Target};
use statehouse_store::{Place, inbox};
use statehouse_testkit::people::{NORDUR, Persona};
use statehouse_testkit::{Cluster, TestDatabase, app};
use statehouse_worker::Worker;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// When every test begins, in microseconds since 1970: noon of 2026-11-20, as in the databases.
const NOON_US: i64 = 1_795_176_000_000_000;

/// A connector and the stand-in that it speaks to, with the path below which it does.
pub type StandIn = (&'static str, &'static str, &'static str);

/// One of the apps with everything around it. Both clocks stand still until [`World::wait`].
pub struct World {
    /// The database.
    pub db: TestDatabase,
    /// The providers.
    pub sandbox: Sandbox,
    /// The one worker.
    pub worker: Worker,
    definition: App,
    server: SocketAddr,
    scene: tokio_postgres::Client,
    waited: Duration,
    _secrets: tempfile::NamedTempFile,
    _stop: oneshot::Sender<()>,
}

impl World {
    /// The app in `folder`, its connectors pointed to these stand-ins; `secrets` is YAML.
    pub async fn of(folder: &Path, stand_ins: &[StandIn], secrets: &str) -> World {
        let cluster = Cluster::shared();
        let db = cluster.database_from(&app::template(cluster, folder), "joins");
        let definition = statehouse_definition::load(folder).app.expect("an app");
        let sandbox = Sandbox::start(statehouse_sandbox::Settings::default()).await.expect("a sandbox");
        sandbox.clock().hold(NOON_US);
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(secrets.as_bytes()).expect("written");
        let mut settings = Settings { listen: "127.0.0.1:0".parse().expect("an address"), ..Settings::default() };
        settings.secrets.file = file.path().display().to_string();
        settings.worker.id = "one".into();
        // Nobody is sent away because the machine is busy with other tests.
        settings.inbound.wait_ms = 30_000;
        // Whoever knocks on this machine is the proxy that has seen the sender's certificate.
        settings.inbound.certificate_header = "x-client-certificate".into();
        settings.trusted_proxies = vec!["127.0.0.1".into()];
        for (connector, provider, path) in stand_ins {
            let base = format!("{}{path}", sandbox.base(provider));
            let named = [("agreement_url", "https://files.example/agreement.pdf"), ("pix_key", "till@feira.example")];
            let named = named.map(|(name, value)| (name.to_owned(), value.to_owned()));
            settings.connectors.insert((*connector).to_owned(), Connector { base, settings: named.into() });
        }
        let place = || Place::parse(&db.url("postgres")).expect("a place");
        let known = Secrets::read(Some(file.path()), std::iter::empty()).expect("secrets");
        let worker = Worker::new(&settings, place(), known, Client::system(None).expect("a client")).await.expect("a worker");
        let serving = serve(settings, place()).await.expect("the server starts");
        let server = serving.address;
        let (stop, told) = oneshot::channel::<()>();
        tokio::spawn(serving.run(async {
            let _ = told.await;
        }));
        let scene = db.connect_as_superuser().await;
        World { db, sandbox, worker, definition, server, scene, waited: Duration::ZERO, _secrets: file, _stop: stop }
    }

    /// A new address of a source of the first tenant, without the host.
    pub async fn address(&mut self, source: &str) -> String {
        let endpoint = inbox::issue(&mut self.scene, &self.definition, NORDUR.slug, source, None).await.expect("an address");
        format!("/v1/in/{}", endpoint.token)
    }

    /// Messages of a stand-in go to this address of ours, and only when one is asked for.
    pub fn hook(&self, provider: &str, path: &str, secret: &str) {
        let target = Target::new(format!("http://{}{path}", self.server), secret).retrying_ms(&[]).by_hand();
        self.sandbox.hook_to(provider, vec![target]).expect("a target");
    }

    /// Posts this; the status of the answer.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> u16 {
        posted(self.server, path, headers, body).await
    }

    /// Posts the same from so many connections at once; the statuses.
    pub async fn crowd(&self, many: usize, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u16> {
        let headers: Vec<(String, String)> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (server, path, body) = (self.server, path.to_owned(), body.to_owned());
        // All of them are connected before the first of them writes.
        let ready = Arc::new(tokio::sync::Barrier::new(many));
        let one = move |_| {
            let (ready, path, body, headers) = (Arc::clone(&ready), path.clone(), body.clone(), headers.clone());
            tokio::spawn(async move {
                let stream = TcpStream::connect(server).await.expect("connected");
                ready.wait().await;
                let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                written(stream, &path, &headers, &body).await
            })
        };
        let all: Vec<_> = (0..many).map(one).collect();
        let mut statuses = Vec::new();
        for sent in all {
            statuses.push(sent.await.expect("answered"));
        }
        statuses
    }

    /// One turn of the worker.
    pub async fn turn(&self) {
        self.worker.turn().await.expect("a turn");
    }

    /// Turns the worker until no effect is due within `within`, the clocks moved to what is due next.
    pub async fn settle(&mut self, within: Duration) {
        let mut waited = Duration::ZERO;
        self.turn().await;
        for _ in 0..2000 {
            self.worker.effects().await.expect("a turn");
            let Some(next) = self.worker.next().await.expect("an answer") else { return self.turn().await };
            // A little more, since a pause ends between two moments of the clock.
            let next = next + Duration::from_micros(1);
            if waited + next > within {
                return self.turn().await;
            }
            waited += next;
            self.wait(next).await;
        }
        panic!("it never ends");
    }

    /// Moves both clocks on.
    pub async fn wait(&mut self, span: Duration) {
        self.ask(&format!("update statehouse.clock set now = now + interval '{} microseconds'", span.as_micros())).await;
        self.sandbox.clock().advance(span);
        self.waited += span;
    }

    /// Seconds since 1970 by both clocks.
    pub fn now_s(&self) -> i64 {
        (NOON_US + i64::try_from(self.waited.as_micros()).expect("not for ever")).div_euclid(1_000_000)
    }

    /// One column, asked behind the scene.
    pub async fn column(&self, question: &str) -> Vec<String> {
        let said = self.scene.simple_query(question).await.unwrap_or_else(|cause| panic!("{question}: {cause:?}"));
        let row = |message: &tokio_postgres::SimpleQueryMessage| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        };
        said.iter().filter_map(row).collect()
    }

    /// One text, asked behind the scene.
    pub async fn ask(&self, question: &str) -> String {
        self.column(question).await.into_iter().next().unwrap_or_default()
    }

    /// Nobody hears from these look-ups, until the switches are cleared.
    pub fn mute(&self, lookups: &[(&str, &str)]) {
        for (provider, op) in lookups {
            self.sandbox.fault(Switch::status(*provider, 503).on(*op)).expect("a switch");
        }
    }
}

/// One of the apps in a folder of its own, this text in one of its files replaced by another.
///
/// # Panics
/// Where the text does not stand there.
pub fn altered(app: &str, file: &str, from: &str, to: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let own = folder.path().join(app);
    copy(&app::folder(app), &own);
    let file = own.join(file);
    let text = std::fs::read_to_string(&file).expect("a file");
    let other = text.replace(from, to);
    assert_ne!(text, other);
    std::fs::write(&file, other).expect("written");
    (folder, own)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let into = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &into)
        } else {
            _ = std::fs::copy(entry.path(), into).expect("copied")
        }
    }
}

/// Somebody of the first tenant.
pub fn member(app: &str, role: &str) -> Persona {
    Persona::member(app, NORDUR, role)
}

async fn posted(server: SocketAddr, path: &str, headers: &[(&str, &str)], body: &str) -> u16 {
    written(TcpStream::connect(server).await.expect("connected"), path, headers, body).await
}

async fn written(mut stream: TcpStream, path: &str, headers: &[(&str, &str)], body: &str) -> u16 {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{lines}content-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.expect("sent");
    let mut said = String::new();
    stream.read_to_string(&mut said).await.expect("answered");
    said.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{said}"))
}

/// HMAC-SHA256, as RFC 2104 has it.
pub fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let with = |pad: u8, text: &[u8]| -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(block.map(|byte| byte ^ pad));
        hash.update(text);
        hash.finalize().into()
    };
    with(0x5c, &with(0x36, text))
}

/// The machine's clock, by which signatures have an age.
pub fn machine_s() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("before the year 292277026596")
}

//! An app with a source for each kind of scheme, their secrets in a file, and an address for each.

use std::io::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::http::{Method, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Sha256;
use statehouse_http::Settings;
use statehouse_testkit::people::{NORDUR, Persona, Tenant};
use statehouse_testkit::{Cluster, app};

use crate::world::{Answer, World};

pub const APP: &str = "post";
/// How the outside is told to reach us; some sign it.
pub const OUTSIDE: &str = "https://hooks.example";
/// The key that the specification of Standard Webhooks prints.
pub const STANDARD_KEY: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// The secret of the one vector that GitHub publishes.
pub const HUB_SECRET: &str = "It's a Secret to Everybody";

/// A server for the app `post`, and where its file of secrets lies.
pub struct Post {
    pub world: World,
    secrets: tempfile::NamedTempFile,
}

/// Every secret of every source; those of `standard` are written by the test.
fn secrets(standard: &str) -> String {
    format!(
        r#"
standard_hook: {standard}
hub_hook: "{HUB_SECRET}"
card_hook: whsec_test_secret
chat_hook:
  - {{ id: app, value: secret }}
  - {{ id: verify_token, value: a-word-of-ours }}
signing_key: 324e3b0840f065eb51f3fd63231d0d33daa35d4ed10d27718839e81737065782
sms_token: "12345"
bill_token: a-token-of-ours
pago_hook: your_secret_key_here
notes_key: 44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056
pix_certificate: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
tenants:
  baltyk: {{ hub_hook: another secret, bill_token: the-other-token }}
"#
    )
}

impl Post {
    /// With the usual secrets.
    pub async fn new() -> Post {
        Post::with(&format!("whsec_{STANDARD_KEY}"), Settings::default()).await
    }

    /// With these values of the secret `standard_hook`, and other settings.
    pub async fn with(standard: &str, mut settings: Settings) -> Post {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(secrets(standard).as_bytes()).expect("written");
        settings.secrets.file = file.path().display().to_string();
        settings.public_url = OUTSIDE.into();
        let cluster = Cluster::shared();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps").join(APP);
        let db = cluster.database_from(&app::template(cluster, &folder), "inbound");
        Post { world: World::over(db, settings).await, secrets: file }
    }

    /// A new address, without the host.
    pub async fn address(&self, tenant: Tenant, source: &str, account: Option<&str>) -> String {
        let admin = Persona::member(APP, tenant, "admin");
        let wanted = json!({ "source": source, "account": account, "label": "test" });
        let made = self.world.call(Method::POST, "/v1/endpoints", Some(&admin), Some(&wanted)).await;
        assert_eq!(made.status, 201, "{:?}", made.body);
        made.body["url"].as_str().and_then(|url| url.strip_prefix(OUTSIDE)).expect("an address of ours").to_owned()
    }

    /// An address of the first tenant for any account.
    pub async fn own(&self, source: &str) -> String {
        self.address(NORDUR, source, None).await
    }

    /// Sends a message.
    pub async fn send(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answer {
        let mut request = Request::post(self.world.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.world.send(request.body(Body::from(body.into())).expect("a request")).await
    }

    /// A message by Standard Webhooks, signed now.
    pub async fn standard(&self, path: &str, id: &str, body: &str) -> Answer {
        self.standard_at(path, id, body, now()).await
    }

    /// The same signed at a time.
    pub async fn standard_at(&self, path: &str, id: &str, body: &str, at: i64) -> Answer {
        let (at, signature) = (at.to_string(), standard(STANDARD_KEY, id, at, body));
        self.send(
            path,
            &[("content-type", "application/json"), ("webhook-id", id), ("webhook-timestamp", &at), ("webhook-signature", &signature)],
            body,
        )
        .await
    }

    /// Puts another value of the secret `standard_hook` into the file of the running server.
    pub fn rotate(&self, standard: &str) {
        std::fs::write(self.secrets.path(), secrets(standard)).expect("written");
    }

    /// Rows as psql prints them.
    pub fn rows(&self, columns: &str) -> String {
        self.world.db.value_as_superuser(&format!("select {columns} from statehouse.message order by received_at, id"))
    }

    /// How many messages there are.
    pub fn count(&self) -> usize {
        self.world.db.value_as_superuser("select count(*) from statehouse.message").parse().expect("a number")
    }

    /// How often messages came again.
    pub fn doublets(&self) -> String {
        self.world.db.value_as_superuser("select coalesce(sum(count), 0) from statehouse.message_doublet")
    }

    /// One line of `/metrics`; empty where it is not there.
    pub async fn metric(&self, name: &str) -> String {
        let text = self.world.call(Method::GET, "/metrics", None, None).await.bytes;
        let text = String::from_utf8(text).expect("text");
        text.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap_or_default().to_owned()
    }

    /// What became of messages of a source, as it is counted.
    pub async fn became(&self, source: &str, became: &str) -> String {
        self.metric(&format!("statehouse_messages_received_total{{source=\"{source}\",became=\"{became}\"}}")).await
    }
}

/// Seconds since 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs().try_into().expect("a time")
}

/// As the specification has it: HMAC-SHA256 over `id.timestamp.body`, in base64, under the key that the secret is in base64.
pub fn standard(key: &str, id: &str, at: i64, body: &str) -> String {
    let key = STANDARD.decode(key).expect("base64");
    format!("v1,{}", STANDARD.encode(sha256(&key, format!("{id}.{at}.{body}").as_bytes())))
}

pub fn sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key).expect("a key").chain_update(message).finalize().into_bytes().to_vec()
}

pub fn sha1(key: &[u8], message: &[u8]) -> Vec<u8> {
    Hmac::<Sha1>::new_from_slice(key).expect("a key").chain_update(message).finalize().into_bytes().to_vec()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// What GitHub puts over a body.
pub fn hub(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hex(&sha256(secret.as_bytes(), body)))
}

/// A message about a parcel, for `standard`.
pub fn arrived(id: &str) -> String {
    let body: Value = json!({ "type": "parcel.arrived", "account": "acct_nordur", "data": { "parcel": id } });
    body.to_string()
}

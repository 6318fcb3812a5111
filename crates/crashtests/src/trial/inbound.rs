//! Messages at the server's door: what is forged leaves nothing, and whoever is thanked has been written down.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use statehouse_store::subscription::{Secret, headers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use super::{Held, holds, stand, tail};
use crate::check::Breach;
use crate::check::Invariant::{Missing, Once, Quiet};
use crate::process::Process;
use crate::scene::Scene;

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER: &str = "whsec_BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const TOKEN: &str = "in_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

pub(super) async fn run(program: &Path) -> Held {
    let scene = Scene::new(program, "inbound").await;
    scene
        .rows
        .run(&format!(
            "insert into statehouse.endpoint (tenant, token_hash, app, source) values (1, sha256('{TOKEN}'), 'proof', 'carrier')"
        ))
        .await;
    let mut command = Command::new(program);
    command.args(["--json", "--database-url", &scene.db.url("postgres"), "serve", "--listen", "127.0.0.1:0"]);
    command.current_dir(scene.dir()).env("STATEHOUSE_SETTINGS", scene.dir().join("settings.yaml"));
    command.env("STATEHOUSE_SECRET_CARRIER_HOOK", SECRET).env("STATEHOUSE_POINTS", scene.points.socket());
    let failed = |cause: std::io::Error| Breach::new(Quiet, format!("no server: {cause}"));
    let mut server = Process::spawn(command, &scene.dir().join("serve.said")).map_err(failed)?;
    let address: String = server.says(|line| Some(line.split_once("http://")?.1.split('"').next()?.to_owned())).await;
    let (true_, false_) = (json!({ "type": "parcel.scanned", "id": "none" }), json!({ "type": "parcel.scanned", "id": "forged" }));
    let stored = "select coalesce(string_agg(state || ' ' || convert_from(body, 'UTF8'), ', '), '') from statehouse.message";
    let answer = send(&address, OTHER, "one", &false_.to_string()).await.map_err(failed)?;
    holds(Once, answer.starts_with("HTTP/1.1 401"), format!("what is forged is answered {answer}\n{}", tail(&server.said())))?;
    holds(Once, scene.rows.value(stored).await.is_empty(), "what is forged is stored")?;
    let answer = send(&address, SECRET, "one", &true_.to_string()).await.map_err(failed)?;
    holds(Missing, answer.starts_with("HTTP/1.1 2"), format!("what is true is answered {answer}"))?;
    holds(Missing, scene.rows.value(stored).await == format!("due {true_}"), "what is true is not stored, it alone")?;
    // Before it is written nobody is thanked.
    scene.points.hold_only("store.receive_message:before");
    let sending = tokio::spawn({
        let (address, body) = (address.clone(), true_.to_string());
        async move { send(&address, SECRET, "two", &body).await }
    });
    stand(&scene, "store.receive_message:before", 1, "received").await?;
    let (answered, ended) = tokio::join!(
        tokio::time::timeout(Duration::from_millis(500), async {
            while !sending.is_finished() {
                tokio::task::yield_now().await
            }
        }),
        async {}
    );
    let () = ended;
    holds(Missing, answered.is_err(), "whoever sent it is thanked before it is stored")?;
    scene.points.open().await;
    let answer = sending.await.map_err(|cause| Breach::new(Quiet, cause.to_string()))?.map_err(failed)?;
    holds(Missing, answer.starts_with("HTTP/1.1 2"), format!("what is true is answered {answer}"))?;
    server.kill().await;
    Ok(())
}

/// Sends a message, signed with a secret; the answer.
async fn send(address: &str, secret: &str, id: &str, body: &str) -> std::io::Result<String> {
    let secret = Secret::parse(secret).ok_or(std::io::ErrorKind::InvalidInput)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let signed: String = headers(&[secret], id, now, body.as_bytes()).map(|(name, value)| format!("{name}: {value}\r\n")).concat();
    let request = format!(
        "POST /v1/in/{TOKEN} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n{signed}\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

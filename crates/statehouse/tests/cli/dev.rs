//! `dev`: what it announces, who keeps the server, what a crash leaves.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::binary::{answer, command, folder, run, stay};

/// A `dev` that has announced itself. Its server ends with it, however it ends.
struct Dev {
    child: Child,
    said: String,
}

impl Dev {
    fn start(dir: &Path) -> Dev {
        let mut child = command(dir)
            .args(["dev", "stay", "--data", "data", "--ready", "ready.json"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut said = String::new();
        for line in BufReader::new(child.stdout.take().expect("piped")).lines() {
            let line = line.expect("text");
            said.push_str(&line);
            said.push('\n');
            if line == "Ctrl-C stops the server" {
                return Dev { child, said };
            }
        }
        panic!("it ended: {:?}\n{said}", child.wait());
    }

    fn end(mut self, with: Signal) -> Option<i32> {
        kill(Pid::from_raw(i32::try_from(self.child.id()).expect("an id")), with).expect("signalled");
        self.child.wait().expect("it ends").code()
    }
}

#[test]
fn the_ready_file_holds_urls_and_keys_that_work() {
    let dir = folder();
    stay(dir.path());
    let dev = Dev::start(dir.path());
    let file = dir.path().join("ready.json");
    assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600, "it holds keys");
    let ready: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file).expect("read")).expect("JSON");
    assert_eq!((&ready["app"], &ready["version"]), (&"stay".into(), &1.into()));
    let roles: Vec<&String> = ready["database"].as_object().expect("an object").keys().collect();
    assert_eq!(roles, ["statehouse_api", "statehouse_agent", "statehouse_worker", "statehouse_read", "superuser"]);
    let keys = ready["keys"].as_array().expect("a list");
    let who: Vec<String> = keys.iter().map(|key| format!("{} {} {}", key["tenant"], key["member"], key["role"]).replace('"', "")).collect();
    assert_eq!(who.len(), 4);
    assert!(who.contains(&"hillside gus@guests.example guest".to_owned()), "{who:?}");
    assert!(dev.said.contains(keys[0]["key"].as_str().expect("text")));

    let psql = statehouse_postgres::Binaries::find(None).expect("installed").program("psql");
    let sql = format!("select statehouse.enter('{}') is not null", keys[0]["key"].as_str().expect("text"));
    let url = ready["database"]["statehouse_api"].as_str().expect("text");
    let asked = std::process::Command::new(psql).args(["-X", "-A", "-t", "-d", url, "-c", &sql]).output().expect("psql runs");
    assert_eq!(String::from_utf8_lossy(&asked.stdout), "t\n", "{}", String::from_utf8_lossy(&asked.stderr));

    let api = ready["api"].as_str().and_then(|api| api.strip_prefix("http://")).expect("an address");
    let said = answer(api, "/health/ready", "");
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with(r#"{"ready":true,"app":"stay","version":1}"#), "{said}");
    let said = answer(api, "/v1/room", keys[0]["key"].as_str().expect("text"));
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    assert!(dev.said.contains(&format!("http://{api}")), "{}", dev.said);

    let second = run(dir.path(), &["dev", "stay", "--data", "data"]).ended(0);
    assert!(
        second.stdout.contains(&format!("another process keeps the server in `data`: process {}", dev.child.id())),
        "{}",
        second.stdout
    );

    assert_eq!(dev.end(Signal::SIGTERM), Some(0));
    assert!(!file.exists(), "nothing answers any more");
}

#[test]
fn killed_without_a_word_the_next_one_starts() {
    let dir = folder();
    stay(dir.path());
    Dev::start(dir.path()).end(Signal::SIGKILL);
    let dev = Dev::start(dir.path());
    assert!(dev.said.starts_with("`stay` version 1\n"), "{}", dev.said);
    assert_eq!(dev.end(Signal::SIGINT), Some(0));
}

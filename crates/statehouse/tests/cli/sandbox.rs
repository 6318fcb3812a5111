//! `sandbox`: what it says, and that a log survives what kills its process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::binary::{command, folder, run};

/// A sandbox of its own process, with what it said when it answered.
struct Standing {
    child: Child,
    said: Value,
}

impl Standing {
    fn start(dir: &Path, more: &[&str]) -> Standing {
        let mut child = command(dir)
            .args(["--json", "sandbox", "--listen", "127.0.0.1:0", "--log", "sandbox.jsonl"])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut said = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        while serde_json::from_str::<Value>(&said).is_err() {
            said += &lines.next().unwrap_or_else(|| panic!("it ended after: {said}")).expect("text");
        }
        Standing { child, said: serde_json::from_str(&said).expect("JSON") }
    }

    fn signal(&mut self, signal: Signal) -> Option<i32> {
        kill(Pid::from_raw(i32::try_from(self.child.id()).expect("an id")), signal).expect("signalled");
        self.child.wait().expect("it ends").code()
    }

    /// The connection after `POST /k/send` was written to it.
    fn send(&self, key: &str) -> TcpStream {
        let address = self.said["sandbox"].as_str().expect("text").strip_prefix("http://").expect("an address");
        let mut stream = TcpStream::connect(address).expect("it listens");
        let head = "POST /k/send HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n";
        write!(stream, "{head}idempotency-key: {key}\r\ncontent-length: 2\r\n\r\n{{}}").expect("sent");
        stream
    }

    fn answered(&self, key: &str) -> String {
        let mut said = String::new();
        self.send(key).read_to_string(&mut said).expect("answered");
        said
    }
}

fn log(dir: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join("sandbox.jsonl")).expect("a log");
    text.lines().map(|line| serde_json::from_str(line).expect("a line")).collect()
}

#[test]
fn what_it_answered_is_known_after_a_kill() {
    let dir = folder();
    let mut first = Standing::start(dir.path(), &[]);
    assert_eq!(first.said["log"], "sandbox.jsonl");
    assert_eq!(first.said["providers"].as_object().map(serde_json::Map::len), Some(14));
    for key in ["a", "b"] {
        assert!(first.answered(key).starts_with("HTTP/1.1 200"));
    }
    // Told to take the third and never answer: it stands in the log before anybody could know.
    let address = first.said["sandbox"].as_str().expect("text")["http://".len()..].to_owned();
    let switch = json!({ "provider": "k", "mode": "accept_then_hang" }).to_string();
    let mut stream = TcpStream::connect(&address).expect("it listens");
    let head = "PUT /_/faults HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n";
    write!(stream, "{head}content-length: {}\r\n\r\n{switch}", switch.len()).expect("sent");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("answered");
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    let hanging = first.send("c");
    let begun = std::time::Instant::now();
    while log(dir.path()).len() < 3 {
        assert!(begun.elapsed().as_secs() < 20, "the third never came");
        std::thread::yield_now();
    }
    assert_eq!(first.signal(Signal::SIGKILL), None);
    drop(hanging);

    // Half a line, as a kill in the middle of a write would leave it.
    let path = dir.path().join("sandbox.jsonl");
    let whole = std::fs::read(&path).expect("a log");
    std::fs::write(&path, [&whole[..], br#"{"n":4,"at":"20"#].concat()).expect("written");
    let mut second = Standing::start(dir.path(), &[]);
    for (key, id) in [("a", "k_1"), ("b", "k_2"), ("c", "k_3"), ("d", "k_7")] {
        let said = second.answered(key);
        assert!(said.contains(&format!("{{\"id\":\"{id}\"}}")), "{key}: {said}");
    }
    assert_eq!(second.signal(Signal::SIGTERM), Some(0));
    let lines = log(dir.path());
    let effects: Vec<&Value> = lines.iter().filter(|line| line["effect"] == true).map(|line| &line["key"]).collect();
    assert_eq!(effects, ["a", "b", "c", "d"]);
    assert!(lines.iter().zip(1..).all(|(line, n)| line["n"] == n));
}

#[test]
fn it_says_where_everything_is() {
    let dir = folder();
    let help = run(dir.path(), &["sandbox", "--help"]).ended(0).stdout;
    for word in ["--listen <ADDR>", "[default: 127.0.0.1:4010]", "--log <FILE>", "--hooks <FILE>", "Example: statehouse sandbox"] {
        assert!(help.contains(word), "{word} in\n{help}");
    }
    let mut child = command(dir.path()).args(["sandbox", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map(|line| line.expect("text"));
    let first = lines.next().expect("a line");
    let url = first.strip_prefix("the sandbox answers at ").unwrap_or_else(|| panic!("{first}")).to_owned();
    let twilio = lines.next().expect("a line");
    assert!(twilio.trim().starts_with(&format!("{url}/twilio ")) && twilio.ends_with("Twilio: text messages and calls"), "{twilio}");
    kill(Pid::from_raw(i32::try_from(child.id()).expect("an id")), Signal::SIGINT).expect("signalled");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn what_it_cannot_use_stops_it() {
    let dir = folder();
    std::fs::write(dir.path().join("other.txt"), "not a log\n").expect("written");
    std::fs::write(dir.path().join("wrong.yaml"), "twillio: { url: \"http://127.0.0.1:1/\" }\n").expect("written");
    std::fs::write(dir.path().join("typo.yaml"), "stripe: { ulr: \"http://127.0.0.1:1/\" }\n").expect("written");
    let cases: [(&[&str], &str, &str, i32); 6] = [
        (&["--log", "other.txt"], "SH7301", "line 1 is not one of a sandbox", 1),
        (&["--log", "no/where"], "SH7301", "`no/where`", 1),
        (&["--hooks", "wrong.yaml"], "SH7302", "`twillio`", 1),
        (&["--hooks", "typo.yaml"], "SH0009", "`ulr`", 64),
        (&["--hooks", "none.yaml"], "SH0009", "`none.yaml`", 64),
        (&["--listen", "0.0.0.0:0"], "SH0009", "--beyond-this-machine", 64),
    ];
    for (arguments, code, said, exit) in cases {
        // What is given first is what is meant: a port of its own in every case but the last.
        let listen: &[&str] = if arguments[0] == "--listen" { &[] } else { &["--listen", "127.0.0.1:0"] };
        let ended = run(dir.path(), &[&["sandbox"], listen, arguments].concat()).ended(exit);
        assert!(ended.stderr.contains(code) && ended.stderr.contains(said), "{arguments:?}: {}", ended.stderr);
    }
    assert_eq!(std::fs::read_to_string(dir.path().join("other.txt")).expect("there"), "not a log\n");
}

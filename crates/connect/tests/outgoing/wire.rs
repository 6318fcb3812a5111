//! What is written to each provider, byte for byte, and what is made of its answers.
//!
//! `data/wire/NAME.txt` begins with the provider's own documents, by which the rest was written by hand: a connector, what
//! it is given, the request, and answers with what they mean.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value};
use statehouse_connect::call::{Asked, Given, Verdict, judge, judge_ask, prepare, prepare_ask};
use statehouse_connect::egress::{Answer, Client};
use statehouse_connect::secrets::{PREFIX, Secrets};
use statehouse_definition::model::{Action, Connector};
use statehouse_definition::{SourceFile, read};
use tokio::io::AsyncWriteExt;

use super::provider::{Authority, Net, Provider, far, request};

const APP: &str = "app: shop\nlocales: [en, pl]\ncurrency: EUR\ntime_zone: UTC\nroles: { rep: {} }\n";

/// The connector of a text.
pub fn connector(text: &str) -> Connector {
    let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
    let name = text.lines().find_map(|line| line.strip_prefix("connector: ")).unwrap();
    let loaded = read(&[file("app.yaml", APP), file(&format!("connectors/{name}.yaml"), text)]);
    loaded.app.unwrap_or_else(|| panic!("{:#?}", loaded.findings)).connectors.into_values().next().unwrap()
}

/// What a call is given, as the JSON of a case says it.
pub struct Case {
    args: Map<String, Value>,
    settings: BTreeMap<String, String>,
    secrets: Secrets,
    key: String,
    callback: Option<String>,
    pub action: String,
}

impl Case {
    pub fn of(json: &str, more: &[(&str, &str)]) -> Case {
        let json: Value = serde_json::from_str(json).unwrap();
        let texts = |value: &Value| -> BTreeMap<String, String> { serde_json::from_value(value.clone()).unwrap() };
        let secrets = texts(&json["secrets"]).into_iter().chain(more.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        Case {
            args: json["args"].as_object().unwrap().clone(),
            settings: texts(&json["settings"]),
            secrets: Secrets::read(None, secrets.map(|(name, value)| (format!("{PREFIX}{}", name.to_uppercase()), value))).unwrap(),
            key: json["key"].as_str().unwrap().to_owned(),
            callback: json["callback"].as_str().map(str::to_owned),
            action: json["action"].as_str().unwrap().to_owned(),
        }
    }

    pub fn given(&self) -> Given<'_> {
        Given {
            tenant: "nordur",
            args: &self.args,
            key: &self.key,
            callback: self.callback.as_deref(),
            now: 1_790_000_000,
            base: None,
            settings: &self.settings,
            secrets: &self.secrets,
        }
    }
}

/// The sections of a case in their order: name and text, without the line end before the next.
fn sections(text: &str) -> Vec<(&str, &str)> {
    text.split("=== ")
        .skip(1)
        .filter_map(|section| section.split_once('\n'))
        .map(|(name, text)| (name, text.trim_end_matches('\n')))
        .collect()
}

fn answer(text: &str) -> Answer {
    let (status, body) = text.split_once(' ').unwrap();
    Answer { status: status.parse().unwrap(), headers: HeaderMap::new(), body: Bytes::from(body.to_owned()) }
}

fn judged(action: &Action, text: &str) -> String {
    match judge(action, &answer(text), 0) {
        Verdict::Done(result) => format!("done {}", Value::Object(result)),
        Verdict::Failed { result, .. } => format!("failed {}", Value::Object(result)),
        Verdict::Busy { .. } => "busy".to_owned(),
        Verdict::Doubt { .. } => "doubt".to_owned(),
    }
}

fn told(action: &Action, given: &Given<'_>, text: &str) -> String {
    match judge_ask(action, given, &answer(text)) {
        Asked::Happened(result) => format!("happened {}", Value::Object(result)),
        Asked::Failed { result, .. } => format!("failed {}", Value::Object(result)),
        Asked::NotThere => "not there".to_owned(),
        Asked::CannotTell { .. } => "cannot tell".to_owned(),
    }
}

/// What a provider of this name hears of each of these.
async fn heard(host: &str, authority: &Authority, send: impl AsyncFn(&Client)) -> Vec<String> {
    let acceptor = authority.acceptor(&authority.issue(host, |_| {}), false);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    let provider = Provider::start(move |stream| {
        let (acceptor, heard) = (acceptor.clone(), hears.clone());
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            let one = request(&mut stream).await;
            heard.lock().unwrap().push(one);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            let _ = stream.shutdown().await;
        }
    })
    .await;
    send(&Client::new(Net::of(&provider), Some(authority.pem().as_bytes())).unwrap()).await;
    std::mem::take(&mut *heard.lock().unwrap())
}

async fn check(text: &str) {
    assert!(text.starts_with("# https://"), "a case names its source");
    let authority = Authority::new();
    let certificate = authority.issue("us.example.com", |_| {});
    let sections = sections(text);
    let [("connector", yaml), ("given", given), ("sent", sent), means @ ..] = sections.as_slice() else { panic!("{sections:?}") };
    let connector = connector(yaml);
    let case = Case::of(given, &[("pix_certificate", &certificate)]);
    let action = &connector.actions[&case.action];
    let given = case.given();

    let prepared = prepare(&connector, action, &given).unwrap();
    let host = prepared.request.uri().host().unwrap().to_owned();
    let (head, body) = sent.split_once("\n\n").unwrap();
    let expected = format!("{}\r\n\r\n{body}", head.replace('\n', "\r\n"));
    let heard_first = heard(&host, &authority, async |client: &Client| {
        assert_eq!(prepared.send(client, far()).await.unwrap().status, 200);
    })
    .await;
    assert_eq!(heard_first, [expected]);

    let (asked, means): (Vec<_>, Vec<_>) = means.iter().partition(|(name, _)| *name == "asked");
    for (_, line) in asked {
        let prepared = prepare_ask(&connector, action, &given).unwrap();
        let heard = heard(&host, &authority, async |client: &Client| {
            prepared.send(client, far()).await.unwrap();
        })
        .await;
        // A question holds no key: nothing is done by it.
        let [question] = heard.as_slice() else { panic!("{heard:?}") };
        assert_eq!(question.lines().next(), Some(format!("{line} HTTP/1.1").as_str()));
        assert!(!question.contains("idempotency-key") && question.ends_with("connection: close\r\n\r\n"), "{question}");
    }
    for pair in means.chunks(2) {
        match pair {
            [("answered", text), ("means", expected)] => assert_eq!(judged(action, text), *expected, "{text}"),
            [("told", text), ("means", expected)] => assert_eq!(told(action, &given, text), *expected, "{text}"),
            other => panic!("{other:?}"),
        }
    }
}

macro_rules! cases {
    ($($name:ident)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                let text = include_str!(concat!("../../data/wire/", stringify!($name), ".txt"));
                check(text).await;
            }
        )+

        #[test]
        fn every_case_is_run() {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data/wire");
            let mut found: Vec<String> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            found.sort();
            assert_eq!(found, [$(concat!(stringify!($name), ".txt")),+]);
        }
    };
}

cases! { asaas dropbox_sign mercado_pago pix postmark stripe telegram twilio whatsapp }

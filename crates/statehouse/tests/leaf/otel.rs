//! Spans of requests at a stand-in collector, read here byte by byte as protobuf has them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use crate::server::{Server, start};

/// A member's API key; also a secret that may be in nothing that is sent.
const KEY: &str = "key-orders-nordur-rep-1";
/// The example of W3C Trace Context.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
/// Batches at most.
const BATCHES: usize = 64;

/// Takes whatever is sent to it: the head of each request, and its body.
fn collector() -> (String, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let (sent, received) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(BATCHES).flatten() {
            let mut reader = BufReader::new(stream);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).expect("a line");
                if line.trim().is_empty() {
                    break;
                }
                if let Some(text) = line.to_lowercase().strip_prefix("content-length:") {
                    length = text.trim().parse().expect("a number");
                }
                head += &line;
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("a body");
            let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            reader.get_mut().write_all(answer).expect("answered");
            let _ = sent.send((head, body));
        }
    });
    (endpoint, received)
}

/// A field of a message: a number or bytes.
#[derive(Debug)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message with their numbers, in order.
fn fields(mut rest: &[u8]) -> Vec<(u64, Field<'_>)> {
    fn number(rest: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let (byte, after) = rest.split_first().expect("a byte");
            *rest = after;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    }
    let mut found = Vec::new();
    while !rest.is_empty() {
        let tag = number(&mut rest);
        let length = match tag & 7 {
            0 => {
                found.push((tag >> 3, Field::Number(number(&mut rest))));
                continue;
            }
            1 => 8,
            2 => usize::try_from(number(&mut rest)).expect("a length"),
            5 => 4,
            other => panic!("no wire type {other}"),
        };
        let (bytes, after) = rest.split_at(length);
        found.push((tag >> 3, Field::Bytes(bytes)));
        rest = after;
    }
    found
}

fn all(message: &[u8], wanted: u64) -> Vec<&[u8]> {
    let bytes = |(number, field)| if let (true, Field::Bytes(bytes)) = (number == wanted, field) { Some(bytes) } else { None };
    fields(message).into_iter().filter_map(bytes).collect()
}

fn text(message: &[u8], wanted: u64) -> String {
    String::from_utf8_lossy(all(message, wanted).first().copied().unwrap_or_default()).into_owned()
}

fn hex(message: &[u8], wanted: u64) -> String {
    all(message, wanted).first().copied().unwrap_or_default().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A span as `opentelemetry/proto/trace/v1/trace.proto` numbers its fields.
#[derive(Debug)]
struct Span {
    trace: String,
    parent: String,
    name: String,
    attributes: Vec<(String, String)>,
}

fn spans(body: &[u8]) -> Vec<Span> {
    let resources = all(body, 1);
    let scopes = resources.into_iter().flat_map(|resource| all(resource, 2));
    scopes.flat_map(|scope| all(scope, 2)).map(span).collect()
}

fn span(message: &[u8]) -> Span {
    let attribute = |pair: &&[u8]| {
        let value = all(pair, 2)[0];
        let number = fields(value).into_iter().find_map(|(field, value)| match value {
            Field::Number(number) if field == 3 => Some(number.to_string()),
            _ => None,
        });
        (text(pair, 1), number.unwrap_or_else(|| text(value, 1)))
    };
    let mut attributes: Vec<_> = all(message, 9).iter().map(attribute).collect();
    attributes.sort();
    Span { trace: hex(message, 1), parent: hex(message, 4), name: text(message, 5), attributes }
}

#[test]
fn a_collector_is_told_of_each_request_and_of_nothing_in_it() {
    let (endpoint, received) = collector();
    let server = Server::with(&[("STATEHOUSE_TELEMETRY__OTLP_ENDPOINT", &endpoint)]);
    let bearer = format!("authorization: Bearer {KEY}\r\n");
    let said = server.say("GET /v1/order?limit=1", &format!("{bearer}x-request-id: mine-1\r\ntraceparent: 00-{TRACE}-{PARENT}-01\r\n"));
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    // A key where none belongs: in a path, a query, a method, and in place of a parent.
    server.say(&format!("GET /v1/order/{KEY}?key={KEY}"), &format!("{bearer}x-request-id: mine-2\r\ntraceparent: {KEY:=<55}\r\n"));
    server.say(&format!("GET /{KEY}"), "x-request-id: mine-3\r\n");
    server.say(&format!("{KEY} /v1/order"), "x-request-id: mine-4\r\n");
    let log = server.stop();
    let batches: Vec<_> = received.try_iter().collect();
    assert!(!batches.is_empty(), "nothing was sent; the log says\n{log}");
    for (head, body) in &batches {
        assert!(
            head.starts_with("POST /v1/traces HTTP/1.1") && head.to_lowercase().contains("content-type: application/x-protobuf"),
            "{head}"
        );
        let sent = format!("{head}{}", String::from_utf8_lossy(body));
        for secret in [KEY, "nordur", "Bearer", "limit=1"] {
            assert!(!sent.contains(secret), "`{secret}` was sent:\n{sent}");
        }
    }
    let spans: Vec<_> = batches.iter().flat_map(|(_, body)| spans(body)).collect();
    let of = |id: &str| {
        let found = spans.iter().find(|span| span.attributes.iter().any(|(key, value)| key == "statehouse.request_id" && value == id));
        found.unwrap_or_else(|| panic!("no span of `{id}` in {spans:#?}"))
    };
    let first = of("mine-1");
    assert_eq!((first.name.as_str(), first.trace.as_str(), first.parent.as_str()), ("GET /v1/{entity}", TRACE, PARENT));
    let told = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Vec<_>>();
    assert_eq!(
        first.attributes,
        told(&[
            ("http.request.method", "GET"),
            ("http.response.status_code", "200"),
            ("http.route", "/v1/{entity}"),
            ("statehouse.request_id", "mine-1"),
        ])
    );
    let second = of("mine-2");
    assert_eq!((second.name.as_str(), second.parent.as_str()), ("GET /v1/{entity}/{id}", ""));
    assert!(second.attributes.contains(&("http.response.status_code".into(), "404".into())), "{second:?}");
    assert_eq!(
        of("mine-3").attributes,
        told(&[("http.request.method", "GET"), ("http.response.status_code", "404"), ("statehouse.request_id", "mine-3"),])
    );
    assert_eq!(of("mine-4").name, "_OTHER");
}

#[test]
fn a_collector_that_is_not_there_slows_nobody_and_is_told_of_once() {
    // A port that was free a moment ago.
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let server = Server::with(&[("STATEHOUSE_TELEMETRY__OTLP_ENDPOINT", &format!("http://{gone}"))]);
    assert!(server.say("GET /health/live", "").starts_with("HTTP/1.1 200"));
    let log = server.stop();
    assert_eq!(log.matches("the collector does not take spans").count(), 1, "{log}");
}

#[test]
fn a_collector_elsewhere_is_to_be_declared() {
    let (child, _db, _dir) = start(&[("STATEHOUSE_TELEMETRY__OTLP_ENDPOINT", "http://203.0.113.1:4318")]);
    let ended = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.code() == Some(64) && said.contains("SH0009") && said.contains("telemetry.beyond_host"), "{said}");
}

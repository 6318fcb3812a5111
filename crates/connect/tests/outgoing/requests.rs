//! Nothing an argument holds changes what is asked, and nothing is sent with an empty place in it.

use proptest::prelude::*;
use serde_json::{Value, json};
use statehouse_connect::call::{Prepared, Unready, prepare, prepare_ask};
use statehouse_connect::egress::{Allowed, Client, Unsent, Why};
use statehouse_connect::pattern::Missing;
use url::Url;

use super::provider::far;
use super::wire::{Case, connector};

/// Every place in which a value can stand.
const EVERYWHERE: &str = r#"
connector: one
class: K
base: "https://api.example.com/v1"
auth: { query: { token: one_token } }
key: { header: Idempotency-Key, life: 20 hours }
headers: { X-Version: "2" }
actions:
  form:
    args: { value: required, other: optional }
    send:
      post: "/a/{value}/b-{value}"
      query: { "q[1]": "{value}", o: "{other}" }
      headers: { X-Other: "{other}" }
      form: { "f[1]": "{value}", o: "{other}", both: "{value}/{value}" }
  json:
    args: { value: required, other: optional }
    send: { put: /x, json: { a: "{value}", b: ["{other}", "{value}"], c: { d: "{other}" }, e: "={value}", f: true, g: 12 } }
  header:
    args: { value: required }
    send: { post: /x, headers: { X-Value: "{value}" } }
  mixed:
    args: { value: required, other: optional }
    send: { post: /x, form: { a: "{value} {other}" } }
  alone:
    args: { value: required }
    send: { post: /x, form: { a: "{value}" } }
    ask: { get: /x, query: { a: "{value}" }, where: { a: "{value}" } }
  setting:
    args: {}
    send: { post: /x, form: { a: "{setting.nothing}" } }
  secret:
    args: {}
    send: { post: /x, form: { a: "{secret.nothing}" } }
  callback:
    args: {}
    send: { post: /x, form: { a: "{callback}" } }
  text:
    args: { lang: required, value: required }
    text: { en: "hello {value}", pl: "cześć {value}" }
    send: { post: /x, form: { a: "{text}" } }
"#;

fn case(action: &str, args: Value) -> Case {
    let given = json!({"action": action, "key": "k-1-0", "args": args, "settings": {}, "secrets": {"one_token": "t&t"}});
    Case::of(&given.to_string(), &[])
}

fn prepared(action: &str, args: Value) -> Result<Prepared, Unready> {
    let connector = connector(EVERYWHERE);
    prepare(&connector, &connector.actions[action], &case(action, args).given())
}

fn body(prepared: &Prepared) -> String {
    String::from_utf8(prepared.request.body().to_vec()).unwrap()
}

#[test]
fn what_an_argument_holds_stays_in_its_place() {
    let one = prepared("form", json!({"value": "../x?y=1#z&a=b/%2e c+d"})).unwrap();
    assert_eq!(
        one.request.uri().to_string(),
        "https://api.example.com/v1/a/..%2Fx%3Fy%3D1%23z%26a%3Db%2F%252e%20c%2Bd/b-..%2Fx%3Fy%3D1%23z%26a%3Db%2F%252e%20c%2Bd\
         ?q%5B1%5D=..%2Fx%3Fy%3D1%23z%26a%3Db%2F%252e%20c%2Bd&token=t%26t"
    );
    assert_eq!(
        body(&one),
        "f%5B1%5D=..%2Fx%3Fy%3D1%23z%26a%3Db%2F%252e+c%2Bd&both=..%2Fx%3Fy%3D1%23z%26a%3Db%2F%252e+c%2Bd%2F..%2Fx%3Fy%3D1%23z%26a%3Db%2F%252e+c%2Bd"
    );
    assert_eq!(one.request.headers()["idempotency-key"], "k-1-0");
    assert_eq!(one.request.headers()["x-version"], "2");
    assert!(!one.request.headers().contains_key("x-other"), "an argument that may be absent leaves no header");
    assert_eq!(one.allowed, Allowed::Hosts(vec!["api.example.com".into()]));
}

#[test]
fn a_value_keeps_its_type_in_json() {
    let with = |args| body(&prepared("json", args).unwrap());
    let other = r#"{"a":1,"b":[[2],1],"c":{"d":[2]},"e":"=1","f":true,"g":12}"#;
    assert_eq!(with(json!({"value": 1, "other": [2]})), other);
    assert_eq!(with(json!({"value": "\"1\""})), r#"{"a":"\"1\"","b":["\"1\""],"c":{},"e":"=\"1\"","f":true,"g":12}"#);
    assert_eq!(with(json!({"value": true, "other": null})), r#"{"a":true,"b":[true],"c":{},"e":"=true","f":true,"g":12}"#);
}

#[test]
fn nothing_is_sent_with_an_empty_place() {
    let absent = |hole: &str| Unready::Missing(Missing::Absent(hole.into()));
    let cases = [
        ("form", json!({}), absent("value")),
        ("form", json!({"value": null}), absent("value")),
        ("form", json!({"value": ""}), absent("value")),
        ("form", json!({"value": "."}), Unready::Path),
        ("form", json!({"value": ".."}), Unready::Path),
        ("form", json!({"value": {"a": 1}}), Unready::Missing(Missing::Form { hole: "value".into(), wanted: "a text or a number" })),
        ("json", json!({"other": 1}), absent("value")),
        // What is required is never left out, even where it stands alone.
        ("header", json!({}), absent("value")),
        ("alone", json!({}), absent("value")),
        ("alone", json!({"value": null}), absent("value")),
        // Beside something else an absent argument would leave a gap that nobody meant.
        ("mixed", json!({"value": "x"}), absent("other")),
        ("mixed", json!({"value": "x", "other": null}), absent("other")),
        ("setting", json!({}), absent("setting.nothing")),
        ("secret", json!({}), Unready::Missing(Missing::Secret("nothing".into()))),
        ("callback", json!({}), absent("callback")),
        ("text", json!({"lang": "pl"}), absent("value")),
    ];
    for (action, args, expected) in cases {
        assert_eq!(prepared(action, args.clone()).err(), Some(expected), "{action} {args}");
    }
    let codes = ["form", "secret"].map(|action| prepared(action, json!({})).unwrap_err().code().code);
    assert_eq!(codes, ["SH7002", "SH7003"]);
}

#[test]
fn the_text_is_in_the_language_asked_for_or_the_first() {
    let said = |lang: &str| body(&prepared("text", json!({"lang": lang, "value": "x"})).unwrap());
    assert_eq!([said("pl"), said("pl-PL"), said("pl_PL")], ["a=cze%C5%9B%C4%87+x"; 3]);
    assert_eq!([said("en"), said("is"), said("")], ["a=hello+x"; 3]);
}

#[test]
fn one_header_never_becomes_two() {
    for value in ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b", "\u{7f}", "ż", "\u{85}x"] {
        let refused = prepared("header", json!({"value": value})).unwrap_err();
        assert_eq!(refused, Unready::Header("X-Value".into()), "{value:?}");
        assert_eq!(refused.to_string(), "the header `X-Value` cannot be sent so");
    }
    for value in ["a", "a b", "a: b", "a\tb"] {
        assert_eq!(prepared("header", json!({"value": value})).unwrap().request.headers()["x-value"], value);
    }
}

fn of(yaml: &str) -> Result<Prepared, Unready> {
    let connector = connector(&format!("connector: one\nclass: N\n{yaml}"));
    prepare(&connector, &connector.actions["go"], &case("go", json!({})).given())
}

#[test]
fn what_ends_a_message_is_not_the_definitions_to_say() {
    for name in ["Host", "Content-Length", "Transfer-Encoding", "connection", "Accept-Encoding", "TE", "Expect"] {
        let yaml =
            format!("base: https://api.example.com\nactions: {{ go: {{ args: {{}}, send: {{ post: /x, headers: {{ {name}: a }} }} }} }}");
        assert_eq!(of(&yaml).err(), Some(Unready::Header(name.into())));
    }
}

#[test]
fn a_path_says_what_it_says() {
    let path =
        |path: &str| of(&format!("base: https://api.example.com/v1/\nactions: {{ go: {{ args: {{}}, send: {{ post: '{path}' }} }} }}"));
    assert_eq!(path("/a/b.json").unwrap().request.uri(), "https://api.example.com/v1/a/b.json");
    for unclear in ["/a/../b", "/./a", "/a/%2e%2e/b", "/a?x=1", "/a?", "/a#b", "/a b", "/a\\\\b", "//evil.example/x\\\\.."] {
        assert_eq!(path(unclear).err(), Some(Unready::Path), "{unclear}");
    }
}

#[test]
fn only_what_is_said_is_sent() {
    assert_eq!(of("actions: { go: { args: {} } }").err(), Some(Unready::Undefined("send")));
    let silent = connector("connector: one\nclass: N\nbase: https://api.example.com\nactions: { go: { args: {} } }\n");
    let case = case("go", json!({}));
    assert_eq!(prepare_ask(&silent, &silent.actions["go"], &case.given()).err(), Some(Unready::Undefined("ask")));
}

#[test]
fn a_key_goes_with_what_is_done_and_not_with_a_question() {
    let connector = connector(EVERYWHERE);
    let (action, case) = (&connector.actions["alone"], case("alone", json!({"value": "x"})));
    let key = |ready: Prepared| ready.request.headers().get("idempotency-key").cloned();
    assert_eq!(key(prepare(&connector, action, &case.given()).unwrap()).unwrap(), "k-1-0");
    assert_eq!(key(prepare_ask(&connector, action, &case.given()).unwrap()), None);
    let fetched = statehouse_connect::call::Given { key: "", ..case.given() };
    assert_eq!(key(prepare(&connector, action, &fetched).unwrap()), None);
}

#[test]
fn a_base_of_the_settings_allows_itself_alone() {
    let connector = connector(EVERYWHERE);
    let case = case("header", json!({"value": "x"}));
    let at = |base| prepare(&connector, &connector.actions["header"], &statehouse_connect::call::Given { base, ..case.given() }).unwrap();
    let there = at(Some("http://127.0.0.1:4010/one/"));
    assert_eq!(there.request.uri(), "http://127.0.0.1:4010/one/x?token=t%26t");
    assert_eq!(there.allowed, Allowed::Hosts(vec!["127.0.0.1:4010".into()]));
    assert_eq!(at(Some("https://mirror.example.org")).allowed, Allowed::Hosts(vec!["mirror.example.org:443".into()]));
    assert_eq!(at(None).allowed, Allowed::Hosts(vec!["api.example.com".into()]));
}

#[test]
fn a_port_of_the_base_is_meant_with_its_host_and_never_one_of_this_machine() {
    let hosts = |base: &str, hosts: &str| {
        of(&format!("base: '{base}'\nhosts: [{hosts}]\nactions: {{ go: {{ args: {{}}, send: {{ post: /x }} }} }}")).unwrap().allowed
    };
    let named = |hosts: &[&str]| Allowed::Hosts(hosts.iter().map(|host| (*host).to_owned()).collect());
    assert_eq!(hosts("https://api.example.com:8443", "api.example.com"), named(&["api.example.com", "api.example.com:8443"]));
    assert_eq!(hosts("https://127.0.0.1:4010", "127.0.0.1"), named(&["127.0.0.1"]));
}

#[tokio::test]
async fn a_secret_is_told_nowhere() {
    const CANARY: &str = "canary-5f3a9c";
    let given = |action: &str, args: Value| {
        let given = json!({"action": action, "key": "k", "args": args, "settings": {"nothing": CANARY}, "secrets": {"one_token": CANARY, "nothing": CANARY}});
        Case::of(&given.to_string(), &[])
    };
    let mut told = String::new();
    let connector_everywhere = connector(EVERYWHERE);
    for (action, args) in [
        ("secret", json!({})),
        ("setting", json!({})),
        ("header", json!({"value": format!("{CANARY}\r\n")})),
        ("form", json!({"value": CANARY})),
    ] {
        let case = given(action, args);
        match prepare(&connector_everywhere, &connector_everywhere.actions[action], &case.given()) {
            Err(unready) => told.push_str(&format!("{unready} {unready:?}")),
            Ok(ready) => {
                let base = prepare(
                    &connector_everywhere,
                    &connector_everywhere.actions[action],
                    &statehouse_connect::call::Given { base: Some("http://127.0.0.1:1"), ..case.given() },
                )
                .unwrap();
                let unsent = base.send(&Client::system(None).unwrap(), far()).await.unwrap_err();
                told.push_str(&format!("{ready:?} {unsent} {unsent:?} {:?}", ready.request.headers()));
            }
        }
    }
    for auth in
        ["{ bearer: one_token }", "{ basic: [one_token, nothing] }", "{ header: { X-Key: one_token } }", "{ certificate: one_token }"]
    {
        let yaml = format!(
            "connector: one\nclass: N\nbase: https://api.example.com\nauth: {auth}\nactions: {{ go: {{ args: {{}}, send: {{ post: /x }} }} }}"
        );
        let connector = connector(&yaml);
        let case = given("go", json!({}));
        let ready = prepare(&connector, &connector.actions["go"], &case.given()).unwrap();
        told.push_str(&format!("{ready:?} {:?}", ready.request.headers()));
        if auth.contains("certificate") {
            let unsent = ready.send(&Client::system(None).unwrap(), far()).await.unwrap_err();
            assert!(matches!(unsent, Unsent::NotSent(Why::Untrusted(_))), "{unsent:?}");
            told.push_str(&format!("{unsent} {unsent:?}"));
        }
    }
    assert!(told.contains("Prepared(POST api.example.com)"), "{told}");
    assert!(!told.contains(CANARY) && !told.contains("Y2FuYXJ5"), "{told}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whoever reads what was written finds what was meant, and nothing else.
    #[test]
    fn any_value_comes_out_as_it_went_in(value in "\\PC{1,12}|[./?#&=%+;:@\\\\ \r\n\0\"'<>{}\\[\\]]{1,12}") {
        let form = prepared("form", json!({"value": value}));
        if matches!(value.as_str(), "." | "..") {
            prop_assert_eq!(form.err(), Some(Unready::Path));
        } else {
            let form = form.unwrap();
            let url = Url::parse(&form.request.uri().to_string()).unwrap();
            let decoded = |text: &str| form_urlencoded::parse(format!("x={}", text.replace('+', "%2B")).as_bytes()).next().unwrap().1.into_owned();
            let segments: Vec<String> = url.path_segments().unwrap().map(decoded).collect();
            prop_assert_eq!(segments, ["v1", "a", &value, &format!("b-{value}")].map(str::to_owned));
            let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            prop_assert_eq!(query, [("q[1]".to_owned(), value.clone()), ("token".to_owned(), "t&t".to_owned())]);
            prop_assert_eq!((url.host_str(), url.fragment()), (Some("api.example.com"), None));
            let fields: Vec<(String, String)> = form_urlencoded::parse(form.request.body()).into_owned().collect();
            prop_assert_eq!(fields, [("f[1]".to_owned(), value.clone()), ("both".to_owned(), format!("{value}/{value}"))]);
        }
        let tree: Value = serde_json::from_slice(prepared("json", json!({"value": value})).unwrap().request.body()).unwrap();
        prop_assert_eq!(&tree["a"], &json!(value));
        match prepared("header", json!({"value": value})) {
            Ok(ready) => prop_assert_eq!(ready.request.headers()["x-value"].to_str().unwrap(), value),
            Err(refused) => prop_assert_eq!(refused, Unready::Header("X-Value".into())),
        }
    }
}

//! Connectors, claiming transitions, inboxes and schedules: what they are read as, and that the database keeps it.

use statehouse_definition::model::{Action, Body, Call, CatchUp, Class, Connector, Late, Means, Method, OutcomeKind, Piece, Weekday};
use statehouse_definition::{App, Finding, SourceFile, check, read};

const APP: &str = "\
app: shop
locales: [en, pl]
currency: EUR
time_zone: UTC
capabilities: { payments.resolve: { en: Say what became of a payment } }
roles: { rep: {}, admin: { capabilities: [payments.resolve] } }
calendars: { poland: { weekend: [saturday, sunday], holidays: [2026-12-25] } }
schedules:
  sweep:
    cron: \"0 8 * * mon-fri\"
    zone: Europe/Warsaw
    calendar: poland
    off_day: previous
    catch_up: all
    skipped_hour: skip
    doubled_hour: both
    fire: { entity: order, verb: tidy, where: \"title is null and amount < 5\" }
";

const ORDER: &str = "\
entity: order
fields:
  rep: { type: member, required: true }
  amount: { type: money, required: true, default: \"0\" }
  payment: { type: text, unique: true }
  reason: { type: text }
  title: { type: text }
states:
  open: { initial: true, owner: rep, may_wait: forever }
  charging: { claim: true }
  paid: { owner: rep, may_wait: forever }
  owed: { owner: rep, may_wait: forever }
  done: { final: true }
transitions:
  charge:
    label: { en: Charge, pl: Pobierz }
    from: [open, owed]
    via: charging
    by: [rep]
    guards: { some: { that: \"amount > 0\", else: { en: Nothing to charge, pl: Nie ma czego pobrać } } }
    call: { pay.charge: { amount: \"{amount}\", lang: pl } }
    done: { to: paid, keep: { payment: \"{id}\" }, set: { title: \"'paid'\" }, do: [ pay.thank: { lang: en } ] }
    failed: { to: open, keep: { reason: \"{code}\" } }
    unknown: { within: 10 minutes, by: [payments.resolve] }
    late_done: { from: [open, paid], to: owed }
  finish: { from: paid, to: done, by: [rep, connector] }
  repay: { from: owed, to: done, by: [rep] }
  tidy: { from: open, to: done, by: [system] }
access:
  admin: { see: all, create: true, edit: all }
  rep: { see: \"rep = actor()\" }
";

const PAY: &str = "\
connector: pay
class: Q
money: true
base: https://api.pay.example/v1/
hosts: [API.pay.example, files.pay.example]
auth: { basic: pay_key }
headers: { Pay-Version: \"2026-01-01\" }
timeout: 5 seconds
limit: 20 per second
breaker: { failures: 3 }
attempts: 6
ask: { get: \"/charges\", query: { ref: \"{ref}\" }, list: data, where: { meta.key: \"{key}\" }, result: { id: \"{object.id}\" } }
actions:
  charge:
    args: { amount: required, lang: required, note: optional }
    text: { en: \"Order {note} {{{ref}}}\", pl: \"Zamówienie {note}\" }
    send:
      post: \"/charges/{ref}\"
      headers: { Prefer: \"{setting.prefer}\" }
      json: { amount: { value: \"{amount|major EUR}\", minor: \"{amount}\", live: true, tries: 3, none: null }, tags: [\"{text}\", \"12\"] }
    answers: [ { status: 402, where: { error.code: declined }, means: failed }, { status: 4xx, means: busy } ]
    result: { id: \"{body.id}\" }
  thank: { args: { lang: required }, send: { post: \"/thanks\", form: { \"metadata[ref]\": \"{ref}\" } }, ask: { get: \"/thanks/{ref}\" } }
  charged: { args: { id: required }, send: { get: \"/charges/{id}\" } }
  changes: { args: { since: required, after: optional }, send: { get: \"/changes\", query: { since: \"{since}\", after: \"{after}\" } } }
";

const BANK: &str = "\
inbox: bank
scheme: mercado_pago
secrets: [bank_hook, bank_hook_old]
id: \"{body.id}\"
type: \"{body.type}\"
account: \"{body.user_id}\"
object: \"{body.data}\"
fetch: { pay.charged: { id: \"{query.data.id}\" } }
meaning: \"payment.{object.status}\"
ignore: [ping]
messages:
  payment.approved: { entity: order, find: { payment: \"{object.id}\" }, verb: finish, wait: 3 days, late: ignore }
  payment.late: { entity: order, find: { id: \"{object.reference}\" }, verb: charge.late_done, input: { payment: \"{object.id}\" } }
reconcile:
  every: 5 minutes
  window: 1 hour
  list: { pay.changes: { since: \"{since}\", after: \"{page}\" } }
  pages: { next: \"{last.id}\", more: \"{answer.more}\" }
  items: data.items
  id: \"{item.id}:{item.status}\"
  type: \"payment.{item.status}\"
";

fn files(change: impl Fn(&str) -> String) -> Vec<SourceFile> {
    [("app.yaml", APP), ("entities/order.yaml", ORDER), ("connectors/pay.yaml", PAY), ("inbox/bank.yaml", BANK)]
        .map(|(path, text)| SourceFile { path: path.to_owned(), text: change(text) })
        .to_vec()
}

fn findings(app: &[SourceFile]) -> (Option<App>, Vec<Finding>) {
    let loaded = read(app);
    let mut all = loaded.findings;
    all.extend(loaded.app.iter().flat_map(check));
    (loaded.app, all)
}

fn app() -> App {
    let (app, findings) = findings(&files(str::to_owned));
    assert_eq!(findings, []);
    app.expect("a sound app")
}

/// One `via` is seven ordinary transitions, written here as one would write them by hand.
#[test]
fn a_claiming_transition_is_read_as_ordinary_ones() {
    let order = &app().entities["order"];
    let line = |verb: &str| {
        let one = &order.transitions[verb];
        let by: Vec<String> = one
            .by
            .iter()
            .map(|actor| {
                use statehouse_definition::model::Actor::*;
                match actor {
                    Role(name) | Capability(name) => name.clone(),
                    Kind(kind) => kind.name().to_owned(),
                }
            })
            .collect();
        let input: Vec<String> = one.input.iter().map(|(name, input)| format!("{name}{}", if input.required { "!" } else { "" })).collect();
        let owed: Vec<String> = one.effects.iter().map(|effect| format!("{}.{}", effect.connector, effect.action)).collect();
        let to = one.to.as_deref().unwrap_or("stays");
        format!("{verb}: {} -> {to} by {} input {} owes {}", one.from.join(","), by.join(","), input.join(","), owed.join(","))
    };
    let verbs: Vec<&str> = order.transitions.keys().map(String::as_str).collect();
    let family = verbs[..7].to_vec();
    assert_eq!(verbs[7..], ["finish", "repay", "tidy"]);
    let lines: Vec<String> = family.iter().map(|verb| line(verb)).collect();
    assert_eq!(
        lines,
        [
            "charge: open,owed -> charging by rep input  owes pay.charge",
            "charge.done: charging -> paid by connector input payment owes pay.thank",
            "charge.failed: charging -> open by connector input reason owes ",
            "charge.unknown: charging -> stays by connector input  owes ",
            "charge.resolve_done: charging -> paid by payments.resolve input payment,charge_evidence! owes pay.thank",
            "charge.resolve_failed: charging -> open by payments.resolve input reason,charge_evidence! owes ",
            "charge.late_done: open,paid -> owed by connector,payments.resolve input payment,charge_evidence owes ",
        ]
    );
    assert_eq!(order.transitions["charge"].guards.len(), 1);
    assert_eq!(order.transitions["charge.done"].guards.len(), 0);
    assert_eq!(order.transitions["charge.resolve_done"].set["title"].text, "'paid'");
    assert_eq!(order.transitions["charge.resolve_done"].label["pl"], "Pobierz: zostało wykonane");
    let Call { via, done, failed, within, evidence, late, .. } = order.transitions["charge"].call.as_ref().expect("a call");
    assert_eq!((&**via, &**done, &**failed, &**evidence, *late), ("charging", "paid", "open", "charge_evidence", true));
    assert_eq!(within.seconds(), 600);
    let late = order.transitions["charge.late_done"].outcome.as_ref().expect("an outcome");
    assert_eq!((late.of.as_str(), late.kind), ("charge", OutcomeKind::LateDone));
    assert_eq!(late.keep.keys().collect::<Vec<_>>(), ["payment"]);
}

/// What a person went by is seen by those who may resolve.
#[test]
fn evidence_is_a_field_that_others_do_not_see() {
    let order = &app().entities["order"];
    assert_eq!(
        order.fields["charge_evidence"].check.as_ref().map(|check| check.text.as_str()),
        Some("length(btrim(charge_evidence)) >= 3")
    );
    assert_eq!(order.access["rep"].hide, ["charge_evidence"]);
    assert!(order.access["admin"].hide.is_empty());
    // One the author declared is seen as the author says.
    let own = files(|text| text.replace("  title: {", "  charge_evidence: { type: text }\n  title: {"));
    let own = &findings(&own).0.expect("a sound app").entities["order"];
    assert!(own.access["rep"].hide.is_empty() && own.fields["charge_evidence"].check.is_none());
}

#[test]
fn a_connector_means_what_it_says() {
    let app = app();
    let pay: &Connector = &app.connectors["pay"];
    let wire = pay.wire.as_ref().expect("a wire");
    assert_eq!((wire.base.as_str(), wire.hosts.join(" ").as_str()), ("https://api.pay.example/v1", "api.pay.example files.pay.example"));
    assert_eq!((pay.class, pay.money, pay.attempts, pay.breaker.failures, pay.breaker.open.seconds()), (Class::Q, true, 6, 3, 30));
    assert_eq!((wire.timeout.seconds(), wire.ask_after.seconds(), pay.limit.map(|limit| limit.count)), (5, 30, Some(20)));
    let charge = &pay.actions["charge"];
    let send = charge.send.as_ref().expect("it sends");
    assert_eq!(send.method, Method::Post);
    let Body::Json(json) = &send.body else { panic!("{:?}", send.body) };
    let written = serde_json::to_string(json).expect("JSON");
    for part in [
        r#"{"Fixed":true}"#,
        r#"{"Fixed":3}"#,
        r#"{"Fixed":null}"#,
        r#"{"Text":{"parts":[{"Text":"12"}]}}"#,
        r#""filters":[{"Major":"EUR"}]"#,
    ] {
        assert!(written.contains(part), "{part} is not in {written}");
    }
    assert_eq!((charge.answers[0].status.from, charge.answers[0].means), (402, Means::Failed));
    assert!(charge.answers[1].status.holds(499) && !charge.answers[1].status.holds(500));
    // `{{` is a brace, and so is `}}`.
    assert!(
        matches!(charge.text["en"].parts.as_slice(), [Piece::Text(a), Piece::Hole { .. }, Piece::Text(b), Piece::Hole { .. }, Piece::Text(c)]
        if a == "Order " && b == " {" && c == "}")
    );
    // What an action does not say itself, the connector says for all.
    assert_eq!(charge.ask.as_ref().and_then(|ask| ask.list.as_deref()), Some("data"));
    assert_eq!(pay.actions["thank"].ask.as_ref().and_then(|ask| ask.list.as_deref()), None);
}

#[test]
fn an_inbox_and_a_schedule_mean_what_they_say() {
    let app = app();
    let bank = &app.inboxes["bank"];
    let approved = &bank.messages["payment.approved"];
    assert_eq!((approved.find.0.as_str(), approved.wait.seconds(), approved.late), ("payment", 3 * 86_400, Late::Ignore));
    assert_eq!((bank.messages["payment.late"].wait.seconds(), bank.messages["payment.late"].late), (7 * 86_400, Late::Queue));
    let fetch = bank.fetch.as_ref().expect("it is fetched");
    assert_eq!(fetch.args["id"].paths().next().map(|path| path.join(".")), Some("query.data.id".to_owned()));
    assert_eq!(bank.reconcile.as_ref().map(|one| (one.items.as_str(), one.every.seconds())), Some(("data.items", 300)));
    let sweep = &app.schedules["sweep"];
    assert_eq!((sweep.catch_up, sweep.fire.only.is_some()), (CatchUp::All, true));
    assert_eq!(app.calendars["poland"].weekend, [Weekday::Saturday, Weekday::Sunday]);
}

#[test]
fn the_database_keeps_all_of_it() {
    let app = app();
    let stored = serde_json::to_value(&app).expect("an app is JSON");
    let back: App = serde_json::from_value(stored.clone()).expect("and comes back");
    assert_eq!(serde_json::to_value(&back).expect("an app is JSON"), stored);
    assert_eq!(check(&back), []);
}

/// A definition stored before actions had a wire is read, whatever its arguments were called.
#[test]
fn older_definitions_are_read() {
    for (stored, args) in [
        (r#"{}"#, vec![]),
        (r#"{"to":{"required":true},"lang":{"required":false}}"#, vec!["to", "lang"]),
        (r#"{"text":{"required":true},"args":{"required":false}}"#, vec!["text", "args"]),
    ] {
        let action: Action = serde_json::from_str(stored).expect(stored);
        assert_eq!(action.args.keys().collect::<Vec<_>>(), args);
        assert!(action.send.is_none());
    }
    let mut stored = serde_json::to_value(app()).expect("JSON");
    let top = stored.as_object_mut().expect("an object");
    for key in ["inboxes", "schedules", "calendars"] {
        top.remove(key).expect(key);
    }
    for key in ["money", "wire", "limit", "breaker", "attempts", "fallback"] {
        top["connectors"]["pay"].as_object_mut().expect("an object").remove(key).expect(key);
    }
    for one in top["entities"]["order"]["transitions"].as_object_mut().expect("an object").values_mut() {
        one.as_object_mut().expect("an object").retain(|key, _| key != "call" && key != "outcome");
    }
    let back: App = serde_json::from_value(stored).expect("an older definition");
    assert_eq!((back.connectors["pay"].attempts, back.inboxes.len()), (12, 0));
}

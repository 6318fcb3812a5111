//! The three bare ones, for proofs and measurements. They take any JSON and are as small as can be:
//! `/k/send` honours `idempotency-key`, `/q/send` can be asked at `/q/find?ref=`, `/n/send` neither.

use serde_json::{Value, json};

use super::{Op, Provider};
use crate::call::{self, Call};
use crate::deed::{Deed, Reply, View};
use crate::log::Line;
use crate::shelf::Shelf;

/// Honours a key.
pub(crate) static K: Bare = Bare { name: "k", about: "takes `POST send` once per `idempotency-key`" };
/// Can be asked.
pub(crate) static Q: Bare = Bare { name: "q", about: "takes `POST send`, and `GET find?ref=` asks whether it did" };
/// Neither.
pub(crate) static N: Bare = Bare { name: "n", about: "takes `POST send`, each time anew, and cannot be asked" };

/// One of the three.
#[derive(Debug)]
pub(crate) struct Bare {
    name: &'static str,
    about: &'static str,
}

impl Bare {
    fn id(&self, n: u64) -> Value {
        json!({ "id": format!("{}_{n}", self.name) })
    }

    fn send(&self, call: &Call, view: &View<'_>) -> Deed {
        let reference = call.text("ref");
        if self.name == "k" {
            let Some(key) = call.header("idempotency-key") else {
                return Deed::answer(Reply::new(400, json!({ "error": "`idempotency-key` is missing" })));
            };
            match view.shelf.bare(key) {
                Some((_, print)) if print != call.print() => {
                    return Deed::answer(Reply::new(422, json!({ "error": "the key was used with another body" })));
                }
                Some((n, _)) => {
                    let reply = Reply::new(200, self.id(n)).with("idempotent-replayed", "true");
                    return Deed::answer(reply).about(reference);
                }
                None => {}
            }
        }
        Deed { effect: true, ..Deed::answer(Reply::new(200, self.id(view.ids.n))).about(reference) }
    }

    fn find(&self, call: &Call, view: &View<'_>) -> Deed {
        let reference = call.asked("ref").unwrap_or_default();
        let kept = |(n, _)| json!({ "id": format!("{}_{n}", self.name), "ref": reference });
        let found: Vec<Value> = view.shelf.bare(reference).map(kept).into_iter().collect();
        Deed::answer(Reply::new(200, json!({ "found": found }))).about(Some(reference.to_owned()))
    }
}

impl Provider for Bare {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn op(&self, call: &Call) -> Option<Op> {
        match (call.way().0, call.segment(0), call.segments.len()) {
            ("POST", "send", 1) => Op::write("send"),
            ("GET", "find", 1) if self.name == "q" => Op::read("find"),
            _ => None,
        }
    }

    fn act(&self, op: &str, call: &Call, view: &View<'_>) -> Deed {
        match op {
            "send" => self.send(call, view),
            "find" => self.find(call, view),
            _ => Deed::answer(self.refuse(404, None)),
        }
    }

    fn refuse(&self, status: u16, _wait_s: Option<i64>) -> Reply {
        Reply::new(status, json!({ "error": status }))
    }

    fn remember(&self, shelf: &mut Shelf, line: &Line) {
        if !line.effect {
            return;
        }
        match (self.name, &line.key, &line.reference) {
            ("k", Some(key), _) => shelf.keep_bare(key.clone(), line.n, call::print("POST", "/send", &line.body)),
            ("q", _, Some(reference)) => shelf.keep_bare(reference.clone(), line.n, String::new()),
            _ => {}
        }
    }
}

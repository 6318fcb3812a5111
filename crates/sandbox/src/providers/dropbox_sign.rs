//! Dropbox Sign: signature requests. It takes no key; a list by metadata finds what was made.
//!
//! <https://developers.hellosign.com/api/reference/operation/signatureRequestSend>, <https://developers.hellosign.com/docs/events/walkthrough>;
//! objects as in <https://github.com/hellosign/hellosign-openapi>, `examples/json`

use serde_json::{Map, Value, json};

use super::{Op, Provider};
use crate::call::{Call, text};
use crate::deed::{Deed, Reply, View};
use crate::hooks::{Habit, Notice, Post, Target};
use crate::log::Sent;
use crate::moment::Moment;
use crate::sign;

/// What a receiver must answer, to the letter.
const TAKEN: &[u8] = b"Hello API Event Received";
const BOUNDARY: &str = "------------------------sandbox4f1c7a90d2";
const ACCOUNT: &str = "63522885f9261e2b04eea043933ee7313eb674fd";

/// The stand-in.
#[derive(Debug)]
pub(crate) struct DropboxSign;

impl Provider for DropboxSign {
    fn name(&self) -> &'static str {
        "dropboxsign"
    }

    fn about(&self) -> &'static str {
        "Dropbox Sign: signature requests"
    }

    fn op(&self, call: &Call) -> Option<Op> {
        match call.way() {
            ("POST", way) if way == ["v3", "signature_request", "send"] => Op::write("signature_request.send"),
            ("GET", way) if way == ["v3", "signature_request", "list"] => Op::read("signature_request.list"),
            ("GET", way) if matches!(way[..], ["v3", "signature_request", _]) => Op::read("signature_request.fetch"),
            ("POST", way) if matches!(way[..], ["v3", "signature_request", "cancel", _]) => Op::write("signature_request.cancel"),
            _ => None,
        }
    }

    fn act(&self, op: &str, call: &Call, view: &View<'_>) -> Deed {
        if op == "unknown" {
            return Deed::answer(self.refuse(404, None));
        }
        if call.basic().is_none() && call.bearer().is_none() {
            return Deed::answer(error(401, "unauthorized", "Unauthorized user. No credentials supplied."));
        }
        match op {
            "signature_request.send" => send(call, view),
            "signature_request.cancel" => cancel(call.segment(3), view),
            "signature_request.list" => Deed::answer(list(call, view)),
            _ => Deed::answer(match view.shelf.get("request", call.segment(2)) {
                Some(request) => Reply::new(200, json!({ "signature_request": request })),
                None => error(404, "not_found", "Not found."),
            }),
        }
    }

    fn refuse(&self, status: u16, _wait_s: Option<i64>) -> Reply {
        match status {
            404 => error(404, "not_found", "Not found."),
            429 => error(429, "exceeded_rate", "Too many requests."),
            503 => error(503, "maintenance", "The site is temporarily unavailable."),
            status => error(status, "unknown", "An error occurred."),
        }
    }

    /// A signer looks, signs or declines: `signature_request_signed` with `{id, signer}`, the signer by address or place; all, when absent.
    fn happen(&self, kind: &str, with: &Value, view: &View<'_>) -> Result<Deed, String> {
        let id = text(&with["id"]).ok_or("name the `id` of the signature request")?;
        let mut request = view.shelf.get("request", &id).ok_or_else(|| format!("there is no signature request `{id}`"))?.clone();
        let code = match kind {
            "signature_request_signed" | "signature_request_all_signed" => "signed",
            "signature_request_declined" => "declined",
            "signature_request_viewed" | "signature_request_remind" | "signature_request_downloadable" => "awaiting_signature",
            "signature_request_canceled" | "signature_request_expired" | "signature_request_email_bounce" => "",
            other => {
                return Err(format!(
                    "`dropboxsign` does not know `{other}`, but signature_request_signed, _declined, _canceled and their like"
                ));
            }
        };
        let touched = if code.is_empty() { Vec::new() } else { touch(&mut request, &with["signer"], code, view) };
        let all = request["signatures"].as_array().is_some_and(|all| all.iter().all(|one| one["status_code"] == "signed"));
        request["is_complete"] = all.into();
        request["is_declined"] = (code == "declined" || request["is_declined"] == true).into();
        let mut deed = Deed::answer(Reply::new(200, Value::Null)).put("request", &id, &[], request.clone());
        if kind != "signature_request_all_signed" {
            deed = deed.tell(told(kind, &request, touched.first().cloned(), view));
        }
        let completes = all && code == "signed";
        Ok(if completes { deed.tell(told("signature_request_all_signed", &request, None, view)) } else { deed })
    }

    fn habit(&self) -> Habit {
        // Documented: growing waits, over about three days. The waits are ours.
        let accepts = |status, body: &[u8]| status == 200 && body.windows(TAKEN.len()).any(|part| part == TAKEN);
        Habit { accepts, ..Habit::usual(&[300, 900, 2_700, 8_100, 24_300, 72_900]) }
    }

    fn dress(&self, notice: &Notice, target: &Target, _now: Moment) -> Post {
        let mut body = notice.body.clone();
        let time = (notice.at_s - notice.age_s).to_string();
        let kind = text(&body["event"]["event_type"]).unwrap_or_default();
        body["event"]["event_hash"] = sign::dropbox_sign(&target.secret, &time, &kind).into();
        body["event"]["event_time"] = time.into();
        let form = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{body}\r\n--{BOUNDARY}--\r\n");
        Post {
            url: target.url.clone(),
            headers: vec![("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))],
            body: form.into_bytes(),
        }
    }
}

fn send(call: &Call, view: &View<'_>) -> Deed {
    let refused = |message: &str| Deed::answer(error(400, "bad_request", message));
    let signers = signers(call);
    if signers.is_empty() {
        return refused("Must specify at least one signer");
    }
    if let Some(at) = signers.iter().position(|(email, name, _)| !email.contains('@') || name.is_empty()) {
        return refused(&format!("Signer {at} needs a name and an email address"));
    }
    let has_file = call.body.as_object().into_iter().flatten().any(|(name, value)| name.starts_with("file") && !value.is_null());
    if !has_file {
        return refused("Must specify a file");
    }
    let id = view.ids.hex("request", 40);
    let metadata = if call.body["metadata"].is_object() {
        call.body["metadata"].as_object().cloned().unwrap_or_default()
    } else {
        call.bracketed("metadata")
    };
    let title = call.text("title").or_else(|| call.text("subject")).unwrap_or_else(|| "Untitled".to_owned());
    let signature = |(at, (email, name, order)): (usize, &(String, String, Value))| {
        json!({
            "signature_id": view.ids.hex(&format!("signature {at}"), 32), "signer_email_address": email, "signer_name": name, "signer_role": null,
            "order": order, "status_code": "awaiting_signature", "signed_at": null, "last_viewed_at": null, "last_reminded_at": null,
            "has_pin": false, "has_sms_auth": false,
        })
    };
    let request = json!({
        "signature_request_id": id, "test_mode": true, "title": title, "original_title": title, "subject": call.text("subject"),
        "message": call.text("message"), "metadata": metadata, "created_at": view.at.seconds(), "is_complete": false, "is_declined": false,
        "has_error": false, "custom_fields": [], "response_data": [], "signing_url": null, "signing_redirect_url": call.text("signing_redirect_url"),
        "final_copy_uri": format!("/v3/signature_request/final_copy/{id}"), "files_url": format!("https://api.hellosign.com/v3/signature_request/files/{id}"),
        "details_url": format!("https://app.hellosign.com/home/manage?guid={id}"), "requester_email_address": "me@dropboxsign.com",
        "signatures": signers.iter().enumerate().map(signature).collect::<Vec<_>>(), "cc_email_addresses": [], "template_ids": null,
        "client_id": call.text("client_id"),
    });
    let reference = ["reference", "ref", "key", "contract", "order"]
        .iter()
        .find_map(|name| metadata.get(*name))
        .or_else(|| metadata.values().next())
        .and_then(text);
    let words: Vec<String> = metadata.values().filter_map(text).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let to: Vec<&str> = signers.iter().map(|(email, _, _)| email.as_str()).collect();
    let said = [Some(title), call.text("message")].into_iter().flatten().collect::<Vec<_>>().join("\n");
    let sent = Sent { what: "signature request".to_owned(), to: to.join(", "), text: said, id: id.clone(), ..Sent::default() };
    let told = told("signature_request_sent", &request, None, view);
    Deed::done(Reply::new(200, json!({ "signature_request": request })), sent)
        .about(reference)
        .put("request", &id, &words, request)
        .tell(told)
}

/// Address, name and order of each signer, from JSON or from the fields of a form.
fn signers(call: &Call) -> Vec<(String, String, Value)> {
    let of_form = |at: usize| {
        let field = |name: &str| call.body[format!("signers[{at}][{name}]")].clone();
        let signer: Map<String, Value> = ["email_address", "name", "order"].iter().map(|name| ((*name).to_owned(), field(name))).collect();
        (!signer["email_address"].is_null()).then_some(Value::Object(signer))
    };
    let signers = call.body["signers"].as_array().cloned().unwrap_or_else(|| (0..20).map_while(of_form).collect());
    let read = |signer: &Value| {
        (text(&signer["email_address"]).unwrap_or_default(), text(&signer["name"]).unwrap_or_default(), signer["order"].clone())
    };
    signers.iter().map(read).collect()
}

fn cancel(id: &str, view: &View<'_>) -> Deed {
    let Some(request) = view.shelf.get("request", id) else { return Deed::answer(error(404, "not_found", "Not found.")) };
    if request["is_complete"] == true {
        return Deed::answer(error(400, "bad_request", "This request has been completed"));
    }
    let sent = Sent { what: "signature request canceled".to_owned(), id: id.to_owned(), ..Sent::default() };
    Deed::done(Reply::new(200, Value::Null), sent).put("request", id, &[], request.clone()).tell(told(
        "signature_request_canceled",
        request,
        None,
        view,
    ))
}

/// Terms joined by AND: `title:…`, `to:…`, `complete:true`, or a word of metadata.
fn list(call: &Call, view: &View<'_>) -> Reply {
    let query = call.asked("query").unwrap_or_default();
    let terms: Vec<&str> = query.split(" AND ").map(str::trim).filter(|term| !term.is_empty()).collect();
    let has = |value: &Value, wanted: &str| text(value).is_some_and(|text| text.contains(wanted));
    let in_metadata =
        |request: &Value, wanted: &str| request["metadata"].as_object().is_some_and(|all| all.values().any(|value| has(value, wanted)));
    let in_texts = |request: &Value, wanted: &str| ["title", "subject", "message"].iter().any(|field| has(&request[*field], wanted));
    let to = |request: &Value, wanted: &str| {
        request["signatures"].as_array().is_some_and(|all| all.iter().any(|one| has(&one["signer_email_address"], wanted)))
    };
    let fits = |request: &&Value| {
        terms.iter().all(|term| {
            let (field, wanted) = term.split_once(':').unwrap_or(("", term));
            let wanted = wanted.trim_matches('"');
            match field {
                "complete" => request["is_complete"] == (wanted == "true"),
                "to" => to(request, wanted),
                "title" | "subject" | "message" => has(&request[field], wanted),
                "metadata" => in_metadata(request, wanted),
                _ => in_metadata(request, wanted) || in_texts(request, wanted) || to(request, wanted),
            }
        })
    };
    // One word of metadata is the usual question, and is not looked for in every request there is.
    let found: Vec<&Value> = match terms[..] {
        [word] if !view.shelf.find("request", word.trim_start_matches("metadata:")).is_empty() => {
            view.shelf.find("request", word.trim_start_matches("metadata:"))
        }
        _ => view.shelf.all("request").iter().collect(),
    };
    let found: Vec<&Value> = found.into_iter().rev().filter(fits).collect();
    let (page, size) = (call.asked_number("page", 1).max(1), call.asked_number("page_size", 20).clamp(1, 100));
    let rows: Vec<&Value> = found.iter().skip((page - 1) * size).take(size).copied().collect();
    let info = json!({ "page": page, "num_pages": found.len().div_ceil(size), "num_results": found.len(), "page_size": size });
    Reply::new(200, json!({ "list_info": info, "signature_requests": rows }))
}

/// Marks the signatures meant; hands back their ids.
fn touch(request: &mut Value, signer: &Value, code: &str, view: &View<'_>) -> Vec<Value> {
    let mut touched = Vec::new();
    for (at, signature) in request["signatures"].as_array_mut().into_iter().flatten().enumerate() {
        let meant = signer.is_null() || signer == at || signature["signer_email_address"] == *signer;
        if !meant || signature["status_code"] == "signed" {
            continue;
        }
        signature["last_viewed_at"] = view.at.seconds().into();
        signature["status_code"] = code.into();
        if code == "signed" {
            signature["signed_at"] = view.at.seconds().into();
        }
        touched.push(signature["signature_id"].clone());
    }
    touched
}

fn told(kind: &str, request: &Value, signature: Option<Value>, view: &View<'_>) -> Notice {
    let body = json!({
        "event": {
            "event_time": "", "event_type": kind, "event_hash": "",
            "event_metadata": { "related_signature_id": signature, "reported_for_account_id": ACCOUNT, "reported_for_app_id": request["client_id"], "event_message": null },
        },
        "account_guid": ACCOUNT, "client_id": request["client_id"], "signature_request": request,
    });
    let id = format!("{}:{kind}:{}", text(&request["signature_request_id"]).unwrap_or_default(), view.ids.n);
    Notice::new(id, kind, view.at.seconds(), body).of(text(&request["client_id"]))
}

fn error(status: u16, name: &str, message: &str) -> Reply {
    Reply::new(status, json!({ "error": { "error_msg": message, "error_name": name } }))
}

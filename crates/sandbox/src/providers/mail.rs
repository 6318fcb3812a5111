//! Mail, on Postmark's wire. It takes no key; a search by metadata tells whether a message was taken.
//!
//! <https://postmarkapp.com/developer/api/email-api>, <https://postmarkapp.com/developer/api/messages-api>,
//! <https://postmarkapp.com/developer/webhooks/delivery-webhook>

use serde_json::{Value, json};

use super::{Op, Provider};
use crate::call::{Call, bracketed_reference, text};
use crate::deed::{Deed, Reply, View};
use crate::hooks::{Habit, Notice, Post, Target};
use crate::log::Sent;
use crate::moment::Moment;
use crate::sign;

/// The stand-in.
#[derive(Debug)]
pub(crate) struct Mail;

impl Provider for Mail {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn about(&self) -> &'static str {
        "mail, on Postmark's wire"
    }

    fn op(&self, call: &Call) -> Option<Op> {
        match call.way() {
            ("POST", way) if way == ["email"] => Op::write("email.send"),
            ("GET", way) if way == ["messages", "outbound"] => Op::read("messages.search"),
            ("GET", way) if matches!(way[..], ["messages", "outbound", _, "details"]) => Op::read("messages.fetch"),
            _ => None,
        }
    }

    fn act(&self, op: &str, call: &Call, view: &View<'_>) -> Deed {
        if op == "unknown" {
            return Deed::answer(self.refuse(404, None));
        }
        if call.header("x-postmark-server-token").is_none_or(str::is_empty) {
            let message = "No Account or Server API tokens were supplied in the HTTP headers. Please add a header for either X-Postmark-Server-Token or X-Postmark-Account-Token.";
            return Deed::answer(error(401, 10, message));
        }
        match op {
            "email.send" => send(call, view),
            "messages.search" => Deed::answer(search(call, view)),
            _ => Deed::answer(match view.shelf.get("message", call.segment(2)) {
                Some(message) => Reply::new(200, message.clone()),
                None => error(422, 701, "This message was not found"),
            }),
        }
    }

    fn refuse(&self, status: u16, _wait_s: Option<i64>) -> Reply {
        match status {
            404 => error(404, 404, "The requested resource does not exist."),
            429 => error(429, 429, "Rate limit exceeded"),
            503 => error(503, 100, "The Postmark API is offline for maintenance."),
            status => error(status, i32::from(status), "Internal Server Error"),
        }
    }

    fn happen(&self, kind: &str, with: &Value, view: &View<'_>) -> Result<Deed, String> {
        let id = text(&with["MessageID"]).ok_or("name the `MessageID`")?;
        let message = view.shelf.get("message", &id).ok_or_else(|| format!("there is no message `{id}`"))?;
        let body = match kind {
            "Delivery" => delivery(message, view),
            "Bounce" => json!({
                "RecordType": "Bounce", "ID": view.ids.number("bounce", 12), "Type": "HardBounce", "TypeCode": 1, "Name": "Hard bounce",
                "Tag": message["Tag"], "MessageID": id, "Metadata": message["Metadata"], "ServerID": 1, "MessageStream": message["MessageStream"],
                "Description": "The server was unable to deliver your message.", "Details": "550 no such user", "Email": message["Recipients"][0],
                "From": message["From"], "BouncedAt": view.at.millis(), "DumpAvailable": false, "Inactive": true, "CanActivate": true,
                "Subject": message["Subject"],
            }),
            other => return Err(format!("`mail` sends no `{other}`, but `Delivery` and `Bounce`")),
        };
        Ok(Deed::answer(Reply::new(200, Value::Null)).tell(Notice::new(format!("{id}:{kind}"), kind, view.at.seconds(), body)))
    }

    fn habit(&self) -> Habit {
        Habit::usual(&[60, 300, 900])
    }

    fn dress(&self, notice: &Notice, target: &Target, _now: Moment) -> Post {
        let post = Post::json(&target.url, notice.body.to_string().into_bytes());
        // Nothing is signed; a user and a password may stand in the address or be set beside it.
        if target.secret.contains(':') { post.with("authorization", sign::basic(&target.secret)) } else { post }
    }
}

fn send(call: &Call, view: &View<'_>) -> Deed {
    let refused = |message: &str| Deed::answer(error(422, 300, message));
    let Some(from) = call.text("From") else { return refused("The 'From' address you supplied is invalid.") };
    let Some(to) = call.text("To") else { return refused("Zero recipients specified") };
    let addresses: Vec<&str> = to.split(',').map(str::trim).collect();
    if let Some(wrong) = addresses.iter().find(|address| !address.contains('@')) {
        return refused(&format!("Error parsing 'To': Illegal email address '{wrong}'."));
    }
    let Some(said) = call.text("TextBody").or_else(|| call.text("HtmlBody")) else {
        return refused("Provide either email TextBody or HtmlBody or both.");
    };
    let id = view.ids.uuid("message");
    let (subject, stream) = (call.text("Subject").unwrap_or_default(), call.text("MessageStream").unwrap_or_else(|| "outbound".to_owned()));
    let metadata = if call.body["Metadata"].is_object() { call.body["Metadata"].clone() } else { json!({}) };
    let recipients: Vec<String> = addresses.iter().map(|address| bare(address).1).collect();
    let named = |address: &&str| {
        let (name, email) = bare(address);
        json!({ "Email": email, "Name": name })
    };
    let message = json!({
        "Tag": call.text("Tag"), "MessageID": id, "MessageStream": stream, "To": addresses.iter().map(named).collect::<Vec<_>>(), "Cc": [],
        "Bcc": [], "Recipients": recipients, "ReceivedAt": view.at.millis(), "From": from, "Subject": subject, "Attachments": [], "Status": "Sent",
        "TrackOpens": false, "TrackLinks": "None", "Metadata": metadata, "Sandboxed": false, "TextBody": call.body["TextBody"],
        "HtmlBody": call.body["HtmlBody"],
    });
    let answer = json!({ "To": to, "SubmittedAt": view.at.millis(), "MessageID": id, "ErrorCode": 0, "Message": "OK" });
    let mut words: Vec<String> = recipients.iter().map(|address| format!("to {address}")).collect();
    let pairs = metadata.as_object().into_iter().flatten().filter_map(|(key, value)| Some((key, text(value)?)));
    words.extend(pairs.map(|(key, value)| format!("metadata_{key} {value}")));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let reference = ["ref", "reference", "key"].iter().find_map(|name| text(&metadata[*name]));
    let shown = if subject.is_empty() { said.clone() } else { format!("{subject}\n{said}") };
    let sent = Sent { what: "mail".to_owned(), to: to.clone(), text: shown, id: id.clone(), ..Sent::default() };
    let told = Notice::new(format!("{id}:Delivery"), "Delivery", view.at.seconds(), delivery(&message, view));
    Deed::done(Reply::new(200, answer), sent)
        .about(reference.or_else(|| bracketed_reference(&subject)).or_else(|| bracketed_reference(&said)))
        .put("message", &id, &words, message)
        .tell(told)
}

/// Name and address of `Name <address>`.
fn bare(address: &str) -> (Option<String>, String) {
    match address.rsplit_once('<') {
        Some((name, rest)) => (Some(name.trim().trim_matches('"').to_owned()), rest.trim_end_matches('>').to_owned()),
        None => (None, address.to_owned()),
    }
}

fn search(call: &Call, view: &View<'_>) -> Reply {
    let (Some(count), Some(offset)) = (call.asked("count"), call.asked("offset")) else {
        return error(422, 600, "The 'count' and 'offset' parameters are required.");
    };
    let (Ok(count), Ok(offset)) = (count.parse::<usize>(), offset.parse::<usize>()) else {
        return error(422, 600, "The 'count' and 'offset' parameters are numbers.");
    };
    let by_word = call.query.iter().find_map(|(key, value)| match key.as_str() {
        "recipient" => Some(format!("to {value}")),
        key if key.starts_with("metadata_") => Some(format!("{key} {value}")),
        _ => None,
    });
    let found: Vec<&Value> = match by_word {
        Some(word) => view.shelf.find("message", &word),
        None => view.shelf.all("message").iter().collect(),
    };
    let fits = |message: &&Value| {
        call.query.iter().all(|(key, value)| match key.as_str() {
            "recipient" => message["Recipients"].as_array().is_some_and(|all| all.iter().any(|one| one == value)),
            "fromemail" => message["From"].as_str().is_some_and(|from| bare(from).1 == *value),
            "tag" => message["Tag"] == *value,
            "subject" => message["Subject"].as_str().is_some_and(|subject| subject.contains(value.as_str())),
            key => key.strip_prefix("metadata_").is_none_or(|key| text(&message["Metadata"][key]).as_deref() == Some(value)),
        })
    };
    let found: Vec<&Value> = found.into_iter().rev().filter(fits).collect();
    let row = |message: &Value| {
        let mut row = message.clone();
        for body in ["TextBody", "HtmlBody"] {
            row.as_object_mut().map(|row| row.shift_remove(body));
        }
        row
    };
    let rows: Vec<Value> = found.iter().skip(offset).take(count.min(500)).map(|message| row(message)).collect();
    Reply::new(200, json!({ "TotalCount": found.len(), "Messages": rows }))
}

fn delivery(message: &Value, view: &View<'_>) -> Value {
    json!({
        "MessageID": message["MessageID"], "Recipient": message["Recipients"][0], "DeliveredAt": view.at.millis(), "Details": "250 OK",
        "Tag": message["Tag"], "ServerID": 1, "Metadata": message["Metadata"], "RecordType": "Delivery", "MessageStream": message["MessageStream"],
    })
}

fn error(status: u16, code: i32, message: &str) -> Reply {
    Reply::new(status, json!({ "ErrorCode": code, "Message": message }))
}

//! Standard Webhooks, as two of the stand-ins send them.
//!
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use serde_json::{Value, json};

use crate::deed::View;
use crate::hooks::{Notice, Post, Target};
use crate::moment::Moment;
use crate::sign;

/// The waits that the specification proposes.
pub(super) const WAITS_S: &[u64] = &[5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// A message `{type, timestamp, account, data}`.
pub(super) fn notice(kind: &str, account: &str, data: Value, view: &View<'_>) -> Notice {
    let body = json!({ "type": kind, "timestamp": view.at.millis(), "account": account, "data": data });
    Notice::new(format!("msg_{}", view.ids.alnum(kind, 24)), kind, view.at.seconds(), body).of(Some(account.to_owned()))
}

/// Whether a secret is `whsec_` and base64.
pub(super) fn takes(secret: &str) -> bool {
    sign::standard_key(secret).is_some()
}

/// The same over the wire.
pub(super) fn dress(notice: &Notice, target: &Target, now: Moment) -> Post {
    let body = notice.body.to_string().into_bytes();
    let signature = sign::standard(&target.secret, &notice.id, now.seconds(), &body);
    Post::json(&target.url, body)
        .with("webhook-id", notice.id.clone())
        .with("webhook-timestamp", now.seconds().to_string())
        .with("webhook-signature", signature)
}

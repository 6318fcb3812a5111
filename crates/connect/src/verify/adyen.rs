//! Adyen's standard notifications: a hash in every item, over some of its fields.

use serde_json::Value;

use super::mac::{Encoding, Hash, KeyForm};
use super::{Received, Rejected, Secret, same};

/// Judges a message: every item must carry a hash of this key.
pub(super) fn judge(received: &Received<'_>, secret: &Secret) -> Result<Option<i64>, Rejected> {
    let key = KeyForm::Hex.key(&secret.text).ok_or_else(|| Rejected::Secret(secret.id.clone()))?;
    let message: Value = serde_json::from_slice(received.body).map_err(|_| Rejected::Malformed("body"))?;
    let items = message["notificationItems"].as_array().filter(|items| !items.is_empty()).ok_or(Rejected::Missing("notificationItems"))?;
    let mut matched = true;
    for item in items {
        let item = &item["NotificationRequestItem"];
        let given = item["additionalData"]["hmacSignature"].as_str().ok_or(Rejected::Missing("hmacSignature"))?;
        let given = Encoding::Base64.read(given).ok_or(Rejected::Malformed("hmacSignature"))?;
        matched &= same(&given, &Hash::Sha256.hmac(&key, signed(item).as_bytes()));
    }
    if matched { Ok(None) } else { Err(Rejected::Mismatch) }
}

/// The fields by colon, without escaping; an absent one is empty.
fn signed(item: &Value) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let fields = [
        &item["pspReference"],
        &item["originalReference"],
        &item["merchantAccountCode"],
        &item["merchantReference"],
        &item["amount"]["value"],
        &item["amount"]["currency"],
        &item["eventCode"],
        &item["success"],
    ];
    fields.map(text).join(":")
}

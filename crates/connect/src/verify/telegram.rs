//! Telegram Mini Apps: what the app was opened with, signed by a key made from the bot's token. It comes as the body.

use super::mac::{Encoding, Hash};
use super::{Received, Rejected, Secret, same};

/// What an app was opened with counts for so long, in seconds.
const LASTS_S: i64 = 3600;

/// Judges a message.
pub(super) fn judge(received: &Received<'_>, secret: &Secret, now: i64) -> Result<Option<i64>, Rejected> {
    let mut fields: Vec<(String, String)> = form_urlencoded::parse(received.body).into_owned().collect();
    fields.sort_unstable();
    if fields.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(Rejected::Twice("field"));
    }
    let value =
        |name: &'static str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).ok_or(Rejected::Missing(name));
    let given = Encoding::Hex.read(value("hash")?).ok_or(Rejected::Malformed("hash"))?;
    let sent_at: i64 = value("auth_date")?.parse().map_err(|_| Rejected::Malformed("auth_date"))?;
    let signed: Vec<String> = fields.iter().filter(|(key, _)| key != "hash").map(|(key, value)| format!("{key}={value}")).collect();
    let key = Hash::Sha256.hmac(b"WebAppData", secret.text.as_bytes());
    if !same(&given, &Hash::Sha256.hmac(&key, signed.join("\n").as_bytes())) {
        return Err(Rejected::Mismatch);
    }
    let away = now.saturating_sub(sent_at);
    if !(-super::TOLERANCE_S..=LASTS_S).contains(&away) {
        return Err(Rejected::OutOfTime(away));
    }
    Ok(Some(sent_at))
}

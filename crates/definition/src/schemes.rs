//! The schemes by which a message is shown to be its sender's own, as far as a definition has to know them.

/// How much of a message a scheme proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// The whole body.
    Whole,
    /// Some of its fields.
    Partly,
    /// Nothing of it: only who delivered it is known.
    Sender,
}

/// A scheme, as far as a definition has to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheme {
    /// Its name.
    pub name: &'static str,
    /// How much of a body it proves.
    pub coverage: Coverage,
    /// What beside the body is signed, as patterns name it; `query` is all of the query.
    pub signed: &'static [&'static str],
}

impl Scheme {
    /// Whether the value at this path of a pattern is proven where the body is: it is of the body, or signed beside it.
    pub fn signs(&self, path: &[String]) -> bool {
        let beside = path.first().is_some_and(|scope| scope == "header" || scope == "query");
        let whole = path.join(".");
        !beside || self.signed.iter().any(|signed| whole == *signed || *signed == path[0])
    }
}

use Coverage::{Partly, Sender, Whole};

const fn row(name: &'static str, coverage: Coverage, signed: &'static [&'static str]) -> Scheme {
    Scheme { name, coverage, signed }
}

/// Every scheme `connect` has; a test there holds the two lists equal.
pub const SCHEMES: [Scheme; 22] = [
    row("standard_webhooks", Whole, &["header.webhook-id", "header.webhook-timestamp"]),
    row("svix", Whole, &["header.svix-id", "header.svix-timestamp"]),
    row("stripe", Whole, &[]),
    row("github", Whole, &[]),
    row("meta", Whole, &[]),
    row("docusign", Whole, &[]),
    row("dropbox_sign", Partly, &[]),
    row("twilio", Whole, &["query"]),
    row("telegram_bot", Sender, &[]),
    row("telegram_mini_app", Whole, &[]),
    row("pix", Sender, &[]),
    row("woovi", Whole, &[]),
    row("mercado_pago", Partly, &["header.x-request-id", "query.data.id"]),
    row("adyen", Partly, &[]),
    row("adyen_platform", Whole, &[]),
    row("slack", Whole, &["header.x-slack-request-timestamp"]),
    row("shopify", Whole, &[]),
    row("square", Whole, &["query"]),
    row("paddle", Whole, &[]),
    row("asaas", Sender, &[]),
    row("hmac_sha256_hex", Whole, &[]),
    row("hmac_sha256_base64", Whole, &[]),
];

/// The scheme of this name.
pub fn scheme(name: &str) -> Option<&'static Scheme> {
    SCHEMES.iter().find(|scheme| scheme.name == name)
}

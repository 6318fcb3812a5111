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

use Coverage::{Partly, Sender, Whole};

/// Every scheme `connect` has, by name; a test there holds the two lists equal.
pub const SCHEMES: [(&str, Coverage); 22] = [
    ("standard_webhooks", Whole),
    ("svix", Whole),
    ("stripe", Whole),
    ("github", Whole),
    ("meta", Whole),
    ("docusign", Whole),
    ("dropbox_sign", Partly),
    ("twilio", Whole),
    ("telegram_bot", Sender),
    ("telegram_mini_app", Whole),
    ("pix", Sender),
    ("woovi", Whole),
    ("mercado_pago", Partly),
    ("adyen", Partly),
    ("adyen_platform", Whole),
    ("slack", Whole),
    ("shopify", Whole),
    ("square", Whole),
    ("paddle", Whole),
    ("asaas", Sender),
    ("hmac_sha256_hex", Whole),
    ("hmac_sha256_base64", Whole),
];

/// The coverage of the scheme of this name.
pub fn coverage(scheme: &str) -> Option<Coverage> {
    SCHEMES.iter().find(|(name, _)| *name == scheme).map(|(_, coverage)| *coverage)
}

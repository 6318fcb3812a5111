//! The schemes there are, one row each. Their vectors: `data/vectors.json`.

use super::mac::{Encoding, Hash, KeyForm};
use super::recipe::{Given, Part, Recipe, Time};
use super::{Ack, Coverage, Received, Rejected, Scheme, Secret, adyen, dropbox_sign, header, mercado_pago, same, telegram, twilio};

/// How a scheme proves.
#[derive(Clone, Copy, Debug)]
pub(super) enum How {
    Recipe(Recipe),
    /// As a recipe, with a question at subscription.
    Meta(Recipe),
    /// A token of ours comes back in a header.
    Token(&'static str),
    /// The connection's client certificate; the secret is its SHA-256 in hexadecimal.
    Certificate,
    Twilio,
    DropboxSign,
    AdyenItems,
    MercadoPago,
    TelegramMiniApp,
}

impl How {
    pub(super) fn judge(&self, received: &Received<'_>, secret: &Secret, now: i64) -> Result<Option<i64>, Rejected> {
        match self {
            How::Recipe(recipe) | How::Meta(recipe) => recipe.judge(received, secret, now),
            How::Token(name) => {
                let matches = same(header(received, name)?.as_bytes(), secret.text.as_bytes());
                if matches { Ok(None) } else { Err(Rejected::Mismatch) }
            }
            How::Certificate => certificate(received, secret),
            How::Twilio => twilio::judge(received, secret),
            How::DropboxSign => dropbox_sign::judge(received, secret, now),
            How::AdyenItems => adyen::judge(received, secret),
            How::MercadoPago => mercado_pago::judge(received, secret),
            How::TelegramMiniApp => telegram::judge(received, secret, now),
        }
    }
}

fn certificate(received: &Received<'_>, secret: &Secret) -> Result<Option<i64>, Rejected> {
    let shown = received.certificate.ok_or(Rejected::Missing("client certificate"))?;
    let pinned = pinned(secret).ok_or_else(|| Rejected::Secret(secret.id.clone()))?;
    if same(&shown, &pinned) { Ok(None) } else { Err(Rejected::Mismatch) }
}

fn pinned(secret: &Secret) -> Option<Vec<u8>> {
    hex::decode(&secret.text).ok().filter(|bytes| bytes.len() == 32)
}

/// The scheme of this name.
pub fn scheme(name: &str) -> Option<&'static Scheme> {
    SCHEMES.iter().find(|scheme| scheme.name == name)
}

const OK: Ack = Ack { status: 200, body: "" };

const fn row(name: &'static str, coverage: Coverage, how: How) -> Scheme {
    Scheme { name, coverage, ack: OK, how }
}

/// A hash over the body alone, in one header.
const fn of_body(header: &'static str, prefix: &'static str, hash: Hash, encoding: Encoding) -> Recipe {
    Recipe { given: Given::One(header, prefix), hash, encoding, key: KeyForm::Text, time: None, signed: &[Part::Body] }
}

/// As <https://www.standardwebhooks.com>, whatever the headers are called.
const fn standard(at: &'static str, signature: &'static str, signed: &'static [Part]) -> Recipe {
    Recipe {
        given: Given::List(signature, "v1,"),
        hash: Hash::Sha256,
        encoding: Encoding::Base64,
        key: KeyForm::Base64After("whsec_"),
        time: Some(Time::Header(at)),
        signed,
    }
}

use Coverage::{Partly, Sender, Whole};
use Encoding::{Base64, Hex};
use Hash::{Sha1, Sha256};

static SCHEMES: [Scheme; 22] = [
    row(
        "standard_webhooks",
        Whole,
        How::Recipe(standard(
            "webhook-timestamp",
            "webhook-signature",
            &[Part::Header("webhook-id"), Part::Text("."), Part::Time, Part::Text("."), Part::Body],
        )),
    ),
    row(
        "svix",
        Whole,
        How::Recipe(standard(
            "svix-timestamp",
            "svix-signature",
            &[Part::Header("svix-id"), Part::Text("."), Part::Time, Part::Text("."), Part::Body],
        )),
    ),
    row(
        "stripe",
        Whole,
        How::Recipe(Recipe {
            given: Given::Pairs { header: "stripe-signature", apart: ',', name: "v1" },
            hash: Sha256,
            encoding: Hex,
            key: KeyForm::Text,
            time: Some(Time::Pair("t")),
            signed: &[Part::Time, Part::Text("."), Part::Body],
        }),
    ),
    row("github", Whole, How::Recipe(of_body("x-hub-signature-256", "sha256=", Sha256, Hex))),
    row("meta", Whole, How::Meta(of_body("x-hub-signature-256", "sha256=", Sha256, Hex))),
    row(
        "docusign",
        Whole,
        How::Recipe(Recipe {
            given: Given::Numbered("x-docusign-signature-"),
            hash: Sha256,
            encoding: Base64,
            key: KeyForm::Text,
            time: None,
            signed: &[Part::Body],
        }),
    ),
    Scheme { name: "dropbox_sign", coverage: Partly, ack: Ack { status: 200, body: "Hello API Event Received" }, how: How::DropboxSign },
    row("twilio", Whole, How::Twilio),
    row("telegram_bot", Sender, How::Token("x-telegram-bot-api-secret-token")),
    row("telegram_mini_app", Whole, How::TelegramMiniApp),
    row("pix", Sender, How::Certificate),
    row("woovi", Whole, How::Recipe(of_body("x-openpix-signature", "", Sha1, Base64))),
    row("mercado_pago", Partly, How::MercadoPago),
    Scheme { name: "adyen", coverage: Partly, ack: Ack { status: 200, body: "[accepted]" }, how: How::AdyenItems },
    row("adyen_platform", Whole, How::Recipe(Recipe { key: KeyForm::Hex, ..of_body("hmacsignature", "", Sha256, Base64) })),
    row(
        "slack",
        Whole,
        How::Recipe(Recipe {
            given: Given::One("x-slack-signature", "v0="),
            hash: Sha256,
            encoding: Hex,
            key: KeyForm::Text,
            time: Some(Time::Header("x-slack-request-timestamp")),
            signed: &[Part::Text("v0:"), Part::Time, Part::Text(":"), Part::Body],
        }),
    ),
    row("shopify", Whole, How::Recipe(of_body("x-shopify-hmac-sha256", "", Sha256, Base64))),
    row(
        "square",
        Whole,
        How::Recipe(Recipe { signed: &[Part::Url, Part::Body], ..of_body("x-square-hmacsha256-signature", "", Sha256, Base64) }),
    ),
    row(
        "paddle",
        Whole,
        How::Recipe(Recipe {
            given: Given::Pairs { header: "paddle-signature", apart: ';', name: "h1" },
            hash: Sha256,
            encoding: Hex,
            key: KeyForm::Text,
            time: Some(Time::Pair("ts")),
            signed: &[Part::Time, Part::Text(":"), Part::Body],
        }),
    ),
    row("asaas", Sender, How::Token("asaas-access-token")),
    row("hmac_sha256_hex", Whole, How::Recipe(of_body("x-signature", "", Sha256, Hex))),
    row("hmac_sha256_base64", Whole, How::Recipe(of_body("x-signature", "", Sha256, Base64))),
];

impl How {
    /// What beside the body is signed, as patterns name it.
    pub(super) fn covers(&self) -> Vec<String> {
        match self {
            How::Recipe(recipe) | How::Meta(recipe) => recipe.covers(),
            How::Twilio => vec!["query".to_owned()],
            How::MercadoPago => vec!["header.x-request-id".to_owned(), "query.data.id".to_owned()],
            How::Token(_) | How::Certificate | How::DropboxSign | How::AdyenItems | How::TelegramMiniApp => Vec::new(),
        }
    }

    /// Whether a secret has the form that this one needs.
    pub(super) fn reads(&self, secret: &Secret) -> bool {
        match self {
            How::Recipe(recipe) | How::Meta(recipe) => recipe.key.key(&secret.text).is_some(),
            How::AdyenItems => KeyForm::Hex.key(&secret.text).is_some(),
            How::Certificate => pinned(secret).is_some(),
            How::Token(_) | How::Twilio | How::DropboxSign | How::MercadoPago | How::TelegramMiniApp => true,
        }
    }

    /// The header in which a secret of ours comes back as it is.
    pub(super) fn token_header(&self) -> Option<&'static str> {
        match self {
            How::Token(name) => Some(name),
            _ => None,
        }
    }
}

/// The names of all schemes, as a definition may write them.
pub fn names() -> impl Iterator<Item = &'static str> {
    SCHEMES.iter().map(|scheme| scheme.name)
}

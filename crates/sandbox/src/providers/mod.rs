//! The stand-ins, one file each: their requests, their answers, their messages, as the providers' own documents have them.

mod asaas;
mod bare;
mod billing;
mod customs;
mod dropbox_sign;
mod mail;
mod mercado_pago;
mod meta;
mod pix;
mod standard;
mod stripe;
mod telegram;
mod twilio;

use std::fmt::Debug;

use serde_json::Value;

use crate::call::Call;
use crate::deed::{Deed, Reply, View};
use crate::hooks::{Habit, Notice, Post, Target};
use crate::log::Line;
use crate::moment::Moment;
use crate::shelf::Shelf;

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Op {
    /// As it stands in the log: `messages.create`.
    pub(crate) name: &'static str,
    /// Whether it may have an effect.
    pub(crate) writes: bool,
}

impl Op {
    pub(crate) const fn write(name: &'static str) -> Option<Op> {
        Some(Op { name, writes: true })
    }

    pub(crate) const fn read(name: &'static str) -> Option<Op> {
        Some(Op { name, writes: false })
    }
}

/// One stand-in.
pub(crate) trait Provider: Debug + Send + Sync {
    /// Its name in addresses.
    fn name(&self) -> &'static str;

    /// What it stands in for, in a few words.
    fn about(&self) -> &'static str;

    /// What a request asks for; nothing when there is no such address.
    fn op(&self, call: &Call) -> Option<Op>;

    /// What becomes of a request; `unknown` is one with no such address.
    fn act(&self, op: &str, call: &Call, view: &View<'_>) -> Deed;

    /// A refusal in its own form; `wait_s` is what it says of waiting.
    fn refuse(&self, status: u16, wait_s: Option<i64>) -> Reply;

    /// Whether an answer 500 is kept for its key like any other.
    fn keeps_failures(&self) -> bool {
        false
    }

    /// What it keeps of a line besides objects and answers.
    fn remember(&self, _shelf: &mut Shelf, _line: &Line) {}

    /// Something that happens at the provider without a request: a payment is made, a client signs.
    ///
    /// # Errors
    /// A sentence that says what it takes.
    fn happen(&self, kind: &str, _with: &Value, _view: &View<'_>) -> Result<Deed, String> {
        Err(format!("`{}` sends no `{kind}`", self.name()))
    }

    /// How it delivers its messages.
    fn habit(&self) -> Habit {
        Habit::usual(&[])
    }

    /// Whether a secret is of the form it has.
    fn takes(&self, _secret: &str) -> bool {
        true
    }

    /// A message as it goes over the wire, signed at `now`.
    fn dress(&self, notice: &Notice, target: &Target, _now: Moment) -> Post {
        Post::json(&target.url, notice.body.to_string().into_bytes())
    }
}

/// All of them.
pub(crate) static ALL: &[&dyn Provider] = &[
    &twilio::Twilio,
    &meta::Meta,
    &telegram::Telegram,
    &mail::Mail,
    &stripe::Stripe,
    &mercado_pago::MercadoPago,
    &asaas::Asaas,
    &pix::Pix,
    &dropbox_sign::DropboxSign,
    &billing::Billing,
    &customs::Customs,
    &bare::K,
    &bare::Q,
    &bare::N,
];

/// The stand-in of this name.
pub(crate) fn named(name: &str) -> Option<&'static dyn Provider> {
    ALL.iter().copied().find(|provider| provider.name() == name)
}

//! A worker made by hand: it goes as far as it is told to, and may die there.

use serde_json::{Value, json};
use statehouse_definition::model::Class;
use statehouse_store::effects::{self, Called, Claimed, End, Held as Claim, Known, Move, Outcome};
use statehouse_store::{Db, Login, Place, StoreFault};

use super::provider::Provider;
use super::{Held, LEASE};
use crate::check::{Breach, Invariant};
use crate::provider::NAMES;
use crate::scene::APP;

/// One of the workers.
#[derive(Debug)]
pub(super) struct Hand {
    pub(super) id: String,
    pub(super) db: Db,
}

impl Hand {
    pub(super) fn new(place: &Place, id: &str) -> Result<Hand, StoreFault> {
        Ok(Hand { id: id.into(), db: Db::open(place, Login::Worker, 2)? })
    }

    pub(super) async fn greet(&self) -> Held<effects::Greeting> {
        Ok(effects::greet(&self.db, None).await?)
    }

    pub(super) async fn open_gates(&self) -> Held {
        effects::open_gates(&self.db, APP, &NAMES).await?;
        Ok(())
    }

    pub(super) async fn claim(&self) -> Held<Vec<Claimed>> {
        let known = NAMES.map(|name| Known { app: APP.into(), connector: name.into(), versions: vec![1], pace: None, most: 64 });
        Ok(effects::claim(&self.db, &self.id, &known, 256, LEASE).await?)
    }

    pub(super) async fn recover(&self) -> Held<usize> {
        Ok(effects::recover(&self.db, None, 1000, &effects::Rests::new()).await?.len())
    }

    pub(super) async fn beat(&self, held: &[Claim]) -> Held<Vec<Claim>> {
        Ok(effects::beat(&self.db, &self.id, held, LEASE).await?)
    }

    /// Of class N, those whose send may be made.
    pub(super) async fn mark(&self, claimed: &[Claimed]) -> Held<Vec<Claim>> {
        let held: Vec<Claim> = claimed.iter().filter(|one| one.class == Class::N && !one.doubt).map(|one| one.held).collect();
        Ok(effects::mark_sending(&self.db, &self.id, &held).await?)
    }

    /// Marks and sends, or asks; what there is to say about each.
    pub(super) async fn send(&self, claimed: &[Claimed], provider: &Provider) -> Held<Vec<(Claimed, Outcome)>> {
        let may = self.mark(claimed).await?;
        let mut said = Vec::new();
        for one in claimed {
            let end = match one.class {
                Class::N if one.doubt => End::Unknown,
                Class::N if !may.contains(&one.held) => continue,
                Class::Q if one.doubt => End::Done { result: provider.find(one).unwrap_or_else(|| provider.send(one)) },
                _ => End::Done { result: provider.send(one) },
            };
            said.push((one.clone(), Outcome::new(one.held, end)));
        }
        Ok(said)
    }

    /// Writes it down; how many of them it could.
    pub(super) async fn settle(&self, said: &[(Claimed, Outcome)]) -> Held<usize> {
        let plain: Vec<Outcome> = said.iter().filter(|(one, outcome)| !is_move(one, outcome)).map(|(_, outcome)| outcome.clone()).collect();
        let mut settled = effects::settle(&self.db, &self.id, &plain).await?.len();
        for (one, outcome) in said.iter().filter(|(one, outcome)| is_move(one, outcome)) {
            settled += usize::from(self.call(one, outcome).await?);
        }
        Ok(settled)
    }

    /// All of it.
    pub(super) async fn work(&self, provider: &Provider) -> Held<usize> {
        let claimed = self.claim().await?;
        let said = self.send(&claimed, provider).await?;
        self.settle(&said).await
    }

    async fn call(&self, one: &Claimed, outcome: &Outcome) -> Held<bool> {
        let verb = format!("{}.{}", one.verb, outcome.end.state());
        let kept = match &outcome.end {
            End::Done { result } => json!({ format!("{}_ref", one.verb): result["id"] }),
            _ => Value::Object(serde_json::Map::new()),
        };
        let fired = Move { app: APP, entity: &one.entity, verb: &verb, input: Some(&kept) };
        match effects::settle_call(&self.db, &self.id, outcome, &fired).await? {
            Called::Moved(_) => Ok(true),
            Called::Lost => Ok(false),
            Called::Refused(fault) => Err(Breach::new(Invariant::Calls, format!("`{verb}` is refused: {fault:?}"))),
        }
    }
}

/// Whether a move of the record goes with it.
fn is_move(one: &Claimed, outcome: &Outcome) -> bool {
    one.call && matches!(outcome.end, End::Done { .. } | End::Failed { .. } | End::Unknown)
}

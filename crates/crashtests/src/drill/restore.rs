//! A database that is not where it was: nothing older is sent by itself.

use statehouse_store::effects;

use super::{Drill, Held, holds};
use crate::check::Breach;
use crate::check::Invariant::{Doubt, Missing, Restored};
use crate::scene::APP;

const OWE: &str = "insert into proof_admin.parcel (title) values ('restored'), ('restored'); update proof_admin.parcel set fire = 'tell' where state = 'new' and title <> 'left'";

/// How one may notice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It says that it lives elsewhere.
    Elsewhere,
    /// It says that it lives here, and another transaction wrote so than the one that it remembers.
    Written,
    /// A copy of its files is where it was, and behind what a worker remembers.
    Behind,
}

/// As whoever greets writes it down.
const ELSEWHERE: &str = "begin; update statehouse.setting set value = 'elsewhere' where name = 'home';
    update statehouse.setting set value = (select xmin::text from statehouse.setting where name = 'home') where name = 'home_written'; commit";
/// As a backup writes its rows.
const WRITTEN: &str = "update statehouse.setting set value = value where name = 'home'";

pub(super) async fn run(drill: &mut Drill) -> Held {
    // What is left over of before is worked off.
    drill.pass("1 hour").await?;
    drill.a.recover().await?;
    drill.a.work(&drill.provider).await?;
    for way in [Way::Elsewhere, Way::Written, Way::Behind] {
        drill.both(OWE).await?;
        let claimed = drill.a.claim().await?;
        let some: Vec<_> = claimed.iter().take(claimed.len() / 2).cloned().collect();
        drill.a.mark(&some).await?;
        drill.both(OWE).await?;
        let open = drill.count("select count(*) from statehouse.effect where state in ('due', 'leased')").await;
        let epoch = drill.count("select value from statehouse.setting where name = 'epoch'").await;
        if way == Way::Behind {
            let ahead = drill.rows.value("select pg_current_wal_lsn() + 1000000000").await;
            let greeting = effects::greet(&drill.b.db, Some(&ahead)).await?;
            holds(Restored, greeting.restored, "an older log is not noticed")?;
        } else {
            drill.superuser(if way == Way::Elsewhere { ELSEWHERE } else { WRITTEN }).await?;
            let refused = effects::claim(&drill.b.db, "b", &[], 10, super::LEASE).await.is_err() && drill.b.claim().await.is_err();
            holds(Restored, refused, "a database that nobody has greeted lends effects")?;
            holds(Restored, drill.b.greet().await?.restored, "a restored database is not noticed")?;
        }
        holds(
            Restored,
            drill.count("select value from statehouse.setting where name = 'epoch'").await == epoch + 1,
            "no new epoch begins",
        )?;
        holds(Restored, !drill.a.greet().await?.restored, "it is restored for ever")?;
        drill.pass("2 minutes").await?;
        drill.a.recover().await?;
        holds(Restored, drill.a.claim().await?.is_empty(), "what an older epoch owes is lent")?;
        let stands = drill.rows.value("select string_agg(distinct state || case when sending then ' sending' else '' end || case when doubt then ' doubt' else '' end, ', ') from statehouse.effect where code = 'restored'").await;
        holds(Doubt, stands == "held, held doubt, unknown sending doubt", &format!("what an older epoch owes is {stands}"))?;
        // One that was written by a transaction which began before the restore was noticed.
        drill.both("insert into proof_admin.parcel (title) values ('between'); update proof_admin.parcel set fire = 'tell' where title = 'between'; update proof_admin.parcel set title = 'since' where title = 'between'").await?;
        drill.superuser("update statehouse.effect set epoch = epoch - 1 where state = 'due'").await?;
        holds(Restored, drill.a.claim().await?.is_empty(), "what an older epoch owes is lent")?;
        super::through::breaker(drill, "k", true).await?;
        holds(Restored, super::through::lent(&drill.a).await?.is_empty(), "what an older epoch owes goes another way")?;
        super::through::breaker(drill, "k", false).await?;
        drill.superuser("update statehouse.effect set state = 'held', code = 'between' where state = 'due'").await?;
        let left = drill.count("select count(*) from statehouse.effect where state in ('due', 'leased')").await;
        holds(Restored, open > 0 && left == 0, "what an older epoch owes is not held")?;
        replayed(drill).await?;
    }
    Ok(())
}

/// What came after goes out; what was held goes out once somebody says so.
async fn replayed(drill: &mut Drill) -> Held {
    drill.both(OWE).await?;
    let claimed = drill.a.claim().await?;
    holds(Missing, claimed.len() == 16, "what is owed since is not lent")?;
    let said = drill.a.send(&claimed, &drill.provider).await?;
    drill.a.settle(&said).await?;
    let key = statehouse_testkit::people::Persona::member(APP, super::TENANTS[0], "admin").key.unwrap_or_default();
    let session = statehouse_store::record::enter(&drill.api, &key).await?;
    let held = drill.rows.value("select replace(record::text, '-', '') || '-' || seq || '-' || n from statehouse.effect where tenant = 1 and state = 'held' and class <> 'N' limit 1").await;
    let held = effects::Id::parse(&held).ok_or_else(|| Breach::new(Restored, "nothing is held"))?;
    let replayed = effects::replay(&drill.api, &session, &[held]).await?;
    holds(Restored, replayed.len() == 1 && replayed[0].due, "what is held cannot be tried again")?;
    let claimed = drill.a.claim().await?;
    holds(
        Restored,
        claimed.len() == 1 && claimed[0].id() == held && claimed[0].doubt,
        "what was let go is not lent, it alone and in doubt",
    )?;
    let said = drill.a.send(&claimed, &drill.provider).await?;
    drill.a.settle(&said).await?;
    // The rest is given up, so that the next restore begins anew.
    drill.superuser("update statehouse.effect set state = 'dead', code = 'over' where state in ('held')").await?;
    drill.superuser("update statehouse.effect set code = 'seen' where code = 'restored'").await
}

//! The app of the proof, and what was written down by hand of what it owes.

use statehouse_crashtests::{check::owed, scene};
use statehouse_definition::{Severity, check, load};
use statehouse_testkit::{Cluster, app};

#[test]
fn it_is_sound_and_owes_what_is_written_down() {
    let loaded = load(&scene::folder());
    let app = loaded.app.unwrap_or_else(|| panic!("it does not load: {:#?}", loaded.findings));
    let errors: Vec<_> = loaded.findings.into_iter().chain(check(&app)).filter(|finding| finding.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let mut declared = Vec::new();
    for (entity, of) in &app.entities {
        for (verb, transition) in &of.transitions {
            for (effect, n) in transition.effects.iter().zip(1..) {
                let class = format!("{:?}", app.connectors[&effect.connector].class);
                declared.push((format!("proof.{entity}"), verb.clone(), n, effect.connector.clone(), class, transition.call.is_some()));
            }
        }
    }
    let written: Vec<_> = owed::all()
        .into_iter()
        .map(|o| {
            let call = o.is_call();
            (o.entity, o.verb, o.n, o.connector, o.class, call)
        })
        .collect();
    assert_eq!(declared, written);
}

#[test]
fn it_can_be_installed() {
    let cluster = Cluster::shared();
    let db = cluster.database_from(&app::template(cluster, &scene::folder()), "proof");
    assert_eq!(db.value_as_superuser("select string_agg(distinct table_name, ' ' order by table_name) from information_schema.tables where table_schema = 'proof_admin' and table_name not like '%history'"), "parcel payment");
}

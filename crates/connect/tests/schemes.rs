//! Definitions are checked against a list of their own, so that checking one needs no cryptography. The lists are one.

use std::collections::BTreeMap;

use statehouse_connect::verify::{Coverage, names, scheme};
use statehouse_definition::schemes::{self, SCHEMES};

type Told = (schemes::Coverage, Vec<String>);

#[test]
fn a_definition_knows_every_scheme_and_what_it_covers() {
    let told = |one: &schemes::Scheme| (one.coverage, one.signed.iter().map(|part| (*part).to_owned()).collect());
    let ours: BTreeMap<&str, Told> = SCHEMES.iter().map(|one| (one.name, told(one))).collect();
    let theirs: BTreeMap<&str, Told> = names()
        .map(|name| {
            let scheme = scheme(name).expect("a scheme of this name");
            let covers = match scheme.coverage {
                Coverage::Whole => schemes::Coverage::Whole,
                Coverage::Partly => schemes::Coverage::Partly,
                Coverage::Sender => schemes::Coverage::Sender,
            };
            (name, (covers, scheme.signed()))
        })
        .collect();
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), SCHEMES.len(), "a scheme stands twice");
}

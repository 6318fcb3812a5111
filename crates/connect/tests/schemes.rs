//! Definitions are checked against a list of their own, so that checking one needs no cryptography. The lists are one.

use std::collections::BTreeMap;

use statehouse_connect::verify::{Coverage, names, scheme};
use statehouse_definition::schemes::{self, SCHEMES};

#[test]
fn a_definition_knows_every_scheme_and_what_it_covers() {
    let ours: BTreeMap<&str, schemes::Coverage> = SCHEMES.into_iter().collect();
    let theirs: BTreeMap<&str, schemes::Coverage> = names()
        .map(|name| {
            let covers = match scheme(name).expect("a scheme of this name").coverage {
                Coverage::Whole => schemes::Coverage::Whole,
                Coverage::Partly => schemes::Coverage::Partly,
                Coverage::Sender => schemes::Coverage::Sender,
            };
            (name, covers)
        })
        .collect();
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), SCHEMES.len(), "a scheme stands twice");
}

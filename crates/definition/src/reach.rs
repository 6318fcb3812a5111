//! Where declared transitions can still lead.

use std::collections::HashSet;

use crate::model::Entity;

/// Whether a record in `state` can by declared transitions still come to one of `froms`; one that stands there has.
///
/// It says what the machine allows, not that anybody will do it.
pub fn can_still<S: AsRef<str>>(entity: &Entity, state: &str, froms: &[S]) -> bool {
    reachable(entity, state).iter().any(|reached| froms.iter().any(|from| from.as_ref() == *reached))
}

/// The states to which declared transitions lead from `state`, itself among them if the entity has it.
pub fn reachable<'e>(entity: &'e Entity, state: &str) -> HashSet<&'e str> {
    let mut reached: HashSet<&str> = entity.states.get_key_value(state).map(|(name, _)| name.as_str()).into_iter().collect();
    let mut open: Vec<&str> = reached.iter().copied().collect();
    while let Some(state) = open.pop() {
        for transition in entity.transitions.values().filter(|one| one.from.iter().any(|from| from == state)) {
            if let Some(to) = transition.to.as_deref()
                && reached.insert(to)
            {
                open.push(to);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::can_still;
    use crate::read::read;
    use crate::source::SourceFile;

    #[test]
    fn a_record_goes_on_but_not_back() {
        let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
        let app = read(&[
            file("app.yaml", "app: shop\nlocales: [en]\ntime_zone: UTC\nroles: { rep: {} }\n"),
            file(
                "entities/order.yaml",
                "entity: order\n\
                 states: { a: { initial: true, may_wait: forever }, b: { may_wait: forever }, c: { may_wait: forever }, d: { final: true } }\n\
                 transitions:\n\
                 \x20 on: { from: a, to: b, by: [rep] }\n\
                 \x20 back: { from: c, to: b, by: [rep] }\n\
                 \x20 over: { from: b, to: c, by: [rep] }\n\
                 \x20 note: { from: [a, d], by: [rep] }\n\
                 \x20 end: { from: [b, c], to: d, by: [rep] }\n",
            ),
        ]);
        let order = &app.app.expect("a sound app").entities["order"];
        for (state, froms, expected) in [
            ("a", vec!["a"], true),
            ("a", vec!["d"], true),
            ("c", vec!["b"], true),
            ("b", vec!["a"], false),
            ("d", vec!["a", "b", "c"], false),
            ("d", vec!["c", "d"], true),
            ("a", vec![], false),
            ("gone", vec!["a", "gone"], false),
        ] {
            assert_eq!(can_still(order, state, &froms), expected, "{state} to {froms:?}");
        }
    }
}

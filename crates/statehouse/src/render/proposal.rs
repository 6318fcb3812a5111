//! A proposal as a person reads it.

use std::fmt::Write as _;

use statehouse_store::apply::Proposal;

/// What would change, compactly for a first apply, step by step otherwise.
pub fn proposal(proposal: &Proposal, app: &str) -> String {
    let Some(first) = &proposal.first else {
        let mut text = statehouse_compile::plan::render(&proposal.plan);
        if proposal.plan.is_empty() && proposal.text_changed {
            text.push_str("the database is as it should be; texts of the definition differ and are stored as a new version\n");
        }
        return text;
    };
    let mut text = String::new();
    for (schema, kinds) in &first.objects {
        let counts: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {}", plural(kind, *count))).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  + schema {schema:<20} {}", counts.join(", "));
    }
    let engine = if first.engine { "the engine and " } else { "" };
    let _ = writeln!(text, "\nPlan: {engine}`{app}` are made for the first time.   Risk: safe\nNext: `statehouse apply`");
    text
}

fn plural(kind: &str, count: usize) -> String {
    let kind = kind.replace('_', " ");
    match (count, kind.as_str()) {
        (1, _) => kind,
        (_, "index") => "indexes".into(),
        (_, "policy") => "policies".into(),
        _ => format!("{kind}s"),
    }
}

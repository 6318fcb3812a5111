//! SH3062: a list that comes in pages can be read to its end.

use crate::check::Judge;
use crate::finding::Finding;
use crate::model::{Filter, Next, Pattern, Piece, Reconcile, Span};

pub(super) fn judge(judge: &mut Judge<'_>, path: &str, reconcile: &Reconcile) {
    let Some(pages) = &reconcile.pages else { return };
    let places = &judge.app.places;
    let at = |key: &str| places.key(&format!("{path}/pages/{key}"));
    let (next, first, more, total) = (at("next"), at("first"), at("more"), at("total"));
    if !reconcile.list.args.values().any(|arg| page(arg).is_some()) {
        let help = "hand `{page}` to an argument of `list`, which its action sends as the place the page begins";
        wrong(judge, &next, "no argument of `list` says which page is asked for".to_owned(), help);
    }
    if pages.more.is_some() && pages.total.is_some() {
        wrong(judge, &more, "`more` and `total` both say where the list ends".to_owned(), "keep one of the two");
    }
    if !matches!(pages.next, Next::Number { .. }) && judge.app.places.has(&format!("{path}/pages/first")) {
        wrong(judge, &first, "`first` is the number of the first page, and pages have none here".to_owned(), "leave it out");
    }
    match &pages.next {
        // What left the list while it was read would move the rest to a page that has been read.
        Next::Number { .. } if pages.total.is_none() => {
            let message = "pages with a number, and nothing says whether the list has changed between them".to_owned();
            let help = "add `total: \"{answer.…}\"`, how many items there are in all, or use `next: offset`";
            wrong(judge, &pages.at, message, help);
        }
        Next::Said(_) => {
            said(judge, path, reconcile);
            if pages.total.is_some() {
                wrong(
                    judge,
                    &total,
                    "what the page before says leads to the next one, and `total` is not asked".to_owned(),
                    "leave it out, or use `more`",
                );
            }
        }
        _ => {}
    }
}

/// No page has been read before the first, so nothing has said where it begins.
fn said(judge: &mut Judge<'_>, path: &str, reconcile: &Reconcile) {
    let list = &reconcile.list;
    let Some(action) = judge.app.connectors.get(&list.connector).and_then(|connector| connector.actions.get(&list.action)) else { return };
    for (name, given) in &list.args {
        let needed = action.args.get(name).is_some_and(|arg| arg.required);
        if needed && page(given).is_some_and(|has_other| !has_other) {
            let at = judge.app.places.key(&format!("{path}/list/{}.{}/{name}", list.connector, list.action));
            let message = format!("`{name}` has to be there, and the first page has nothing to put in it");
            wrong(judge, &at, message, &format!("write `{name}: optional` in the action: what has no value is not sent"));
        }
    }
}

/// Whether something else stands in the place of `page` where there is none; nothing where `page` is not in it.
fn page(pattern: &Pattern) -> Option<bool> {
    pattern.parts.iter().find_map(|piece| match piece {
        Piece::Hole { path, filters } if path.len() == 1 && path[0] == "page" => Some(matches!(filters.first(), Some(Filter::Or(_)))),
        _ => None,
    })
}

fn wrong(judge: &mut Judge<'_>, at: &Span, message: String, help: &str) {
    judge.push(Finding::error("SH3062", at, message).help(help));
}

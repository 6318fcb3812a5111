//! `GET /v1/{entity}`.

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use statehouse_store::record::{self, Listing, Shape};

use super::answer;
use super::asked::{Asked, At, unreadable};
use crate::{Caller, Problem, Shared};

/// A page of records.
pub(super) async fn list(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    At(entity): At<String>,
    OriginalUri(uri): OriginalUri,
    Asked(pairs): Asked,
) -> Result<Response, Problem> {
    let running = shared.running();
    let shape = Shape::of(&running.app, &caller.session.role, &entity)?;
    let listing = read(&pairs)?;
    let (shape, asked) = (&shape, &listing);
    let page = caller.ask(|db, session| async move { record::list(&db, &session, shape, asked).await }).await?;
    let mut response = answer::json(StatusCode::OK, answer::page(&page.records, page.next.as_deref(), page.count));
    if let Some(next) = &page.next
        && let Ok(link) = HeaderValue::try_from(link(uri.path(), &pairs, next))
    {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// The same question from the next row on.
pub(super) fn link(path: &str, pairs: &[(String, String)], next: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter(|(name, _)| name != "after"));
    query.append_pair("after", next);
    format!("<{path}?{}>; rel=\"next\"", query.finish())
}

fn read(pairs: &[(String, String)]) -> Result<Listing, Problem> {
    let mut listing = Listing::default();
    let mut once: Vec<&str> = Vec::new();
    for (name, value) in pairs {
        if let Some(filter) = name.strip_prefix("filter[") {
            let (field, operator) = operator(filter)
                .ok_or_else(|| unreadable(format!("`{name}` is no filter"), "write `filter[field]=value` or `filter[field][op]=value`"))?;
            listing.filters.push((field.to_owned(), operator.to_owned(), value.clone()));
            continue;
        }
        if once.contains(&name.as_str()) {
            return Err(unreadable(format!("`{name}` stands twice"), "keep one of the two"));
        }
        once.push(name);
        match name.as_str() {
            "sort" => listing.sort = words(value),
            "fields" => listing.fields = words(value),
            "limit" => listing.limit = Some(limit(value)?),
            "after" => listing.after = Some(value.clone()),
            "count" => listing.count = counted(value)?,
            _ => {
                return Err(unreadable(
                    format!("a list takes no `{name}`"),
                    "there is `filter`, `sort`, `fields`, `limit`, `after`, `count`",
                ));
            }
        }
    }
    Ok(listing)
}

/// `due]` and `due][gte]`.
fn operator(filter: &str) -> Option<(&str, &str)> {
    let inner = filter.strip_suffix(']')?;
    let (field, operator) = inner.split_once("][").unwrap_or((inner, "eq"));
    let plain = |word: &str| !word.is_empty() && !word.contains(['[', ']']);
    (plain(field) && plain(operator)).then_some((field, operator))
}

fn words(value: &str) -> Vec<String> {
    value.split(',').map(str::to_owned).collect()
}

/// A whole number of rows; whether it may be so many is for whoever lists.
pub(super) fn limit(value: &str) -> Result<u32, Problem> {
    let plain = value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|_| plain).ok_or_else(|| unreadable("`limit` is no whole number", "ask for 1 to 200"))
}

fn counted(value: &str) -> Result<bool, Problem> {
    match value {
        "exact" => Ok(true),
        "none" => Ok(false),
        _ => Err(unreadable(format!("`count` is not `{value}`"), "write `none` or `exact`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_whole() {
        let pair = |name: &str| vec![(name.to_owned(), "1".to_owned())];
        for (name, expected) in [("filter[due]", ("due", "eq")), ("filter[due][gte]", ("due", "gte"))] {
            let listing = read(&pair(name)).expect(name);
            assert_eq!((listing.filters[0].0.as_str(), listing.filters[0].1.as_str()), expected);
        }
        for name in ["filter", "filter[]", "filter[a", "filter[a][b][c]", "filter[a][]", "filters[a]", "offset", "limit[]"] {
            assert_eq!(read(&pair(name)).expect_err(name).code().code, "SH6010", "{name}");
        }
    }
}

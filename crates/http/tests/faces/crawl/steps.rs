//! The parts of the crawl.

use serde_json::json;

use super::Everybody;
use super::conform;
use super::count::Count;
use super::document::Operation;
use super::people::{Answer, Ask, Crawler};
use super::request::{finish, ids, parameters_of, paths};
use super::strangers::{self, Variant};

/// A record of the same tenant that the caller does not see.
pub const OUTSIDE: &str = "an id outside the slice";

/// Things at which an operation is tried until it is carried out.
const TRIES_MAX: usize = 12;

/// Makes whatever has to be made to be named, so that no later step of the crawl makes anything by the way.
pub async fn name_things(everybody: &Everybody) {
    for crawler in everybody.all() {
        for operation in crawler.document.operations() {
            paths(crawler, operation).await;
        }
    }
}

/// Everything that asks for credentials says 401 without them, and with wrong ones.
pub async fn without_credentials(everybody: &Everybody, count: &mut Count, wrong: &mut Vec<String>) {
    for crawler in everybody.all() {
        for operation in crawler.document.operations() {
            let mut ask = Ask::of(operation, any_path(operation));
            ask.body = operation.body().map(|_| json!({}));
            let nobody = crawler.send_as(&ask, None).await;
            count.done("called without credentials", crawler.name(), operation.name());
            if operation.is_open() {
                wrong.extend(untold(crawler, operation, &nobody));
            } else if nobody.status != 401 {
                wrong.push(format!("{} without credentials: {} {}", operation.name(), nobody.status, nobody.text));
            }
            if !operation.is_open() {
                let forged = crawler.send_as(&ask, Some("sk_forged")).await;
                if forged.status != 401 {
                    wrong.push(format!("{} with a forged key: {} {}", operation.name(), forged.status, forged.text));
                }
            }
        }
    }
}

/// What stands in the admin's document and not in one's own is refused.
pub async fn of_others(everybody: &Everybody, count: &mut Count, wrong: &mut Vec<String>) {
    for crawler in everybody.all() {
        let admin = everybody.admin_of(crawler);
        for operation in admin.document.operations() {
            if crawler.document.operation(operation.method, operation.path).is_some() {
                continue;
            }
            // As good as the admin would make it, so that only who asks is wrong.
            let Some(path) = fitting(admin, crawler, operation).await else {
                count.done("had nothing to be called with", admin.name(), operation.name());
                continue;
            };
            let ask = finish(admin, operation, Ask::of(operation, path)).await;
            let answer = crawler.send(&ask).await;
            count.done("called by who may not", crawler.name(), operation.name());
            if !is_refused(&answer) {
                wrong.push(format!("{} as {} who may not: {} {}", operation.name(), crawler.name(), answer.status, answer.text));
            }
        }
    }
}

/// Refused as a whole, or every item of it. A body in which everything is refused by name is one that this caller never sends.
fn is_refused(answer: &Answer) -> bool {
    match answer.status {
        403..=405 => true,
        400 => answer.code() == "SH6002",
        207 => answer.body["data"]
            .as_array()
            .is_some_and(|items| items.iter().all(|item| matches!(item["problem"]["status"].as_u64(), Some(403 | 404)))),
        _ => false,
    }
}

/// A path at which the admin's operation could be carried out, on what the caller sees too if there is such a thing.
async fn fitting(admin: &Crawler, crawler: &Crawler, operation: Operation<'_>) -> Option<String> {
    let mut fallback = None;
    for path in paths(admin, operation).await {
        if !is_open(admin, operation, &path).await {
            continue;
        }
        let above = path.split_once("/transitions/").map_or(path.as_str(), |(above, _)| above);
        if crawler.send(&Ask::get(above)).await.status == 200 {
            return Some(path);
        }
        fallback.get_or_insert(path);
    }
    fallback
}

/// Whether a move is one of those that its record says are open now; whatever is no move is.
async fn is_open(crawler: &Crawler, operation: Operation<'_>, path: &str) -> bool {
    let (Some((template, verb)), Some((list, _))) = (operation.path.rsplit_once('/'), path.rsplit_once('/')) else { return true };
    if !template.ends_with("/transitions") || crawler.document.operation("get", template).is_none() {
        return true;
    }
    let told = crawler.send(&Ask::get(list)).await;
    told.body["data"].as_array().into_iter().flatten().any(|one| one["verb"] == verb && one["open"] == true)
}

/// An id of the other tenant and one outside the slice are answered as one that is not there, and as fast.
pub async fn strangers(everybody: &Everybody, count: &mut Count, wrong: &mut Vec<String>) {
    let mut ratios = Vec::new();
    // Time is a matter of the operation and of what is looked for, and not of the role: once each.
    let mut timed = std::collections::BTreeSet::new();
    for crawler in everybody.all() {
        for operation in crawler.document.operations() {
            for variants in unknown(everybody, crawler, operation).await {
                count.done("called with ids that may not be known", crawler.name(), operation.name());
                if variants.iter().any(|(what, ..)| *what == OUTSIDE) {
                    count.done(OUTSIDE, crawler.name(), operation.name());
                }
                let name = operation.name();
                match strangers::compare(crawler, &name, &variants).await {
                    Some(difference) => wrong.push(difference),
                    None if timed.insert((name.clone(), variants.len())) => {
                        wrong.extend(strangers::timed(crawler, &name, &variants, &mut ratios).await)
                    }
                    None => {}
                }
            }
        }
    }
    ratios.sort_by(f64::total_cmp);
    let most = ratios.last().copied().unwrap_or_default();
    println!("the median takes of the three kinds of id differ by a factor of at most {most:.2} in {} comparisons", ratios.len());
}

/// The same request with ids that may not be known, one set for each parameter of the path that is an id of something listed.
pub async fn unknown(everybody: &Everybody, crawler: &Crawler, operation: Operation<'_>) -> Vec<Vec<Variant>> {
    let mut sets = Vec::new();
    let parameters = parameters_of(operation.path);
    let Some(own) = paths(crawler, operation).await.into_iter().next() else { return sets };
    let template = finish(crawler, operation, Ask::of(operation, own.clone())).await;
    for name in parameters {
        let (before, _) = operation.path.split_once(&format!("/{{{name}}}")).unwrap_or_default();
        let depth = before.split('/').count();
        let segments: Vec<&str> = own.split('/').collect();
        let mine = ids(crawler, before, &segments[..depth].join("/")).await;
        let theirs = listed(everybody.stranger_to(crawler), before).await;
        let ours = listed(everybody.admin_of(crawler), before).await;
        if theirs.is_empty() && ours.is_empty() {
            continue;
        }
        let random = "0199a000-0000-7000-8000-0000000d1ce5".to_owned();
        // What is not listed, such as a link, may be seen all the same; then it says so itself.
        let is_listed = crawler.document.operation("get", before).is_some();
        let mut unseen = ours.into_iter().find(|id| !mine.contains(id));
        if let Some(id) = unseen.as_ref().filter(|_| !is_listed) {
            let one = [&segments[..depth], &[id.as_str()]].concat().join("/");
            if crawler.send(&Ask::get(one)).await.status == 200 {
                unseen = None;
            }
        }
        let foreign = theirs.into_iter().find(|id| !mine.contains(id));
        let kinds = [("an id that is not there", Some(random)), ("an id of the other tenant", foreign), (OUTSIDE, unseen)];
        let variants: Vec<Variant> = kinds
            .into_iter()
            .filter_map(|(what, id)| id.map(|id| (what, id)))
            .map(|(what, id)| {
                let mut path = segments.clone();
                path[depth] = &id;
                let ask = Ask { path: path.join("/"), ..template.clone() };
                (what, id.clone(), ask)
            })
            .collect();
        sets.push(variants);
    }
    sets
}

/// What somebody can name at a template, whatever stands above it.
async fn listed(crawler: &Crawler, template: &str) -> Vec<String> {
    let Some(list) = crawler.document.operation("get", template).or_else(|| crawler.document.operation("post", template)) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for path in paths(crawler, list).await.into_iter().take(10) {
        all.extend(ids(crawler, template, &path).await);
    }
    all
}

/// What nobody may hand in is refused by name, in every body.
pub async fn more_than_asked(everybody: &Everybody, count: &mut Count, wrong: &mut Vec<String>) {
    const NEVER: [&str; 16] = [
        "tenant",
        "state",
        "version",
        "id",
        "role",
        "created_at",
        "seen_by",
        "fire",
        "key",
        "head",
        "reference",
        "entered_at",
        "changed_at",
        "verb",
        "input",
        "surprise",
    ];
    for crawler in everybody.all() {
        for operation in crawler.document.operations() {
            let Some((schema, _)) = operation.body() else { continue };
            let Some(path) = paths(crawler, operation).await.into_iter().next() else { continue };
            let ask = finish(crawler, operation, Ask::of(operation, path)).await;
            let schema = crawler.document.resolve(schema);
            for name in NEVER.into_iter().map(str::to_owned).chain(kept(crawler)) {
                if schema["properties"].get(&name).is_some() {
                    continue;
                }
                let mut more = ask.clone();
                more.body.get_or_insert_with(|| json!({}))[&name] = json!(1);
                let answer = crawler.send(&more).await;
                count.done("called with a key that is not taken", crawler.name(), operation.name());
                let pointed = answer.body["errors"].as_array().into_iter().flatten().any(|one| one["pointer"] == format!("/{name}"));
                if !matches!(answer.status, 400 | 403 | 422) || !pointed {
                    wrong.push(format!("{} as {} with `{name}`: {} {}", operation.name(), crawler.name(), answer.status, answer.text));
                }
            }
        }
    }
}

/// Everything that some record of the document shows and nobody may write: rollups, computed amounts.
fn kept(crawler: &Crawler) -> Vec<String> {
    let mut names = std::collections::BTreeSet::new();
    for (_, schema) in crawler.document.0["components"]["schemas"].as_object().into_iter().flatten() {
        let properties = schema["properties"].as_object().into_iter().flatten();
        names.extend(properties.filter(|(_, property)| property["readOnly"] == true).map(|(name, _)| name.clone()));
    }
    names.into_iter().collect()
}

/// Every operation with what one sees and may: the answer is one that the document tells, in the form it tells. What ends
/// the caller comes last.
pub async fn as_told(everybody: &Everybody, count: &mut Count, wrong: &mut Vec<String>) {
    for ending in [false, true] {
        for crawler in everybody.all() {
            for operation in crawler.document.operations().filter(|operation| (operation.said["x-ends-caller"] == true) == ending) {
                carried_out(crawler, operation, count, wrong).await;
            }
        }
    }
}

/// Calls an operation until it is carried out for something the caller can name.
async fn carried_out(crawler: &Crawler, operation: Operation<'_>, count: &mut Count, wrong: &mut Vec<String>) {
    crawler.made.lock().expect("a lock").clear();
    let mut candidates = paths(crawler, operation).await;
    if candidates.is_empty() {
        // Nothing can be named yet: it is called for something that is not there.
        candidates.push(any_path(operation));
    }
    let is_move = operation.path.contains("/transitions/");
    let last = candidates.len().min(TRIES_MAX) - 1;
    for (nth, path) in candidates.into_iter().enumerate() {
        let promised = is_move && is_open(crawler, operation, &path).await;
        // A move that is not open is tried once, and then only where it is; anything else a few times.
        if nth > 0 && if is_move { !promised } else { nth > last } {
            continue;
        }
        let ask = finish(crawler, operation, Ask::of(operation, path)).await;
        let answer = crawler.send(&ask).await;
        count.done("called", crawler.name(), operation.name());
        let faults = untold(crawler, operation, &answer);
        let done = (200..300).contains(&answer.status) && answer.status != 207;
        if promised && answer.status == 409 {
            wrong.push(format!("{} as {} was told to be open: {}", operation.name(), crawler.name(), answer.text));
        }
        let stop = done || faults.is_some();
        wrong.extend(faults);
        if done {
            count.succeeded(operation.name());
        }
        if stop {
            return;
        }
    }
}

/// What of an answer the document does not tell.
pub fn untold(crawler: &Crawler, operation: Operation<'_>, answer: &Answer) -> Option<String> {
    let name = format!("{} as {}", operation.name(), crawler.name());
    let Some(response) = operation.response(answer.status) else {
        return Some(format!("{name}: {} is not told: {}", answer.status, answer.text));
    };
    let told = response["headers"].as_object().into_iter().flatten().map(|(header, _)| header.as_str());
    let lacking: Vec<&str> = told.filter(|header| !["Link", "Retry-After"].contains(header) && answer.header(header).is_empty()).collect();
    if !lacking.is_empty() {
        return Some(format!("{name}: {} lacks {lacking:?}", answer.status));
    }
    let media_type = answer.header("content-type").split(';').next().unwrap_or_default();
    let Some(content) = response["content"].as_object() else {
        return (!answer.text.is_empty()).then(|| format!("{name}: {} has a body and none is told: {}", answer.status, answer.text));
    };
    let Some(said) = content.get(media_type).or_else(|| content.get("*/*")) else {
        return Some(format!("{name}: {} is `{media_type}`, told is {:?}", answer.status, content.keys()));
    };
    if !media_type.ends_with("json") || operation.method == "head" {
        return None;
    }
    let faults = conform::wrong(&crawler.document, &said["schema"], &answer.body);
    (!faults.is_empty()).then(|| format!("{name}: {} is not as told: {faults:?}: {}", answer.status, answer.text))
}

/// A path whose parameters are anything.
fn any_path(operation: Operation<'_>) -> String {
    let segment = |one: &str| if one.starts_with('{') { "0199a000-0000-7000-8000-0000000d1ce5".to_owned() } else { one.to_owned() };
    operation.path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

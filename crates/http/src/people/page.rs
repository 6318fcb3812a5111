//! A page of a list, and ids in paths.

use axum::extract::{FromRequestParts, Path, RawQuery};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use statehouse_fault::{SH1002, SH6006, SH6010};
use uuid::Uuid;

use crate::{Json, Problem};

const USUAL: i32 = 100;
const MOST: i32 = 1000;

/// Which page was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    /// The last of the page before.
    pub after: Option<Uuid>,
    /// At most so many.
    pub limit: i32,
}

impl Page {
    /// Reads `after` and `limit`.
    ///
    /// # Errors
    /// `SH6010` for anything else, and for what these cannot be.
    pub(super) fn read(RawQuery(query): RawQuery) -> Result<Page, Problem> {
        let mut page = Page { after: None, limit: USUAL };
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*name {
                "after" => page.after = Some(value.parse().map_err(|_| Problem::new(SH6010, "`after` is no id of this list"))?),
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                    page.limit = limit.ok_or_else(|| Problem::new(SH6010, format!("`limit` is a number from 1 to {MOST}")))?;
                }
                other => return Err(Problem::new(SH6010, format!("this list has no `{other}` to ask by"))),
            }
        }
        Ok(page)
    }

    /// `{data, next}`; `next` is the last id where there may be more.
    pub(super) fn answer(self, data: Vec<Value>) -> Json<Value> {
        let full = usize::try_from(self.limit).is_ok_and(|limit| data.len() >= limit);
        let next = data.last().filter(|_| full).map_or(Value::Null, |last| last["id"].clone());
        Json(json!({ "data": data, "next": next }))
    }
}

/// The parameters of a path.
#[derive(Debug)]
pub(crate) struct At<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<At<T>, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(path)| At(path)).map_err(|_| Problem::new(SH6006, "the path is not readable text"))
    }
}

/// An id in a path. What is no id is answered as an id of nothing.
///
/// # Errors
/// `SH1002`, in the very words of the database.
pub(crate) fn id(text: &str, nothing: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|_| Problem::new(SH1002, format!("there is no such {nothing} that you can see")).with_help("check the id"))
}

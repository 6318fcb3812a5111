//! Why a verb is refused, or that it is open: the move is tried as the member and undone.
//!
//! The law itself is asked, in its own order of judgment; nothing is judged twice in another language. Shown are only
//! values that the member sees through the views of the role.

mod answer;
mod ask;
mod values;

pub use answer::{Answer, Check, Outcome, Person, Verdict};
pub use ask::{Question, Who, explain};

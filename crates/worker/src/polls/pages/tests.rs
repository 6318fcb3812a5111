use serde_json::{Value, json};
use statehouse_definition::model::{Next, Pages, Pattern, Span};

use super::*;

fn pages(next: Next, more: Option<&str>, total: Option<&str>) -> Pages {
    let hole = |name: &str| Pattern::hole(&format!("answer.{name}"));
    Pages { at: Span::default(), next, more: more.map(hole), total: total.map(hole) }
}

fn said() -> Next {
    Next::Said(Pattern::hole("last.id"))
}

/// A source with so many items a page, as the schemes of lists work; the newest item stands first.
struct Source {
    items: Vec<u32>,
    size: usize,
    /// It knows no parameter for pages.
    deaf: bool,
}

impl Source {
    fn of(many: u32, size: usize) -> Source {
        Source { items: (0..many).rev().collect(), size, deaf: false }
    }

    fn answer(&self, next: &Next, asked: Option<&Value>) -> Value {
        let number = |value: &Value| usize::try_from(value.as_u64().expect("a number")).expect("small");
        let from = match (next, asked) {
            _ if self.deaf => 0,
            (_, None) => 0,
            (Next::Offset, Some(offset)) => number(offset),
            (Next::Number { first }, Some(page)) => (number(page) - *first as usize) * self.size,
            (Next::Said(_), Some(id)) => {
                self.items.iter().position(|item| *item == id.as_u64().expect("an id") as u32).map_or(self.items.len(), |at| at + 1)
            }
        };
        let rest = &self.items[from.min(self.items.len())..];
        let list: Vec<Value> = rest.iter().take(self.size).map(|id| json!({ "id": id })).collect();
        json!({ "items": list, "more": rest.len() > self.size, "total": self.items.len() })
    }
}

/// Reads it whole, and does this to it after each page, by the number of pages so far; what was read, and how often it was asked.
fn read(pages: &Pages, source: &mut Source, mut between: impl FnMut(usize, &mut Source)) -> Result<(Vec<u32>, usize), &'static str> {
    let (mut place, mut seen) = (Place::default(), Vec::new());
    for asked in 1..200 {
        // Each page may be read by another process, which knows what is stored and nothing else.
        place = Place::of(&pages.next, place.stored(&pages.next).as_ref());
        let answer = source.answer(&pages.next, place.asks(&pages.next).as_ref());
        let items = answer["items"].as_array().expect("a list");
        let keys: Vec<Option<String>> = items.iter().map(|item| Some(item["id"].to_string())).collect();
        seen.extend(items.iter().map(|item| item["id"].as_u64().expect("an id") as u32));
        match place.then(pages, Page { answer: &answer, items, keys: &keys }) {
            Then::End => {
                seen.sort_unstable();
                seen.dedup();
                return Ok((seen, asked));
            }
            Then::On(next) => place = next,
            Then::Lost(why) => return Err(why),
        }
        between(asked, source);
    }
    panic!("it never ends");
}

fn schemes() -> Vec<(&'static str, Pages)> {
    let number = |first| Next::Number { first };
    vec![
        ("offset", pages(Next::Offset, None, None)),
        ("offset, more", pages(Next::Offset, Some("more"), None)),
        ("offset, total", pages(Next::Offset, None, Some("total"))),
        ("number from 0", pages(number(0), None, Some("total"))),
        ("number from 1", pages(number(1), None, Some("total"))),
        ("said", pages(said(), None, None)),
        ("said, more", pages(said(), Some("more"), None)),
    ]
}

#[test]
fn every_scheme_reads_a_list_of_every_length_whole() {
    for (name, pages) in schemes() {
        for many in [0, 1, 2, 9, 10, 11, 19, 20, 21, 25, 100] {
            let (seen, asked) = read(&pages, &mut Source::of(many, 10), |_, _| {}).unwrap_or_else(|why| panic!("{name}, {many}: {why}"));
            assert_eq!(seen, (0..many).collect::<Vec<_>>(), "{name}, {many}");
            // An offset has nine new items a page, and who is not told of the end looks once more.
            assert!(asked <= many as usize / 9 + 2, "{name}, {many}: asked {asked} times");
        }
    }
}

#[test]
fn what_comes_or_leaves_while_it_is_read_hides_nothing_else() {
    for (name, pages) in schemes() {
        for (many, gone, new) in [(35, 1, 0), (35, 3, 0), (35, 0, 1), (35, 0, 12), (95, 12, 0), (40, 0, 10)] {
            // The newest ones leave, which have been read; and newer ones come.
            let change = |asked: usize, source: &mut Source| {
                if asked == 2 {
                    source.items.drain(..gone);
                    for n in 0..new {
                        source.items.insert(0, 1000 + n);
                    }
                }
            };
            let (seen, _) = read(&pages, &mut Source::of(many, 10), change).unwrap_or_else(|why| panic!("{name}: {why}"));
            let stayed: Vec<u32> = (0..many - gone as u32).collect();
            assert!(stayed.iter().all(|id| seen.contains(id)), "{name}, {many} - {gone} + {new}: {seen:?}");
        }
    }
}

/// The same, read without looking for the last item of the page before: one item is skipped.
#[test]
fn an_offset_alone_skips_what_moves_forward() {
    let mut source = Source::of(25, 10);
    let first = source.answer(&Next::Offset, Some(&json!(0)));
    source.items.remove(0);
    let second = source.answer(&Next::Offset, Some(&json!(10)));
    let ids: Vec<&Value> =
        [&first, &second].into_iter().flat_map(|page| page["items"].as_array().expect("a list")).map(|item| &item["id"]).collect();
    assert!(!ids.contains(&&json!(14)) && ids.contains(&&json!(15)) && ids.contains(&&json!(13)), "{ids:?}");
}

#[test]
fn a_source_that_does_not_turn_its_pages_is_told_of() {
    for (name, pages) in schemes() {
        let mut deaf = Source { deaf: true, ..Source::of(25, 10) };
        assert_eq!(read(&pages, &mut deaf, |_, _| {}), Err("a page came again"), "{name}");
    }
    // One that changes before every page is given up too, after it was begun anew three times.
    let mut restless = Source::of(190, 10);
    let found = read(&pages(Next::Offset, Some("more"), None), &mut restless, |_, source| _ = source.items.remove(0));
    assert_eq!(found, Err("it changed each time it was read"));
}

#[test]
fn an_answer_that_does_not_say_what_it_should_is_no_end() {
    let page = |pages: &Pages, answer: &Value| {
        let items = [json!({ "id": 1 })];
        Place::default().then(pages, Page { answer, items: &items, keys: &[Some("1".into())] })
    };
    let lost = |then: Then| matches!(then, Then::Lost(_));
    for answer in [json!({}), json!({ "more": null }), json!({ "more": 1 }), json!({ "more": [] })] {
        assert!(lost(page(&pages(said(), Some("more"), None), &answer)), "{answer}");
    }
    for answer in [json!({}), json!({ "total": "many" }), json!({ "total": -1 }), json!({ "total": 1.5 })] {
        assert!(lost(page(&pages(Next::Number { first: 1 }, None, Some("total")), &answer)), "{answer}");
    }
    let named = pages(Next::Said(Pattern::hole("answer.next")), Some("more"), None);
    assert!(lost(page(&named, &json!({ "more": true }))), "more, and nothing says where");
    assert!(lost(page(&named, &json!({ "more": true, "next": { "a": 1 } }))));
    assert!(lost(page(&named, &json!({ "more": true, "next": "x".repeat(2_001) }))));
    assert!(lost(page(&named, &json!({ "more": true, "next": "nul \0" }))), "the database would not take it");
    assert!(matches!(page(&named, &json!({ "more": "true", "next": "abc" })), Then::On(_)));
    // Without `more` a name that is not there is the end.
    assert_eq!(page(&pages(Next::Said(Pattern::hole("answer.next")), None, None), &json!({ "next": null })), Then::End);
}

#[test]
fn a_place_of_another_scheme_is_the_first_page() {
    let stored = json!({ "by": "said", "said": "evt_1", "read": 100, "pages": 1, "last": "evt_1", "total": null, "anew": 0 });
    assert_eq!(Place::of(&Next::Offset, Some(&stored)), Place::default());
    assert_eq!(Place::of(&said(), Some(&stored)).asks(&said()), Some(json!("evt_1")));
    assert_eq!(Place::default().stored(&said()), None, "nothing was read yet");
}

//! Properties over generated expressions.

use proptest::prelude::*;

use super::fixture::{At, compile, expr};
use crate::expr::parse;

/// Values that always print.
fn leaf() -> impl Strategy<Value = String> {
    let fixed = ["net", "vat", "client.phone", "count(lines)", "now()", "today()", "null", "true", "this.title"];
    let text = "[a-z' \\\\ż-]{0,6}".prop_map(|text| format!("'{}'", text.replace('\'', "''")));
    let number = (0..10_000_u32, 0..100_u32).prop_map(|(whole, part)| format!("{whole}.{part}"));
    prop_oneof![prop::sample::select(fixed.to_vec()).prop_map(str::to_owned), text, number]
}

/// Expressions with every sort of node, in parentheses where they are operands.
fn tree() -> impl Strategy<Value = String> {
    leaf().prop_recursive(5, 40, 3, |inner| {
        let ops = [
            "+",
            "-",
            "*",
            "/",
            "%",
            "^",
            "||",
            "=",
            "<>",
            "<",
            ">=",
            "~",
            "!~*",
            "->",
            "->>",
            "and",
            "or",
            "like",
            "not ilike",
            "is distinct from",
            "at time zone",
        ];
        let calls = [
            "round(@)",
            "-(@)",
            "not (@)",
            "(@) is null",
            "(@)::numeric(8, 2)",
            "cast(@ as text)",
            "(@) in (1, @)",
            "case when @ then 1 else @ end",
            "extract(year from @)",
            "trim(leading 'x' from @)",
            "fx.rate(@, on => @)",
            "exists (select from \"order\" o where o.net = (@))",
            "(select max(o.net) from \"order\" o)",
            "greatest(@, @)",
            "position((@) in (@))",
            "(@) between (@) and (@)",
            "substring(@ from 2 for 3)",
        ];
        prop_oneof![
            (inner.clone(), prop::sample::select(ops.to_vec()), inner.clone()).prop_map(|(x, op, y)| format!("({x}) {op} ({y})")),
            (prop::sample::select(calls.to_vec()), inner).prop_map(|(call, x)| call.replace('@', &x)),
        ]
    })
}

/// Words of the dialect in any order.
fn soup() -> impl Strategy<Value = String> {
    let words = [
        "net",
        "lines",
        ".",
        "client",
        "(",
        ")",
        ",",
        "'a'",
        "1",
        "+",
        "-",
        "*",
        "and",
        "or",
        "not",
        "is",
        "null",
        "in",
        "between",
        "case",
        "when",
        "then",
        "end",
        "select",
        "from",
        "where",
        "exists",
        "\"order\"",
        "o",
        "=",
        "<",
        "::",
        "int",
        "sum",
        "count",
        "filter",
        "fx",
        "rate",
        "on",
        "=>",
        "interval",
        "date",
        "cast",
        "as",
        "extract",
        "distinct",
        "join",
        "at",
        "time",
        "zone",
        "like",
        "substring",
        "for",
        "trim",
        "position",
        "->>",
        "ż",
        "\n",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..24).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_reads_back_as_the_same_tree(text in tree()) {
        let parsed = parse(&expr(&text));
        // A tree may meet a bound of the dialect, which is refused by name and is no matter of printing.
        prop_assume!(!matches!(&parsed, Err(fault) if fault.message.starts_with("more than")));
        prop_assert!(parsed.is_ok(), "{text}: {parsed:?}");
        let source = parsed.clone().unwrap().source().unwrap();
        let again = parse(&expr(&source));
        prop_assert_eq!(again, parsed, "{}", source);
    }

    #[test]
    fn no_text_panics_and_faults_point_into_it(text in prop_oneof![soup(), tree(), "\\PC{0,40}", any::<String>()]) {
        for place in [At::Order, At::Line, At::Step, At::Check, At::PerCategory] {
            match compile(place, &text) {
                Ok(printed) => prop_assert!(!printed.sql.contains("--") || text.contains("--"), "{}", printed.sql),
                Err(fault) => prop_assert!(text.get(fault.offset..fault.offset + fault.len).is_some(), "{fault:?}"),
            }
        }
    }
}

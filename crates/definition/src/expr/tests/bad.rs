//! What an author may get wrong: the code, and the words under which the line is drawn.

use super::fixture::{At, At::*, compile};

/// Place, text, code, and the marked words (`^` for the end of the text).
const BAD: &[(At, &str, &str, &str)] = &[
    // Not one expression.
    (Order, "", "SH3023", "^"),
    (Order, "   ", "SH3023", "^"),
    (Order, "net >", "SH3023", "^"),
    (Order, "net > 0 net", "SH3023", "net"),
    (Order, "(net > 0", "SH3023", "^"),
    (Order, "net > 0)", "SH3023", ")"),
    (Order, "title = 'open", "SH3023", "'open"),
    (Order, "net = ", "SH3023", "^"),
    (Order, "case when net then 1", "SH3023", "*"),
    (Order, "in (1)", "SH3023", "in"),
    (Order, "net in ()", "SH3023", "*"),
    (Order, "select net", "SH3023", "*"),
    (Order, "net, vat", "SH3023", ","),
    (Order, "lower(title", "SH3023", "^"),
    (Order, "net between 1", "SH3023", "^"),
    // Not allowed.
    (Order, "net = 1;", "SH3024", ";"),
    (Order, "net -- note", "SH3024", "-- note"),
    (Order, "random()", "SH3024", "random"),
    (Set, "role() = 'rep'", "SH3024", "role"),
    (Order, "roundd(net)", "SH3024", "roundd"),
    (Order, "round()", "SH3024", "round"),
    (Order, "round(net, 1, 2)", "SH3024", "round"),
    (Order, "age(valid_until)", "SH3024", "age"),
    (Order, "current_date", "SH3024", "current_date"),
    (Order, "net::float", "SH3024", "*"),
    (Order, "title::varchar(3)", "SH3024", "*"),
    (Order, "'now'::timestamptz", "SH3024", "'now'"),
    (Order, "valid_until > 'now'", "SH3024", "'now'"),
    (Order, "priced_on = 'today'", "SH3024", "'today'"),
    (Order, "net & 1", "SH3024", "&"),
    (Order, "extra @> '{}'", "SH3024", "@>"),
    (Order, "extra[1]", "SH3024", "["),
    (Order, "net = $1", "SH3024", "$1"),
    (Order, "rank() over ()", "SH3024", "rank"),
    (Order, "sum(lines.net) over ()", "SH3024", "sum"),
    (Order, "round(distinct net)", "SH3024", "round"),
    (Order, "round(*)", "SH3024", "round"),
    (Order, "sum(sum(lines.net))", "SH3024", "*"),
    (Order, "sum(lines.net * parcels.weight)", "SH3024", "parcels.weight"),
    (Order, "(select net from \"order\" o limit 1) > 0", "SH3024", "*"),
    (Order, "(select o.net, o.vat from \"order\" o) > 0", "SH3024", "*"),
    (Order, "(select 1)", "SH3024", "*"),
    (Order, "exists (select from client k, \"order\" o)", "SH3024", "*"),
    (Order, "exists (select from client k left join \"order\" o on true)", "SH3024", "*"),
    (Order, "exists (select from client new)", "SH3024", "new"),
    (Order, "exists (select from client k join client k on true)", "SH3024", "*"),
    (Order, "now(1)", "SH3024", "now"),
    (Order, "fx.rate('EUR', at => priced_on)", "SH3024", "at"),
    (Order, "1 < net < 3", "SH3024", "1 < net"),
    (Order, "title ~ 'a' || 'b'", "SH3024", "'a' || 'b'"),
    (Order, "-2 ^ 2", "SH3024", "*"),
    (Check, "client.phone is not null", "SH3024", "client.phone"),
    (Check, "now() > valid_until", "SH3024", "now"),
    (Check, "count(lines) > 0", "SH3024", "count"),
    (Check, "fx.rate('EUR') > 0", "SH3024", "fx"),
    (Check, "exists (select from client k)", "SH3024", "client"),
    (Check, "rep = actor()", "SH3024", "actor"),
    // Unknown to the model.
    (Order, "nett > 0", "SH3025", "nett"),
    (Order, "tenant = 1", "SH3025", "tenant"),
    (Order, "fire = 'x'", "SH3025", "fire"),
    (Order, "client.fone", "SH3025", "fone"),
    (Order, "client.tenant", "SH3025", "tenant"),
    (Order, "title.x", "SH3025", "title"),
    (Order, "rep.name", "SH3025", "rep"),
    (Order, "lines.net", "SH3025", "lines.net"),
    (Order, "lines", "SH3025", "lines"),
    (Order, "sum(lines)", "SH3025", "lines"),
    (Order, "sum(net)", "SH3025", "sum"),
    (Order, "sum(lines.nett)", "SH3025", "nett"),
    (Order, "count(*)", "SH3025", "count"),
    (Order, "parent.net", "SH3025", "parent"),
    (Order, "landed", "SH3025", "landed"),
    (Order, "fx", "SH3025", "fx"),
    (Order, "fx.ratte('EUR')", "SH3025", "ratte"),
    (Order, "fxx.rate('EUR')", "SH3025", "fxx"),
    (Order, "fx.rate()", "SH3025", "fx.rate"),
    (Order, "fx.rate('EUR', 'USD')", "SH3025", "fx.rate"),
    (Order, "fx.progressive(net)", "SH3025", "progressive"),
    (Order, "vat_rate.rate('standart')", "SH3025", "'standart'"),
    (Order, "priority = 'urgnt'", "SH3025", "'urgnt'"),
    (Order, "'urgnt' <> priority", "SH3025", "'urgnt'"),
    (Order, "state in ('quoted', 'shiped')", "SH3025", "'shiped'"),
    (Order, "client.lang = 'de'", "SH3025", "'de'"),
    (Order, "case priority when 'hot' then 1 end", "SH3025", "'hot'"),
    (Order, "bool_or(lines.vertical = 'autos')", "SH3025", "'autos'"),
    (Order, "fresh(client)", "SH3025", "fresh"),
    (Order, "exists (select from clients k)", "SH3025", "clients"),
    (Order, "exists (select from client k where k.nme = 'x')", "SH3025", "nme"),
    (Order, "exists (select from \"order\" o where o.client = client)", "SH3025", "client"),
    (Client, "exists (select from \"order\" o where o.client = id)", "SH3025", "id"),
    (Order, "exists (select from client where client.name = 'x')", "SH3025", "client"),
    (Client, "number > 1", "SH3025", "number"),
    (Line, "lines.net", "SH3025", "lines"),
    (Line, "state", "SH3025", "state"),
    (Step, "gross + 1", "SH3025", "gross"),
    (PerCategory, "lines.net", "SH3025", "net"),
    (PerCategory, "net", "SH3025", "*"),
];

#[test]
fn bad_expressions_are_refused_where_they_go_wrong() {
    let mut wrong = vec![];
    for (place, text, code, marked) in BAD {
        let fault = match compile(*place, text) {
            Ok(printed) => {
                wrong.push(format!("{text}\n   printed {}", printed.sql));
                continue;
            }
            Err(fault) => fault,
        };
        let under = text.get(fault.offset..fault.offset + fault.len);
        let fits = match *marked {
            "*" => under.is_some(),
            "^" => fault.offset == text.len() || fault.offset == text.trim_end().len(),
            words => under == Some(words) && [text.find(words), text.rfind(words)].contains(&Some(fault.offset)),
        };
        if fault.code != *code || !fits || fault.help.is_none() {
            wrong.push(format!("{text}\n   want {code} {marked:?}\n   have {under:?} {fault:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_slip_of_the_pen_is_answered_with_the_right_word() {
    let help = |place, text| compile(place, text).unwrap_err().help.unwrap();
    assert_eq!(help(Order, "nett > 0"), "write `net`");
    assert_eq!(help(Order, "client.fone"), "write `phone`");
    assert_eq!(help(Order, "fx.ratte('EUR')"), "write `rate`");
    assert_eq!(help(Order, "state = 'shiped'"), "write 'shipped'");
    assert_eq!(help(Order, "roundd(net)"), "write `round`");
    assert_eq!(help(Order, "clock_timestamp()"), "write `now()`");
    assert_eq!(help(Order, "current_user"), "write `actor()`");
    let both = help(Client, "exists (select from \"order\" o where o.client = id)");
    assert_eq!(both, "write `o.id` or `this.id`");
}

#[test]
fn bounds_are_refused_by_name() {
    let deep = format!("{}net{}", "(".repeat(65), ")".repeat(65));
    let fault = compile(Order, &deep).unwrap_err();
    assert_eq!((fault.code, fault.message.contains("too deep")), ("SH3024", true));
    let chain = vec!["net"; 200].join(" + ");
    assert!(compile(Order, &chain).unwrap_err().message.contains("too deep"));
    let nots = format!("{} true", "not ".repeat(500));
    assert!(compile(Order, &nots).unwrap_err().message.contains("too deep"));
    let intervals = format!("{} '1'", "interval ".repeat(300));
    assert_eq!(compile(Order, &intervals).unwrap_err().code, "SH3024");
    let substrings = format!("{}title{}", "substring(".repeat(40), " from 1)".repeat(40));
    assert!(compile(Order, &substrings).unwrap_err().message.contains("more than 6 `substring`"));
    let long = format!("'{}'", "x".repeat(4096));
    assert!(compile(Order, &long).unwrap_err().message.contains("longer than 4096 bytes"));
    assert!(compile(Order, &vec!["1"; 60].join(" + ")).is_ok());
    assert!(compile(Order, &format!("{}net{}", "(".repeat(60), ")".repeat(60))).is_ok());
}

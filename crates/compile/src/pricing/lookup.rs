//! The value functions of a rule table: exactly one row, or a refusal.

use statehouse_definition::model::{App, FieldKind, RuleTable};

use super::words::{Function, Parameter, parameter, pg_type, qualified};
use crate::object::Object;
use crate::sql::{ident, literal};

/// One function per value column, e.g. `orders.fx_rate(tenant, "on", currency)`.
pub fn objects(app: &App, name: &str, rules: &RuleTable) -> Vec<Object> {
    rules.values.iter().map(|(value, kind)| object(app, name, rules, value, kind)).collect()
}

fn object(app: &App, name: &str, rules: &RuleTable, value: &str, kind: &FieldKind) -> Object {
    let function = format!("{name}_{value}");
    let asked = Asked { name, function: &function, matches: rules.matches.keys().map(String::as_str).collect() };
    let matched: Vec<String> =
        asked.matches.iter().map(|column| format!("r.{0} = {1}.{0}\n     and ", ident(column), ident(&function))).collect();
    let body = format!(
        "declare
  found_ int;
  value_ {of};
begin
  -- The narrowest scope that has any row decides: the tenant, else its market, else the app.
  select count(*), (array_agg(r.{value}))[1] into found_, value_
    from {table} r
   where {matched}{in_scope}
   group by r.tenant is null, r.market is null
   order by r.tenant is null, r.market is null
   limit 1;
  if found_ is distinct from 1 then
{refuse}
  end if;
  return value_;
end",
        of = pg_type(kind),
        value = ident(value),
        table = qualified(app, name),
        matched = matched.concat(),
        in_scope = in_scope(&function),
        refuse = asked.refuse("found_"),
    );
    let takes = takes(rules.matches.iter().map(|(column, kind)| parameter(column, pg_type(kind))));
    let comment = format!("{value} of {name} for exactly one matching row of the narrowest scope; raises SH4011 for none or several");
    let returns = format!("returns {}", pg_type(kind));
    Function { app, name: function, takes, returns, reads: "stable", body, comment }.object()
}

/// Every look-up takes the tenant and the day first.
pub fn takes(matches: impl Iterator<Item = Parameter>) -> Vec<Parameter> {
    [parameter("tenant", "int"), parameter("on", "date")].into_iter().chain(matches).collect()
}

/// Rows that hold on the day, for everybody, for the tenant's market or for the tenant. There are none for a tenant whose
/// door is not open: its own rows would be hidden, and a wider row would answer in their place.
pub fn in_scope(function: &str) -> String {
    let f = ident(function);
    format!(
        "r.valid_from <= {f}.\"on\" and (r.valid_to is null or {f}.\"on\" < r.valid_to)
     and (r.tenant = {f}.tenant
          or r.tenant is null and {f}.tenant = nullif(current_setting('statehouse.tenant', true), '')::int
             and (r.market is null or r.market = (select t.market from statehouse.tenant t where t.tenant = {f}.tenant)))"
    )
}

/// What a look-up was asked, for its refusal.
pub struct Asked<'a> {
    /// The rule table.
    pub name: &'a str,
    /// The function that asks.
    pub function: &'a str,
    /// The columns matched.
    pub matches: Vec<&'a str>,
}

impl Asked<'_> {
    /// The statement that refuses, four spaces in; `found` is a variable with how many rows there were.
    pub fn refuse(&self, found: &str) -> String {
        let words = format!(
            "case when {found} > 1 then {found} || ' rows' else 'no row' end,\n        case when {found} > 1 then 'match' else 'matches' end, "
        );
        self.statement("%s", "%s", &words, &format!("coalesce({found}, 0)"))
    }

    /// The statement that refuses because no row is there.
    pub fn refuse_none(&self) -> String {
        self.statement("no row", "matches", "", "0")
    }

    fn statement(&self, rows: &str, matches: &str, words: &str, found: &str) -> String {
        let f = ident(self.function);
        let of = |column: &&str| (ident(column), literal(column));
        let named: Vec<String> = self.matches.iter().map(|column| format!("{column} %s")).collect();
        let shown: Vec<String> = self.matches.iter().map(of).map(|(column, _)| format!("coalesce({f}.{column}::text, 'null'), ")).collect();
        let pairs: Vec<String> = self.matches.iter().map(of).map(|(column, key)| format!("{key}, {f}.{column}")).collect();
        let sentence = format!("{rows} of `{}` {matches} {} on %s", self.name, named.join(", "));
        format!(
            "    perform statehouse.refuse('SH4011',
      format({sentence},
        {words}{shown}coalesce({f}.\"on\"::text, 'null')),
      jsonb_build_object('table', {table}, 'matches', jsonb_build_object({pairs}), 'on', {f}.\"on\", 'found', {found}),
      {help});",
            sentence = literal(&sentence),
            shown = shown.concat(),
            table = literal(self.name),
            pairs = pairs.join(", "),
            help = literal(&format!("correct the rows of `{}` so that exactly one holds on this day", self.name)),
        )
    }
}

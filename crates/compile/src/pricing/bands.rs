//! Bands: an amount is cut at the lower bounds of a rule table and each part pays its own rate.

use statehouse_definition::model::{App, RuleTable};

use super::lookup::{Asked, in_scope, takes};
use super::words::{Function, parameter, pg_type, qualified};
use crate::object::Object;
use crate::sql::ident;

/// `orders.tiers_progressive(tenant, "on", amount)`, for a table with bands; the rate is its first value, in percent.
pub fn object(app: &App, name: &str, rules: &RuleTable) -> Option<Object> {
    let (band, rate) = (rules.band.as_deref()?, rules.values.keys().next()?);
    let function = format!("{name}_progressive");
    let f = ident(&function);
    let matched: Vec<String> =
        rules.matches.keys().filter(|key| *key != band).map(|key| format!("r.{0} = {f}.{0}\n     and ", ident(key))).collect();
    let asked = Asked { name, function: &function, matches: rules.matches.keys().map(String::as_str).collect() };
    let body = format!(
        "declare
  bands_  int;
  bounds_ int;
  lowest_ numeric;
  sum_    numeric;
begin
  with scoped as (
    -- One scope gives the whole table: the tenant's, else its market's, else the app's.
    select r.{band}::numeric as bound, r.{rate} as rate,
           dense_rank() over (order by r.tenant is null, r.market is null) as scope
      from {table} r
     where {matched}{in_scope}
  ), banded as (
    select s.bound, s.rate, lead(s.bound) over (order by s.bound) as upper_bound
      from scoped s
     where s.scope = 1
  )
  -- least() passes over the missing bound of the highest band.
  select count(*), count(distinct b.bound), min(b.bound),
         round(sum(greatest(least({f}.{band}, b.upper_bound) - b.bound, 0) * b.rate / 100))
    into bands_, bounds_, lowest_, sum_
    from banded b;
  if bands_ <> bounds_ then
{several}
  elsif {f}.{band} is null or lowest_ is null or {f}.{band} < lowest_ then
{none}
  end if;
  return sum_;
end",
        band = ident(band),
        rate = ident(rate),
        table = qualified(app, name),
        matched = matched.concat(),
        in_scope = in_scope(&function),
        several = asked.refuse("bands_"),
        none = asked.refuse_none(),
    );
    let takes = takes(rules.matches.iter().map(|(key, kind)| parameter(key, if key == band { "numeric" } else { pg_type(kind) })));
    let comment = format!(
        "The sum over the bands of {name}, each part at its own {rate} in percent, rounded once half away from zero; raises SH4011 below the lowest band"
    );
    Some(Function { app, name: function, takes, returns: "returns numeric".to_owned(), reads: "stable", body, comment }.object())
}

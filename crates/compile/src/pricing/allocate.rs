//! Shares of a whole amount by largest remainder.

use statehouse_definition::model::{App, Derived};

use super::words::{Function, parameter};
use crate::object::Object;

/// Name of the function in the app's schema.
pub const NAME: &str = "allocate";

/// `orders.allocate(amount, weights)`, where some child shares an amount.
pub fn object(app: &App) -> Option<Object> {
    let children = app.entities.values().flat_map(|entity| entity.children.values());
    let mut fields = children.flat_map(|child| child.fields.values());
    fields.any(|field| matches!(field.derived, Some(Derived::Allocate { .. }))).then(|| {
        let takes = vec![parameter("amount", "bigint"), parameter("weights", "numeric[]")];
        let comment = "Shares a whole amount by weight: largest remainder, ties to the first, the parts sum to the whole; raises SH4019";
        Function {
            app,
            name: NAME.to_owned(),
            takes,
            returns: "returns bigint[]".to_owned(),
            reads: "stable",
            body: BODY.to_owned(),
            comment: comment.to_owned(),
        }
        .object()
    })
}

/// Only whole quotients and remainders are taken, so that no digit is lost. A part without a weight gets none.
const BODY: &str = "declare
  whole_ constant numeric := (select sum(u.weight) from unnest(allocate.weights) u (weight));
begin
  if allocate.weights is null then
    return null;
  elsif allocate.amount is null or whole_ is null then
    return array_fill(null::bigint, array[cardinality(allocate.weights)]);
  elsif 0 > any (allocate.weights) then
    perform statehouse.refuse('SH4019', 'an amount cannot be shared over negative weights',
      jsonb_build_object('amount', allocate.amount, 'weights', to_jsonb(allocate.weights)), 'correct the weight that is below zero');
  elsif whole_ = 0 and allocate.amount <> 0 then
    perform statehouse.refuse('SH4019', format('%s cannot be shared: the weights sum to zero', allocate.amount),
      jsonb_build_object('amount', allocate.amount, 'weights', to_jsonb(allocate.weights)), 'give at least one part a weight, or take the amount away');
  elsif whole_ = 0 then
    return array(select case when u.weight is not null then 0::bigint end
                   from unnest(allocate.weights) with ordinality u (weight, place) order by u.place);
  end if;
  return (
    with cut as (
      select u.place,
             div(abs(allocate.amount::numeric) * u.weight, whole_) as base,
             mod(abs(allocate.amount::numeric) * u.weight, whole_) as remainder
        from unnest(allocate.weights) with ordinality u (weight, place)
    ), ranked as (
      select c.place, c.base,
             row_number() over (order by c.remainder desc nulls last, c.place) as turn,
             abs(allocate.amount::numeric) - sum(c.base) over () as units_left
        from cut c
    )
    select array_agg((sign(allocate.amount::numeric) * (r.base + case when r.turn <= r.units_left then 1 else 0 end))::bigint order by r.place)
      from ranked r);
end";

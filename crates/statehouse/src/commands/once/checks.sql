-- What is counted, what it must be, what it is; each told from the tables, without the law.
with sms (verb, action) as (
  values ('quote', 'quote_ready'), ('lapse', 'quote_expired'), ('confirm', 'confirmed'), ('ship', 'shipped'), ('to_customs', 'customs'),
         ('dispatch', 'out_for_delivery'), ('clear', 'cleared'), ('deliver', 'delivered'), ('cancel_late', 'cancelled')
), lines as (
  select l.tenant, l."order", sum(l.gross) as gross, sum(l.discount) as discount, sum(l.net) as net, sum(l.commission) as commission
    from orders.order_lines l group by 1, 2
), vat as (
  select v.tenant, v."order", sum(v.vat) as vat
    from (select l.tenant, l."order", round(sum(l.net) * case l.vat_category when 'standard' then 24 else 11 end / 100) as vat
            from orders.order_lines l group by l.tenant, l."order", l.vat_category) v
   group by 1, 2
), records as (
  select version from orders."order" union all select version from orders.client union all select version from orders.settlement
)
select 'orders that are closed or cancelled', (select count(*) from orders."order")::text,
       (select count(*) from orders."order" where state in ('closed', 'cancelled'))::text
union all select 'events are the sum of all versions', (select sum(version) from records)::text, (select count(*) from statehouse.event)::text
union all (select 'messages `' || s.action || '`: one for each `' || s.verb || '`',
       (select count(*) from statehouse.event e where e.entity = 'orders.order' and e.verb = s.verb)::text,
       (select count(*) from statehouse.effect f where f.connector = 'sms' and f.action = s.action and f.verb = s.verb)::text from sms s)
union all select 'messages in all', (select count(*) from statehouse.event e join sms s on s.verb = e.verb)::text, (select count(*) from statehouse.effect)::text
union all select 'messages that belong to no move, or to more than one', '0',
       (select count(*) from statehouse.effect f
         where (select count(*) from statehouse.event e where e.tenant = f.tenant and e.record = f.record and e.seq = f.seq and e.verb = f.verb) <> 1)::text
union all select 'messages to another number than the client''s', '0',
       (select count(*) from statehouse.effect f join orders."order" o on o.tenant = f.tenant and o.id = f.record
          join orders.client c on c.tenant = o.tenant and c.id = o.client where f.args ->> 'to' <> c.phone or f.args ->> 'order' <> o.reference)::text
union all select 'orders whose totals are not the sums of their lines', '0',
       (select count(*) from orders."order" o join lines l on l.tenant = o.tenant and l."order" = o.id
         where (o.subtotal, o.discount, o.net, o.commission) is distinct from (l.gross, l.discount, l.net, l.commission))::text
union all select 'orders whose VAT is not that of their lines by category', '0',
       (select count(*) from orders."order" o join vat v on v.tenant = o.tenant and v."order" = o.id where o.vat <> v.vat or o.gross <> o.net + o.vat)::text
union all select 'orders without lines', '0',
       (select count(*) from orders."order" o where not exists (select from orders.order_lines l where l.tenant = o.tenant and l."order" = o.id))::text
union all select 'closed orders not paid to the króna', '0', (select count(*) from orders."order" o where o.state = 'closed' and o.paid <> o.gross)::text
union all select 'cancelled orders that say no reason', '0',
       (select count(*) from orders."order" o where o.state = 'cancelled' and coalesce(btrim(o.cancel_reason), '') = '')::text
union all select 'quotes that ran out are the orders cancelled for it', (select count(*) from statehouse.event e where e.verb = 'lapse')::text,
       (select count(*) from orders."order" o where o.cancel_reason = 'quote expired')::text
union all select 'references given twice within a tenant', '0',
       (select count(*) from (select 1 from orders."order" o group by o.tenant, o.reference having count(*) > 1) twice)::text
union all select 'timers left behind', '0', (select count(*) from statehouse.timer)::text
union all select 'moves outside the states and edges of the app', '0',
       (select count(*) from statehouse.event a join statehouse.event b on b.tenant = a.tenant and b.entity = a.entity and b.record = a.record and b.seq = a.seq + 1
         where a.to_state <> b.from_state)::text

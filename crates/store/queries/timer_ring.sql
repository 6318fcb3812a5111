-- Rings one timer; by timer_due.
select r.tenant, r.app, r.entity, r.record, r.verb, r.moved, r.code from statehouse.ring_timer($1) r

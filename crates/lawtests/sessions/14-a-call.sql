-- app: till
--- as statehouse_worker
\set SHOW_CONTEXT never
select statehouse.enter_as('import', 1, 'till') \gset
insert into till_system.sale (id, amount, state) values ('00000000-0000-7000-8000-000000000001', 4900, 'open');
select restored, epoch from statehouse.greet_worker();
select statehouse.open_gates('till', '{bank}');
--- as statehouse_api
\set SHOW_CONTEXT never
select statehouse.enter('key-till-nordur-clerk-1') \gset
update till_clerk.sale set fire = 'charge' returning reference, state;
update till_clerk.sale set fire = 'post';
--- as statehouse_worker
\set SHOW_CONTEXT never
select statehouse.enter_as('connector', 1, 'till') \gset
update till_system.sale set fire = 'charge.done';
select connector, action, args, attempt, call
  from statehouse.claim_effects('w1', '[{"app": "till", "connector": "bank", "versions": [1], "most": 10}]', 10, '1 minute');
-- what became of the call, without the move that says so
select statehouse.settle_call('w1', jsonb_build_object('tenant', tenant, 'record', record, 'seq', seq, 'n', n, 'attempt', 1, 'to', 'done')) from statehouse.effect;
-- both: nobody can tell whether the bank did it
begin;
select statehouse.settle_call('w1', jsonb_build_object('tenant', tenant, 'record', record, 'seq', seq, 'n', n, 'attempt', 1, 'to', 'unknown')) from statehouse.effect;
update till_system.sale set fire = 'charge.unknown' returning reference, state;
commit;
select verb, state, doubt from statehouse.effect;
--- as statehouse_api
\set SHOW_CONTEXT never
select statehouse.enter('key-till-nordur-keeper-1') \gset
update till_keeper.sale set fire = 'charge.resolve_done';
update till_keeper.sale set fire = 'charge.resolve_done', input = '{"payment": "pay_77", "charge_evidence": "bank statement, line 7"}' returning reference, state, payment;
select seq, verb, from_state, to_state, kind from till_keeper.sale_history order by seq;

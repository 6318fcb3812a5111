-- app: till
--- as statehouse_worker
select statehouse.enter_as('import', 1, 'till') \gset
insert into till_system.sale (id, amount, state) values ('00000000-0000-7000-8000-000000000001', 4900, 'open');
select restored from statehouse.greet_worker();
select statehouse.open_gates('till', '{post}');
--- as statehouse_api
select statehouse.enter('key-till-nordur-clerk-1') \gset
update till_clerk.sale set fire = 'post' returning reference, state;
--- as statehouse_worker
\set known '[{"app": "till", "connector": "post", "versions": [1], "most": 10}]'
-- w1 is lent the effect, for no time at all, and sleeps
select record, attempt, doubt from statehouse.claim_effects('w1', :'known', 10, '0 seconds');
select attempt, doubt from statehouse.claim_effects('w2', :'known', 10, '1 minute');
select record, became from statehouse.recover_effects(10);
select attempt, doubt from statehouse.claim_effects('w2', :'known', 10, '1 minute');
-- w1 wakes up and says what it knows; then w2
select statehouse.settle_effects('w1', '[{"tenant": 1, "record": "00000000-0000-7000-8000-000000000001", "seq": 2, "n": 1, "attempt": 1, "to": "dead"}]');
select statehouse.settle_effects('w2', '[{"tenant": 1, "record": "00000000-0000-7000-8000-000000000001", "seq": 2, "n": 1, "attempt": 2, "to": "done"}]');
select state, attempt, tried -> 0 ->> 'code' as first_attempt, tried -> 1 ->> 'to' as second_attempt from statehouse.effect;

-- Takes up messages whose lease ran out; by message_leased.
select r.tenant, r.id, r.attempt, r.became = 'dead' as dead from statehouse.recover_messages($1) r

-- Subscriptions that take up events, after one; by subscription_pkey.
select s.tenant, s.id from statehouse.subscription s where s.state = 'active' and (s.tenant, s.id) > ($1, $2) order by s.tenant, s.id limit $3

-- Ends one; by subscription_pkey.
select statehouse.unsubscribe($1)

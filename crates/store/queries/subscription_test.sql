-- Owes one a message of type test; by subscription_pkey.
select statehouse.test_subscription($1)

-- A session for the token of a sign-in, by sign_in_token_unique.
select statehouse.sign_in($1, $2)

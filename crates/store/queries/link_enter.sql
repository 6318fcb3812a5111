-- Exchanges the token of a link for a session of 15 minutes; by link_token_unique.
select statehouse.link_enter($1)

-- Notes that somebody asked to sign in; by sign_in_asked and member_email_folded.
select statehouse.ask_sign_in($1, $2, $3, $4, $5)

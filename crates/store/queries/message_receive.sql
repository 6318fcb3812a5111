-- Stores a message: one insert where it is new; by endpoint_token_unique and message_once.
select r.verdict, r.id from statehouse.receive_message($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, sha256($11::bytea)) r

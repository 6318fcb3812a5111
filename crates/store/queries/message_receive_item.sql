-- Stores an item of a poll; by message_once.
select r.verdict, r.id from statehouse.receive_item($1, $2, $3, $4, $5, $6, $7) r

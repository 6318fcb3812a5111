-- Has messages looked at again that came to nothing; by message_pkey.
select r from statehouse.replay_messages($1) r

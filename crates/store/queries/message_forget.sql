-- Takes what they said from messages that never found a record; by message_unplaced.
select statehouse.forget_messages(make_interval(secs => $1), $2)

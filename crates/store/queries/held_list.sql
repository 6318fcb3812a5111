-- A page of what a restore holds; by effect_listed, message_due, delivery_lane and the keys of the others.
select to_json(h) from statehouse.held_back($1, $2, $3, $4) h

-- Moves that customs' own messages made, and messages that ended nowhere.
select (select count(*) from statehouse.event e where e.entity = 'orders.order' and e.verb in ('to_customs', 'clear') and e.kind = 'connector'),
       (select count(*) from statehouse.message m where m.state in ('dead', 'quarantined', 'conflict', 'late', 'waiting'))

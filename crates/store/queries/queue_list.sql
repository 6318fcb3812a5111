-- How much waits in all tenants together; bounded, as statehouse.queues() says.
select q.kind, q.app, q.name, q.state, q.count, q.oldest_s from statehouse.queues() q order by q.kind, q.app, q.name, q.state

-- Text messages that are due or on their way.
select (select count(*) from statehouse.effect e where e.state = 'leased')
     + (select count(*) from statehouse.tenant t join statehouse.effect e on e.tenant = t.tenant
         where e.app = 'orders' and e.connector = 'sms' and e.state = 'due' and e.due_at <= now())

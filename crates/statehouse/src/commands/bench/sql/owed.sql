-- Whether text messages are due or on their way; by effect_leased and effect_lane, whatever else waits.
select exists (select from statehouse.effect e where e.state = 'leased')
    or exists (select from statehouse.tenant t
                cross join lateral (select from statehouse.effect e
                                     where e.tenant = t.tenant and e.app = 'orders' and e.connector = 'sms' and e.state = 'due' and e.due_at <= now()
                                     order by e.due_at limit 1) due)

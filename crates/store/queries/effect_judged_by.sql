-- What of these actions of a connector is judged by its definition as it stands: of `changed` what may have been sent, of `gone` all
-- that is owed. What stands in for another has no version of its own in the row. By effect_listed, over all tenants.
select count(*)
  from statehouse.effect e
 where e.app = $1 and (e.connector = $2 and e.version = $3 or e.through = $2)
   and (e.action = any ($4) and (e.state in ('leased', 'unknown') or e.state in ('due', 'held') and e.doubt)
        or e.action = any ($5) and e.state in ('due', 'leased', 'unknown', 'held', 'dead'))

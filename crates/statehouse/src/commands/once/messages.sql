-- Messages by kind.
select f.action, count(*) from statehouse.effect f group by 1 order by 1

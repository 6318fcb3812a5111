-- Months that were settled.
select t.slug, m.name, to_char(s.month, 'YYYY-MM'), s.turnover, s.payout
  from orders.settlement s join statehouse.tenant t on t.tenant = s.tenant join statehouse.member m on m.member = s.rep
 where s.state = 'settled' order by 1, 2

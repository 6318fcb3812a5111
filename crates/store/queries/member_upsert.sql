-- A person by address, by member_email_unique; a name already known stays.
insert into statehouse.member (name, email) values ($1, $2)
on conflict (email) do update set email = excluded.email
returning member

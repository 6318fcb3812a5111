-- A new version of an app's definition, by the key of definition; one that is stored already stays as it is.
insert into statehouse.definition (app, version, sha256, body) values ($1, $2, $3, $4)
on conflict (app, version) do nothing

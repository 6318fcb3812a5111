-- A new version of an app's definition, by the key of definition; one that is stored already stays as it is.
insert into statehouse.definition (app, version, sha256, body, mapping) values ($1, $2, $3, $4, $5)
on conflict (app, version) do nothing

-- A new version of an app's definition; the key of definition keeps a number from being used twice.
insert into statehouse.definition (app, version, sha256, body) values ($1, $2, $3, $4)

-- The definition in force as the server may ask for it, by the key of definition.
select d.version, d.text from statehouse.running_definition($1) d

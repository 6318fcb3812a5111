-- Every version of each connector of an app, by the key of definition.
select c.connector, c.version, c.text from statehouse.known_connectors($1) c

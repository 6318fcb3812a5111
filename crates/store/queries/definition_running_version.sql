-- Which version is in force, by the key of definition.
select statehouse.running_version($1)

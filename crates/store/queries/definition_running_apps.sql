-- The apps of this database, by the key of definition.
select a from statehouse.running_apps() a

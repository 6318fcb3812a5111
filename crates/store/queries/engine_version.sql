-- The engine's schema version, by the key of setting.
select s.value from statehouse.setting s where s.name = 'engine_schema'

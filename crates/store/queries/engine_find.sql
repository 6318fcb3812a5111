-- Whether the engine and this app are here, and whether the clock is set by hand; three names looked up in the catalog.
select to_regclass('statehouse.definition') is not null,
       to_regnamespace(quote_ident($1::text)) is not null,
       to_regclass('statehouse.clock') is not null

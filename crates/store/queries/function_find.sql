-- Whether a function of this signature is there, by its name in the catalog.
select to_regprocedure($1) is not null

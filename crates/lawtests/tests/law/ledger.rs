//! What the superuser finds when he counts: does every record have exactly its events, in one unbroken chain?

use statehouse_testkit::TestDatabase;

/// The contradictions between the records of `table` (`orders.order`) and the events; none is one empty text.
pub fn contradictions(db: &TestDatabase, entity: &str) -> String {
    let (schema, table) = entity.split_once('.').unwrap();
    db.value_as_superuser(&format!(
        r#"with chain as (
             select e.*, row_number() over w as nth, lag(e.head, 1, decode(repeat('00', 32), 'hex')) over w as before
               from statehouse.event e where e.entity = '{entity}' window w as (partition by e.tenant, e.record order by e.seq)
           ), sums as (
             select tenant, record, count(*) as events, max(seq) as last, (array_agg(head order by seq desc))[1] as head, (array_agg(to_state order by seq desc))[1] as state,
                    bool_and(nth = seq) as gapless, bool_and(previous = before) as linked, bool_and(payload_hash = sha256(convert_to(payload::text, 'UTF8'))) as whole,
                    bool_and(head = statehouse.chain(previous, tenant, entity, record, seq, verb, from_state, to_state, actor, at, definition, payload_hash, kind, cause)) as hashed
               from chain group by tenant, record
           )
           select coalesce(r.id, s.record) || ': ' || concat_ws(', ',
                    case when r.id is null then 'events without a record' end, case when s.record is null then 'no events' end,
                    case when s.events <> r.version or s.last <> r.version then format('%s events, version %s', s.events, r.version) end,
                    case when s.head <> r.head then 'another head' end, case when s.state <> r.state then 'another state' end,
                    case when not s.gapless then 'gap' end, case when not s.linked then 'broken link' end,
                    case when not s.whole then 'payload changed' end, case when not s.hashed then 'wrong hash' end)
             from {schema}."{table}" r full join sums s on s.tenant = r.tenant and s.record = r.id
            where (r.id is not null and s.record is not null and s.events = r.version and s.last = r.version and s.head = r.head and s.state = r.state
                   and s.gapless and s.linked and s.whole and s.hashed) is not true
            order by 1 limit 20"#
    ))
}

/// Effects that no event owns.
pub fn stray_effects(db: &TestDatabase) -> String {
    db.value_as_superuser("select count(*) from statehouse.effect f where not exists (select from statehouse.event e where (e.tenant, e.entity, e.record, e.seq, e.verb) = (f.tenant, f.entity, f.record, f.seq, f.verb))")
}

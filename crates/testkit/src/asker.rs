//! The check that a connection is who the test says it is.

use statehouse_postgres::SUPERUSER;

/// The role that owns the engine's tables; no tested role may be it or become it.
const OWNER: &str = "statehouse_owner";

/// A statement that raises unless the session is `role`, unprivileged.
pub(crate) fn unprivileged(role: &str) -> String {
    let (role, owner) = (literal(role), literal(OWNER));
    block(&format!(
        "    if session_user <> {role} or current_user <> {role} then
        raise exception 'testkit: asked as %, which is not %', session_user, {role};
    end if;
    if exists (select from pg_roles where rolname = session_user and (rolsuper or rolbypassrls or rolcreaterole or rolreplication)) then
        raise exception 'testkit: % has privileges that make this test prove nothing', session_user;
    end if;
    if exists (select from pg_roles where rolname = {owner} and pg_has_role(session_user, oid, 'member')) then
        raise exception 'testkit: % may act as %', session_user, {owner};
    end if;"
    ))
}

/// A statement that raises unless the session is the superuser.
pub(crate) fn superuser() -> String {
    block(&format!(
        "    if session_user <> {0} or current_user <> {0} or current_setting('is_superuser') <> 'on' then
        raise exception 'testkit: asked as %, which is not the superuser', session_user;
    end if;",
        literal(SUPERUSER)
    ))
}

fn block(body: &str) -> String {
    format!("do $testkit$\nbegin\n{body}\nend\n$testkit$;")
}

/// A quoted SQL text.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A quoted SQL name.
pub(crate) fn name(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

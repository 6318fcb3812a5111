//! Two tenants with a hundred members each, and orders that have already been accepted.

use statehouse_testkit::TestDatabase;
use statehouse_testkit::people::{BALTYK, NORDUR, Persona, Tenant};

/// How many members of each role a tenant has here, beside those of the template.
pub const CROWD: [(&str, usize); 4] = [("admin", 10), ("ops", 10), ("rep", 40), ("client", 40)];
/// Orders of a tenant.
pub const ORDERS: usize = 400;

/// Somebody who reads.
#[derive(Clone, Debug)]
pub struct Member {
    pub tenant: Tenant,
    pub role: &'static str,
    pub key: String,
    pub id: String,
}

fn id(tenant: Tenant, role: &str, n: usize) -> String {
    let nth = CROWD.iter().position(|(r, _)| *r == role).unwrap();
    format!("00000000-0000-7000-9000-{:04x}{nth:04x}{n:04x}", tenant.number)
}

/// Two hundred members with keys of their own.
pub fn crowd(db: &TestDatabase) -> Vec<Member> {
    let mut members = Vec::new();
    let mut script = String::new();
    for tenant in [NORDUR, BALTYK] {
        for (role, count) in CROWD {
            for n in 0..count {
                let (id, key) = (id(tenant, role, n), format!("crowd-{}-{role}-{n}", tenant.slug));
                script.push_str(&format!(
                    "insert into statehouse.member (member, name) values ('{id}', '{role} {n}');
                     insert into statehouse.membership (tenant, member, app, role) values ({0}, '{id}', 'orders', '{role}');
                     insert into statehouse.api_key (key_hash, tenant, member, app, label) values (sha256(convert_to('{key}', 'UTF8')), {0}, '{id}', 'orders', 'crowd');\n",
                    tenant.number
                ));
                members.push(Member { tenant, role, key, id });
            }
        }
    }
    db.psql_as_superuser(&script).ok();
    members
}

/// Forty clients a tenant, each somebody's login and somebody's customer, and accepted orders of theirs.
pub fn orders(db: &TestDatabase) {
    for tenant in [NORDUR, BALTYK] {
        let mut clients = String::new();
        for n in 0..40 {
            clients.push_str(&format!(
                "insert into orders_admin.client (name, lang, phone, credit_limit, rep, login) values ('c{n}', 'is', '+3545550100', 1000000000, '{}', '{}');\n",
                id(tenant, "rep", n),
                id(tenant, "client", n)
            ));
        }
        db.psql_as(&Persona::member("orders", tenant, "admin"), &clients).ok();
        let script = format!(
            "insert into orders_system.\"order\" (id, state, entered_at, client, rep, title)
             select gen_random_uuid(), 'accepted', statehouse.now(), c.id, c.rep, 'o' || g
               from generate_series(0, {} - 1) g join (select id, rep, row_number() over (order by name) - 1 as nth from orders_system.client) c on c.nth = g % 40;",
            ORDERS
        );
        db.psql_as(&Persona::engine("orders", tenant, "import"), &script).ok();
    }
}

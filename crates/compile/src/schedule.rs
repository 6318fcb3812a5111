//! Which records a schedule is for: one function each, `orders.schedule_dunning`, that gives their ids page by page.

use statehouse_definition::expr::Purpose;
use statehouse_definition::model::{App, Firing};

use crate::entity::{CompileFault, Cx};
use crate::object::{Kind, Object};
use crate::plan::Mapping;
use crate::sql::{dollar_quoted, ident, literal, one_of};

/// The functions of an app's schedules, in the order of the file.
pub(crate) fn objects(app: &App, mapping: &Mapping) -> Result<Vec<Object>, CompileFault> {
    let mut objects = Vec::new();
    for (name, schedule) in &app.schedules {
        let Some(entity) = app.entities.get(&schedule.fire.entity) else { continue };
        let cx = Cx::new(app, entity).retiring(mapping);
        objects.push(page(&cx, name, &schedule.fire)?);
    }
    Ok(objects)
}

fn page(cx: &Cx<'_>, name: &str, fire: &Firing) -> Result<Object, CompileFault> {
    let leaves = cx.entity.transitions.get(&fire.verb).map(|transition| transition.from.as_slice()).unwrap_or_default();
    let only = match &fire.only {
        Some(expr) => format!("\n       and ({}) is true", cx.print(expr, "r", Purpose::Schedule)?.sql),
        None => String::new(),
    };
    let name = format!("schedule_{name}");
    let function = format!("{}.{}", cx.schema(), ident(&name));
    let body = format!(
        "\nbegin\n  return query\n    select r.id from {table} r\n     where r.tenant = tenant_ and (after is null or r.id > after)\n       and {states}{only}\n     order by r.id\n     limit most;\nend ",
        table = cx.table(),
        states = one_of("r.state", leaves),
    );
    let sql = format!(
        "create function {function}(tenant_ int, after uuid, most int) returns setof uuid\n  language plpgsql stable\n  {settings}\nas {body};\ncomment on function {function}(int, uuid, int) is {why};\n",
        settings = cx.door_settings(),
        body = dollar_quoted("", &body),
        why = literal(&format!("The next of the {} records on which the schedule fires {}", fire.entity, fire.verb))
    );
    Ok(Object::new(Kind::Function, &cx.app.name, &name, sql))
}

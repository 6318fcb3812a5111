//! What waits for something else: half of it for a later day, half at a provider that asked to be left alone.

use statehouse_store::StoreFault;

use crate::commands::bench::world::World;
use crate::failure::Failure;

/// Adds to what waits until there is so much.
pub async fn fill(world: &World, wanted: i64) -> Result<(), Failure> {
    let doing = || StoreFault::doing("making a backlog");
    let text = include_str!("../sql/backlog.sql");
    world.admin.execute(text, &[&wanted]).await.map_err(doing())?;
    let block = "update statehouse.gate set blocked_until = now() + interval '1 day' where connector = 'customs'";
    world.admin.execute(block, &[]).await.map_err(doing())?;
    world.admin.batch_execute("vacuum analyze statehouse.effect").await.map_err(doing())?;
    Ok(())
}

/// Effects that could be on their way by now and are not done; asked by way of indexes, since it is asked often.
pub async fn owed(world: &World) -> Result<i64, Failure> {
    let row = world.admin.query_one(include_str!("../sql/owed.sql"), &[]).await;
    Ok(row.map_err(StoreFault::doing("counting"))?.get(0))
}

/// Effects that are done.
pub async fn done(world: &World) -> Result<i64, Failure> {
    let row = world.admin.query_one("select count(*) from statehouse.effect where state = 'done'", &[]).await;
    Ok(row.map_err(StoreFault::doing("counting"))?.get(0))
}

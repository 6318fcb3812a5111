//! What waits for something else: half of it for a later day, half at a provider that asked to be left alone.

use statehouse_store::StoreFault;

use crate::commands::bench::world::World;
use crate::failure::Failure;

/// The log of every server is made as long as this, in MB: half a million effects write about as much, and whoever has
/// used files of the log to write over is quicker than who has to make them.
const LOG_MB: i32 = 512;

/// Makes so much of it. It ends at a checkpoint, so that nobody measures how it is written to the disk.
pub async fn fill(world: &World, many: i64) -> Result<(), Failure> {
    let doing = || StoreFault::doing("making a backlog");
    let text = include_str!("../sql/backlog.sql");
    world.admin.execute(text, &[&many]).await.map_err(doing())?;
    let block = "update statehouse.gate set blocked_until = now() + interval '1 day' where connector = 'customs'";
    world.admin.execute(block, &[]).await.map_err(doing())?;
    world.admin.batch_execute("vacuum analyze statehouse.effect").await.map_err(doing())?;
    let log = "select count(pg_logical_emit_message(false, 'bench', repeat('x', 1000000))) from generate_series(1, $1)";
    world.admin.query(log, &[&LOG_MB]).await.map_err(doing())?;
    world.admin.batch_execute("checkpoint").await.map_err(doing())?;
    Ok(())
}

/// Whether anything could be on its way by now and is not done; asked by way of indexes, since it is asked often.
pub async fn owed(world: &World) -> Result<bool, Failure> {
    let row = world.admin.query_one(include_str!("../sql/owed.sql"), &[]).await;
    Ok(row.map_err(StoreFault::doing("counting"))?.get(0))
}

/// Effects that are done.
pub async fn done(world: &World) -> Result<i64, Failure> {
    let row = world.admin.query_one("select count(*) from statehouse.effect where state = 'done'", &[]).await;
    Ok(row.map_err(StoreFault::doing("counting"))?.get(0))
}

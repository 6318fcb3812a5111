//! Starting and stopping.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use statehouse_fault::{Fault, SH0009, SH7301};
use tokio::task::JoinHandle;

use crate::handle::Handle;
use crate::hooks::{Courier, Target};
use crate::moment::Clock;
use crate::server;
use crate::shared::Shared;
use crate::world::World;

/// How a sandbox is started.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The file of the log; in memory when absent.
    pub log: Option<PathBuf>,
    /// Where messages go, by stand-in.
    pub hooks: BTreeMap<String, Vec<Target>>,
    /// The clock it goes by.
    pub clock: Clock,
    /// Whether it may listen where other machines reach it. It has no lock: whoever reaches it is its master.
    pub beyond_this_machine: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            log: None,
            hooks: BTreeMap::new(),
            clock: Clock::default(),
            beyond_this_machine: false,
        }
    }
}

/// A sandbox that runs, until it is stopped or dropped. What can be done with it is on [`Handle`].
#[derive(Debug)]
pub struct Sandbox {
    /// Where it listens.
    pub address: SocketAddr,
    handle: Handle,
    shared: Arc<Shared>,
    running: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Opens the log, takes up where it was left, listens and answers.
    ///
    /// # Errors
    /// `SH0009` when the address cannot be listened on, `SH7301` when the log cannot be used, `SH7302` for an address of messages that
    /// cannot be used.
    pub async fn start(settings: Settings) -> Result<Sandbox, Fault> {
        let wanted = settings.listen;
        if !wanted.ip().is_loopback() && !settings.beyond_this_machine {
            let fault = Fault::new(SH0009, format!("`{wanted}` is reached from other machines, and a sandbox obeys whoever reaches it"));
            return Err(fault.with_help("listen on 127.0.0.1, or allow it with `--beyond-this-machine`"));
        }
        let taken = |cause: std::io::Error| {
            let fault = Fault::new(SH0009, format!("`{wanted}` cannot be listened on: {cause}"));
            fault.with_help("choose another address with `--listen`")
        };
        let world = World::open(settings.log.as_deref(), settings.clock).map_err(|cause| {
            let name = settings.log.unwrap_or_default();
            Fault::new(SH7301, format!("the log `{}` cannot be used: {cause}", name.display()))
        })?;
        let listener = server::listen(wanted).map_err(taken)?;
        let address = listener.local_addr().map_err(taken)?;
        let shared = Shared::new(world, address);
        let handle = Handle::new(Arc::clone(&shared));
        for (provider, targets) in settings.hooks {
            handle.hook_to(&provider, targets)?;
        }
        let left_over = shared.world().left_over();
        for (provider, owed) in left_over {
            Courier::take_up(&shared, provider, vec![owed]);
        }
        let running = tokio::spawn(server::run(listener, Arc::clone(&shared)));
        Ok(Sandbox { address, handle, shared, running: Some(running) })
    }

    /// What can be done with it, to be handed on.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Ends every connection and lets go of the log.
    pub async fn stop(mut self) {
        self.shared.stopped.send_replace(true);
        if let Some(running) = self.running.take() {
            let _ = running.await;
        }
    }
}

impl Deref for Sandbox {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shared.stopped.send_replace(true);
        self.shared.world().log.close();
    }
}

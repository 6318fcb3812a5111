//! As whom the server runs: PostgreSQL refuses to run as root.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::{Uid, User, geteuid};

use crate::home::Home;
use crate::{Binaries, PostgresFault, child};

/// The unprivileged identity of every user namespace without mappings.
const OVERFLOW_UID: u32 = 65_534;

/// As whom the server runs.
#[derive(Debug, Clone)]
pub(crate) enum Identity {
    /// As ourselves, who are not root.
    Own { uid: u32, name: String },
    /// We are root and the server runs as somebody else, who owns its files.
    Dropped { uid: u32, gid: u32, name: String },
    /// We are root and the directory is closed to everybody else: in a user namespace the server
    /// sees itself as `nobody`, while its files stay root's. For development: the server keeps root's reach over files.
    Namespace,
}

impl Identity {
    /// Decides for `home`; root drops to the owner of an existing cluster or directory, else `postgres`, else `nobody`.
    pub(crate) fn choose(home: &Home, binaries: &Binaries) -> Result<Self, PostgresFault> {
        if !geteuid().is_root() {
            return Ok(Self::Own { uid: geteuid().as_raw(), name: current_name() });
        }
        let user = unprivileged(home)?;
        let dropped = Self::Dropped { uid: user.uid.as_raw(), gid: user.gid.as_raw(), name: user.name };
        let Some(blocked) = dropped.blocked_at(home.data()) else {
            return Ok(dropped);
        };
        if namespace_works(binaries) {
            return Ok(Self::Namespace);
        }
        Err(PostgresFault::DataUnreachable {
            data: home.data().into(),
            user: dropped.name().into(),
            reason: format!("`{}` is closed to it, and user namespaces are not permitted here", blocked.display()),
        })
    }

    /// Who owns the server's files.
    pub(crate) fn uid(&self) -> u32 {
        match self {
            Self::Own { uid, .. } | Self::Dropped { uid, .. } => *uid,
            Self::Namespace => 0,
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Own { name, .. } | Self::Dropped { name, .. } => name,
            Self::Namespace => "root",
        }
    }

    /// A command that runs as this identity, from `dir`, deaf to the caller's PostgreSQL environment.
    pub(crate) fn command(&self, program: &Path, dir: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(name);
            }
        }
        command.env("LC_ALL", "C").current_dir(dir).stdin(Stdio::null());
        match self {
            Self::Own { .. } => {}
            Self::Dropped { uid, gid, .. } => {
                command.uid(*uid).gid(*gid);
            }
            Self::Namespace => child::unshare_user(&mut command),
        }
        command
    }

    /// Gives `tree` to this identity where it is not its own yet; links are never followed.
    pub(crate) fn own(&self, tree: &Path) -> Result<(), PostgresFault> {
        let (uid, gid) = match self {
            Self::Own { .. } => return Ok(()),
            Self::Dropped { uid, gid, .. } => (*uid, *gid),
            Self::Namespace => (0, 0),
        };
        let found = fs::symlink_metadata(tree).map_err(PostgresFault::file("open", tree))?;
        if found.uid() == uid {
            return Ok(());
        }
        if found.is_dir() {
            for entry in fs::read_dir(tree).map_err(PostgresFault::file("list", tree))? {
                self.own(&entry.map_err(PostgresFault::file("list", tree))?.path())?;
            }
        }
        // The directory changes hands after its contents, so that an interrupted pass is taken up again.
        std::os::unix::fs::lchown(tree, Some(uid), Some(gid)).map_err(PostgresFault::file("give away", tree))
    }

    /// The first directory on the way to and including `dir` that this identity may not pass.
    pub(crate) fn blocked_at(&self, dir: &Path) -> Option<PathBuf> {
        let Self::Dropped { uid, gid, .. } = self else {
            return None;
        };
        let mut way: Vec<&Path> = dir.ancestors().collect();
        way.reverse();
        way.into_iter().find(|step| !fs::metadata(step).is_ok_and(|found| may_pass(&found, *uid, *gid))).map(Path::to_owned)
    }
}

/// The name of the user we run as.
pub(crate) fn current_name() -> String {
    name_of(geteuid().as_raw())
}

/// The name of `uid`, or its number where it has none.
pub(crate) fn name_of(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => uid.to_string(),
    }
}

fn may_pass(found: &fs::Metadata, uid: u32, gid: u32) -> bool {
    let bit = match (found.uid() == uid, found.gid() == gid) {
        (true, _) => 0o100,
        (false, true) => 0o010,
        (false, false) => 0o001,
    };
    found.mode() & bit != 0
}

fn unprivileged(home: &Home) -> Result<User, PostgresFault> {
    for place in [home.pg(), home.data().to_owned()] {
        let Ok(found) = fs::metadata(&place) else {
            continue;
        };
        if found.uid() == 0 {
            continue;
        }
        // initdb and postgres ask for the name of the user they run as.
        return match User::from_uid(Uid::from_raw(found.uid())) {
            Ok(Some(user)) => Ok(user),
            _ => Err(PostgresFault::DataUnreachable {
                data: home.data().into(),
                user: found.uid().to_string(),
                reason: format!("`{}` belongs to a user number without a name", place.display()),
            }),
        };
    }
    for name in ["postgres", "nobody"] {
        if let Ok(Some(user)) = User::from_name(name) {
            return Ok(user);
        }
    }
    Err(PostgresFault::DataUnreachable {
        data: home.data().into(),
        user: "root".into(),
        reason: "PostgreSQL refuses to run as root and there is neither a user `postgres` nor `nobody`".into(),
    })
}

fn namespace_works(binaries: &Binaries) -> bool {
    let named = matches!(User::from_uid(Uid::from_raw(OVERFLOW_UID)), Ok(Some(_)));
    let mut command = Identity::Namespace.command(&binaries.program("postgres"), Path::new("/"));
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    named && command.status().is_ok_and(|status| status.success())
}

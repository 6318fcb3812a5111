//! What only a build with `--features otel` or `--features oidc` does, by the real binary; and that a build without them says so.

#[allow(dead_code, reason = "each of the others uses some of it")]
mod server;

#[cfg(feature = "oidc")]
#[path = "../../../oidc/tests/flow/issuer.rs"]
#[allow(dead_code, reason = "the proof of the flow itself, in its own crate, uses all of it")]
mod issuer;
#[cfg(feature = "oidc")]
mod oidc;
#[cfg(feature = "otel")]
mod otel;
#[cfg(not(any(feature = "otel", feature = "oidc")))]
mod without;

//! Signing in by way of an issuer, where one is set. Only a build with the feature `oidc` can.

use statehouse_fault::{Fault, SH0009};
use statehouse_http::Serving;

use crate::failure::Failure;

#[cfg(feature = "oidc")]
pub use issuer::with;

/// The server as it is.
///
/// # Errors
/// `SH0009` where an issuer is set.
#[cfg(not(feature = "oidc"))]
pub fn with(serving: Serving) -> Result<Serving, Failure> {
    if serving.shared.settings.oidc.issuer.is_empty() {
        return Ok(serving);
    }
    Err(unsound("`oidc.issuer` takes a build with the feature `oidc`", "build with `--features oidc`, or leave the setting empty"))
}

fn unsound(why: &str, help: &str) -> Failure {
    Fault::new(SH0009, why).with_help(help).into()
}

#[cfg(feature = "oidc")]
mod issuer {
    use std::net::IpAddr;
    use std::sync::Arc;

    use axum::response::{IntoResponse, Response};
    use statehouse_http::{Problem, Shared};
    use statehouse_oidc::{Asked, Door, HeaderMap, Known, Provider, routes};

    use super::{Failure, Serving, unsound};

    /// The server, with the routes by which people sign in at the issuer, if one is set.
    ///
    /// # Errors
    /// `SH0009` for settings by which nobody can sign in.
    pub fn with(serving: Serving) -> Result<Serving, Failure> {
        let (settings, shared) = (&serving.shared.settings.oidc, Arc::clone(&serving.shared));
        if settings.issuer.is_empty() {
            return Ok(serving);
        }
        let redirect_url = match settings.redirect_url.as_str() {
            "" => format!("{}/sign-in/oidc/callback", shared.base_url),
            url => url.to_owned(),
        };
        let known = Known {
            issuer: settings.issuer.clone(),
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.reveal().into(),
            redirect_url,
        };
        let provider = Provider::new(known).map_err(|cause| unsound(&cause.to_string(), "every setting stands in `docs/settings.md`"))?;
        let tenant = settings.tenant.clone();
        Ok(serving.with(routes(provider, Members(shared), tenant)))
    }

    /// Opens sessions for members alone.
    struct Members(Arc<Shared>);

    impl Door for Members {
        fn admit(&self, peer: Option<IpAddr>) -> Result<(), Box<Response>> {
            self.0.may_try(peer).map_err(answer)
        }

        fn open(&self, email: String, tenant: String) -> Asked<'_, Result<Option<HeaderMap>, Box<Response>>> {
            Box::pin(async move { self.0.open_verified(&email, &tenant).await.map_err(answer) })
        }
    }

    fn answer(problem: Problem) -> Box<Response> {
        Box::new(problem.into_response())
    }
}

//! Whom we trust, and as whom we come.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::client::Why;

/// A text that holds no certificate, or none that fits its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no certificate in PEM form that can be used")]
pub struct NotACertificate;

/// A client certificate with its key.
#[derive(Clone)]
pub struct Identity(Arc<ClientConfig>);

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(…)")
    }
}

/// Those whose certificates count.
#[derive(Clone)]
pub(super) struct Trust {
    roots: Arc<RootCertStore>,
    nobody: Arc<ClientConfig>,
}

impl Trust {
    /// The public authorities, and those of a text in PEM form besides.
    pub fn new(extra: Option<&[u8]>) -> Result<Trust, NotACertificate> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for certificate in extra.map(certificates).transpose()?.unwrap_or_default() {
            roots.add(certificate).map_err(|_| NotACertificate)?;
        }
        let roots = Arc::new(roots);
        let nobody = config(&roots, None)?;
        Ok(Trust { roots, nobody })
    }

    /// An identity from one text that holds the certificate, those that vouch for it, and the key.
    pub fn identity(&self, pem: &[u8]) -> Result<Identity, NotACertificate> {
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| NotACertificate)?;
        config(&self.roots, Some((certificates(pem)?, key))).map(Identity)
    }

    /// Shakes hands over a connection.
    pub async fn greet<S>(&self, stream: S, name: &str, identity: Option<&Identity>) -> Result<TlsStream<S>, Why>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        // The brackets of an address of version 6 belong to the URL.
        let name = name.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(name).map_err(|cause| Why::Untrusted(cause.to_string()))?;
        let config = identity.map_or(&self.nobody, |identity| &identity.0);
        TlsConnector::from(config.clone()).connect(name, stream).await.map_err(|cause| Why::Untrusted(cause.to_string()))
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, NotACertificate> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| NotACertificate)?;
    if found.is_empty() { Err(NotACertificate) } else { Ok(found) }
}

type Own = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn config(roots: &Arc<RootCertStore>, own: Option<Own>) -> Result<Arc<ClientConfig>, NotACertificate> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(|_| NotACertificate)?;
    let builder = builder.with_root_certificates(roots.clone());
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|_| NotACertificate)?,
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // What is sent before the handshake is over can be sent again by whoever saw it.
    config.enable_early_data = false;
    Ok(Arc::new(config))
}

//! Asking a running service how it is.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint, Uri};

use super::proto::HealthResponse;
use super::proto::executor_service_client::ExecutorServiceClient;

/// A service to ask.
#[derive(Debug)]
pub struct Probe {
    /// Name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// TLS, or `None` for plaintext.
    pub tls: Option<ProbeTls>,
}

/// How the service proves that it is the one, and we that we may ask.
#[derive(Debug)]
pub struct ProbeTls {
    /// Whom to believe.
    pub trust: Trust,
    /// Our own certificate chain and key, both PEM, for a service that asks for them.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// Whose certificate is believed.
#[derive(Debug)]
pub enum Trust {
    /// A certificate for the host's name that one of these authorities (PEM) has signed.
    Authorities(Vec<u8>),
    /// Exactly the first one of these (PEM), whatever name it is for.
    Exactly(Vec<u8>),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The TLS material can't be used.
    #[error("{0}")]
    Material(String),
    /// Nobody answers, or not in this way.
    #[error("{0}")]
    Unreachable(String),
}

impl Probe {
    /// The answer to `Health`, or to `Ready`.
    ///
    /// # Errors
    /// [`ProbeError`], its text without the address.
    pub async fn ask(&self, ready: bool, patience: Duration) -> Result<HealthResponse, ProbeError> {
        let asked = async {
            let channel = self.connect().await?;
            let mut client = ExecutorServiceClient::new(channel);
            let answer = if ready { client.ready(()).await } else { client.health(()).await };
            answer.map(tonic::Response::into_inner).map_err(|status| {
                let code = status.code();
                ProbeError::Unreachable(format!("it answers {code:?}: {}", status.message()))
            })
        };
        let late = |_| {
            ProbeError::Unreachable(format!("no answer within {} seconds", patience.as_secs_f64()))
        };
        tokio::time::timeout(patience, asked).await.map_err(late)?
    }

    /// A connection to it.
    ///
    /// # Errors
    /// [`ProbeError`], its text without the address.
    pub async fn connect(&self) -> Result<Channel, ProbeError> {
        let host = &self.host;
        let authority = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        // The scheme is ours to know: the connector below speaks TLS itself.
        let endpoint = Endpoint::from_shared(format!("http://{authority}:{}", self.port))
            .map_err(|error| ProbeError::Material(error.to_string()))?;
        let connected = match &self.tls {
            None => endpoint.connect().await,
            Some(tls) => {
                let tls = TlsConnector::from(Arc::new(tls.client()?));
                let (host, port, name) = (host.clone(), self.port, self.name()?);
                endpoint.connect_with_connector(Connector { host, port, tls, name }).await
            }
        };
        connected.map_err(|error| ProbeError::Unreachable(innermost(&error)))
    }

    fn name(&self) -> Result<ServerName<'static>, ProbeError> {
        ServerName::try_from(self.host.clone())
            .map_err(|_| ProbeError::Material(format!("{:?} is no name or address", self.host)))
    }
}

/// The cause that says most: the wrappers around it only say that there is one.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

impl ProbeTls {
    fn client(&self) -> Result<ClientConfig, ProbeError> {
        let provider = Arc::new(ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = match &self.trust {
            Trust::Authorities(pem) => {
                let mut roots = RootCertStore::empty();
                for authority in certificates(pem)? {
                    roots.add(authority).map_err(unusable)?;
                }
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                    .build()
                    .map_err(unusable)?
            }
            Trust::Exactly(pem) => {
                let certificate = certificates(pem)?.swap_remove(0);
                Arc::new(Pinned { certificate, provider: Arc::clone(&provider) })
            }
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &self.identity {
            Some((chain, key)) => {
                // The parser's reason may quote the file.
                let unreadable = |_| unusable("no private key in PEM");
                let key = PrivateKeyDer::from_pem_slice(key).map_err(unreadable)?;
                builder.with_client_auth_cert(certificates(chain)?, key).map_err(unusable)?
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

/// At least one certificate.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ProbeError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or_else(|| unusable("no certificate in PEM"))
}

fn unusable(why: impl ToString) -> ProbeError {
    ProbeError::Material(format!("TLS material: {}", why.to_string()))
}

/// Believes one certificate: a service asked from its own machine may have any name in it. The
/// handshake's signature still shows that whoever answers has its key.
#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *shown == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        let text = "it shows another certificate than the one in the file; start the service anew \
                    if the file was replaced";
        Err(rustls::Error::General(text.to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Opens the connection of a probe that speaks TLS.
struct Connector {
    host: String,
    port: u16,
    tls: TlsConnector,
    name: ServerName<'static>,
}

type Connection = TokioIo<TlsStream<TcpStream>>;

impl tower::Service<Uri> for Connector {
    type Response = Connection;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Connection>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let (host, port) = (self.host.clone(), self.port);
        let (tls, name) = (self.tls.clone(), self.name.clone());
        Box::pin(async move {
            let stream = TcpStream::connect((host, port)).await?;
            Ok(TokioIo::new(tls.connect(name, stream).await?))
        })
    }
}

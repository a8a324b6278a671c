//! `CONNECT`: bytes both ways between the code and one allowed host.

use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use super::meter::{Activity, Metered};
use super::refusal::Refusal;
use super::target::{Target, check_port, decide};
use super::{ProxyBody, Resolve, Shared, reach};

/// A tunnel whose 200 answer has yet to be written.
pub(super) struct Tunnel {
    client: OnUpgrade,
    upstream: Metered<TcpStream>,
}

impl Tunnel {
    /// Copies until both directions have ended or one has failed.
    pub(super) async fn run(mut self) {
        let copied = async {
            let mut client = TokioIo::new(self.client.await?);
            Ok::<_, Box<dyn std::error::Error>>(
                copy_bidirectional(&mut client, &mut self.upstream).await?,
            )
        };
        if let Err(error) = copied.await {
            tracing::debug!(%error, "proxy: tunnel ended");
        }
    }
}

/// Where the request's handler leaves the tunnel for the connection's own task, which runs it:
/// ending that task ends everything.
#[derive(Clone, Default)]
pub(super) struct TunnelSlot(Arc<Mutex<Option<Tunnel>>>);

impl TunnelSlot {
    pub(super) fn take(&self) -> Option<Tunnel> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, tunnel: Tunnel) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
    }
}

/// Connects to the host that the request names and leaves the tunnel in `slot`.
///
/// # Errors
/// [`Refusal`] if the request is malformed, refused, or the host cannot be reached.
pub(super) async fn open<R: Resolve>(
    request: Request<Incoming>,
    shared: &Shared<R>,
    activity: &Arc<Activity>,
    slot: &TunnelSlot,
) -> Result<Response<ProxyBody>, Refusal> {
    let headers = request.headers();
    let sized = headers.get(CONTENT_LENGTH).is_some_and(|v| v != "0");
    if sized || headers.contains_key(TRANSFER_ENCODING) {
        return Err(Refusal::Malformed("CONNECT with a body"));
    }
    if headers.contains_key(UPGRADE) {
        return Err(Refusal::Malformed("Upgrade is not supported"));
    }
    let authority =
        request.uri().authority().ok_or(Refusal::Malformed("CONNECT needs host:port"))?;
    let target = Target::of(authority)?;
    let port = target.port.ok_or(Refusal::Malformed("CONNECT needs host:port"))?;
    let host = decide(target.host, shared)?;
    check_port(&host, port, &shared.limits.connect_ports)?;
    let upstream = reach::connect(&host, port, shared, activity).await?;
    slot.put(Tunnel { client: hyper::upgrade::on(request), upstream });
    Ok(Response::new(Either::Left(Full::default())))
}

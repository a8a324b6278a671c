//! The HTTP proxy of network mode `restricted`: the code's only way out of its network namespace.
//!
//! Everything that arrives is hostile. One request is served per client connection, so nothing
//! that follows a request can be taken for another one; names are resolved once, out here, and
//! the connection goes to the very address that was checked.

mod address;
mod forward;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod head;
mod limits;
mod meter;
mod reach;
mod refusal;
mod resolve;
mod stats;
mod target;
mod tunnel;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::convert::Infallible;
use std::future::Future;
use std::io::Cursor;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub use limits::ProxyLimits;
pub use resolve::{Resolve, SystemResolver};
pub use stats::ProxyStats;

use crate::policy::domains::DomainPolicy;
use forward::Relayed;
use meter::Activity;
use refusal::Refusal;
use tunnel::TunnelSlot;

/// Pause after a failed accept, so that a lack of descriptors does not become a busy loop.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// Smallest connection buffer that the HTTP library takes, in bytes.
const MIN_BUFFER: usize = 8192;

type ProxyBody = http_body_util::Either<http_body_util::Full<Bytes>, Relayed>;

/// What every connection of one run shares.
struct Shared<R> {
    policy: Arc<DomainPolicy>,
    limits: ProxyLimits,
    stats: Arc<ProxyStats>,
    resolver: R,
}

/// Serves the proxy on `listener` until `cancel` completes; then ends every connection at once.
///
/// Dropping the returned future has the same effect. Connections above
/// [`ProxyLimits::max_connections`] wait in the listener's backlog.
pub async fn serve(
    listener: TcpListener,
    policy: Arc<DomainPolicy>,
    limits: ProxyLimits,
    stats: Arc<ProxyStats>,
    cancel: impl Future<Output = ()>,
) {
    let resolver = SystemResolver::default();
    serve_resolving(listener, policy, limits, stats, resolver, cancel).await;
}

/// As [`serve`], with names resolved by `resolver`.
pub async fn serve_resolving<R: Resolve>(
    listener: TcpListener,
    policy: Arc<DomainPolicy>,
    limits: ProxyLimits,
    stats: Arc<ProxyStats>,
    resolver: R,
    cancel: impl Future<Output = ()>,
) {
    let shared = Arc::new(Shared { policy, limits, stats, resolver });
    let mut connections = JoinSet::new();
    let mut cancel = pin!(cancel);
    loop {
        tokio::select! {
            biased;
            () = &mut cancel => break,
            Some(ended) = connections.join_next() => log_panic(ended),
            stream = accept(&listener), if connections.len() < shared.limits.max_connections => {
                shared.stats.count_connection();
                connections.spawn(connection(stream, Arc::clone(&shared)));
            }
        }
    }
    connections.shutdown().await;
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::debug!(%error, "proxy: accept failed");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "proxy: a connection's task failed");
    }
}

async fn connection<R: Resolve>(stream: TcpStream, shared: Arc<Shared<R>>) {
    let activity = Arc::new(Activity::default());
    tokio::select! {
        // The exchange goes first: a 504 it has ready is written before the clock cuts it off.
        biased;
        () = exchange(stream, &shared, &activity) => {}
        () = activity.idle(shared.limits.idle_timeout) => tracing::debug!("proxy: idle connection closed"),
    }
}

/// One request and its answer, and the tunnel if the answer opened one.
async fn exchange<R: Resolve>(
    stream: TcpStream,
    shared: &Arc<Shared<R>>,
    activity: &Arc<Activity>,
) {
    let limits = &shared.limits;
    let (mut reader, writer) = stream.into_split();
    let Ok(head) = head::read(&mut reader, limits.max_header_bytes).await else {
        return;
    };
    let framing = head::check(&head);
    let replayed = tokio::io::join(Cursor::new(head).chain(reader), writer);
    let slot = TunnelSlot::default();
    let service = service_fn(|request| {
        let (shared, activity, slot) = (shared.clone(), activity.clone(), slot.clone());
        async move { Ok::<_, Infallible>(answer(request, framing, &shared, &activity, &slot).await) }
    });
    let served = http1::Builder::new()
        .keep_alive(false)
        .max_headers(limits.max_headers)
        .max_header_size(limits.max_header_bytes)
        .max_buf_size(limits.max_header_bytes.max(MIN_BUFFER))
        .serve_connection(TokioIo::new(replayed), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        if error.is_parse() {
            shared.stats.count_refusal(None);
        }
        tracing::debug!(%error, "proxy: connection ended early");
    }
    if let Some(tunnel) = slot.take() {
        tunnel.run().await;
    }
}

async fn answer<R: Resolve>(
    request: Request<Incoming>,
    framing: Result<(), &'static str>,
    shared: &Shared<R>,
    activity: &Arc<Activity>,
    slot: &TunnelSlot,
) -> Response<ProxyBody> {
    let outcome = match framing {
        Err(fault) => Err(Refusal::Malformed(fault)),
        Ok(()) if request.method() == Method::CONNECT => {
            tunnel::open(request, shared, activity, slot).await
        }
        Ok(()) => forward::forward(request, shared, activity).await,
    };
    outcome.unwrap_or_else(|refusal| {
        tracing::debug!(error = ?refusal, "proxy: request not served");
        if refusal.is_refusal() {
            shared.stats.count_refusal(refusal.host());
        }
        refusal.into_response()
    })
}

//! From a decided host to a connection with an address that was checked.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::address::{is_own, is_public};
use super::meter::{Activity, Metered};
use super::refusal::Refusal;
use super::{Resolve, Shared};
use crate::policy::domains::Host;

/// Most addresses of one host that are tried.
const MAX_ATTEMPTS: usize = 8;

/// Resolves `host` once, checks every address, and connects to one of those.
///
/// # Errors
/// [`Refusal::Forbidden`] for an address that is not public or a used-up byte limit,
/// [`Refusal::TimedOut`] and [`Refusal::Upstream`] for what went wrong outside.
pub(super) async fn connect<R: Resolve>(
    host: &Host,
    port: u16,
    shared: &Shared<R>,
    activity: &Arc<Activity>,
) -> Result<Metered<TcpStream>, Refusal> {
    let name = host.to_string();
    let limits = &shared.limits;
    if shared.stats.reached(limits.max_total_bytes) {
        let reason = "the run's network byte limit is used up";
        return Err(Refusal::forbidden(&name, reason));
    }
    activity.touch();
    let deadline = Instant::now() + limits.connect_timeout;
    let addresses = timeout_at(deadline, addresses(host, port, &shared.resolver))
        .await
        .map_err(|_| Refusal::timed_out(&name))?
        .map_err(|error| Refusal::upstream(&name, error))?;
    let addresses = match limits.allow_private_addresses {
        true => addresses,
        false => public_only(addresses, &name).await?,
    };
    let stream = connect_any(&addresses, deadline).await.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => Refusal::timed_out(&name),
        _ => Refusal::upstream(&name, error),
    })?;
    activity.touch();
    let (stats, activity) = (Arc::clone(&shared.stats), Arc::clone(activity));
    Ok(Metered::new(stream, stats, limits.max_total_bytes, activity))
}

async fn addresses(host: &Host, port: u16, resolver: &impl Resolve) -> io::Result<Vec<SocketAddr>> {
    match host {
        Host::Address(address) => Ok(vec![SocketAddr::new(*address, port)]),
        Host::Name(name) => resolver.resolve(name, port).await,
    }
}

/// Refuses the whole answer if one address in it is not public: a name that points both ways is
/// an attempt. An address the kernel has no route to is left out.
async fn public_only(addresses: Vec<SocketAddr>, name: &str) -> Result<Vec<SocketAddr>, Refusal> {
    let reason = "the name leads to an address that is not public";
    let mut public = Vec::with_capacity(addresses.len());
    for address in addresses {
        let own = match is_public(address.ip()) {
            true => is_own(address).await,
            false => return Err(Refusal::forbidden(name, reason)),
        };
        match own {
            Ok(false) => public.push(address),
            Ok(true) => return Err(Refusal::forbidden(name, reason)),
            Err(error) => tracing::debug!(%address, %error, "proxy: address left out"),
        }
    }
    Ok(public)
}

/// Tries the addresses in turn, each with an equal share of the time that is left.
async fn connect_any(addresses: &[SocketAddr], deadline: Instant) -> io::Result<TcpStream> {
    let count = addresses.len().min(MAX_ATTEMPTS);
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no usable address");
    for (index, address) in addresses.iter().take(count).enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let waiting = u32::try_from(count - index).unwrap_or(1).max(1);
        match timeout(left / waiting, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

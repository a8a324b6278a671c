//! Name resolution, outside the sandbox.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// Look-ups of one run that may be under way at the same time.
const MAX_LOOKUPS: usize = 8;

/// Turns a host name into addresses.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of `name` (in normal form), each with `port`.
    ///
    /// # Errors
    /// That of the resolver; its text is logged and never shown to the code.
    fn resolve(
        &self,
        name: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;
}

/// The system's resolver: its hosts file, name servers and search list apply.
#[derive(Debug, Clone)]
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }
}

impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let permit = Arc::clone(&self.lookups).acquire_owned().await.map_err(io::Error::other)?;
        let name = name.to_owned();
        // getaddrinfo(3) holds its thread until it is done, whoever gave up waiting. The permit
        // stays with it, so that a run cannot fill the thread pool by hanging up early.
        let lookup = tokio::spawn(async move {
            let _permit = permit;
            let found = tokio::net::lookup_host((name.as_str(), port)).await?;
            Ok(found.collect())
        });
        lookup.await.map_err(io::Error::other)?
    }
}

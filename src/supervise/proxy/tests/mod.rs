//! The proxy over loopback: a client, a proxy and an upstream in one process.

mod forwarding;
mod lifecycle;
mod tunnelling;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::policy::domains::DomainPattern;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(9, 9, 9, 9));
/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(10);

/// Answers every look-up with the same addresses, or with an error that must not leak.
#[derive(Clone)]
struct Answers {
    addresses: Vec<IpAddr>,
    calls: Arc<AtomicUsize>,
}

impl Resolve for Answers {
    async fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.calls.fetch_add(1, SeqCst);
        if self.addresses.is_empty() {
            return Err(io::Error::other("nameserver 10.9.8.7 said SERVFAIL"));
        }
        let with_port = |&ip| SocketAddr::new(ip, port);
        Ok(self.addresses.iter().map(with_port).collect())
    }
}

/// A proxy that allows `good.test` and `*.good.test`, and the upstream its ports lead to.
struct World {
    proxy: SocketAddr,
    upstream: TcpListener,
    port: u16,
    stats: Arc<ProxyStats>,
    lookups: Arc<AtomicUsize>,
    cancel: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl World {
    async fn new() -> Self {
        Self::with(&[LOOPBACK], |_| {}).await
    }

    async fn with(addresses: &[IpAddr], adjust: impl FnOnce(&mut ProxyLimits)) -> Self {
        let upstream = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
        let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
        let (proxy, port) = (listener.local_addr().unwrap(), upstream.local_addr().unwrap().port());
        let mut limits = ProxyLimits {
            connect_ports: vec![port],
            http_ports: vec![80, port],
            allow_private_addresses: true,
            ..ProxyLimits::default()
        };
        adjust(&mut limits);
        let pattern = |text| DomainPattern::parse(text).unwrap();
        let policy = Arc::new(DomainPolicy {
            allowed: vec![pattern("good.test"), pattern("*.good.test")],
            blocked: vec![pattern("bad.good.test")],
        });
        let stats = Arc::new(ProxyStats::default());
        let lookups = Arc::new(AtomicUsize::new(0));
        let resolver = Answers { addresses: addresses.to_vec(), calls: lookups.clone() };
        let (cancel, cancelled) = oneshot::channel();
        let cancelled = async { drop(cancelled.await) };
        let serving = serve_resolving(listener, policy, limits, stats.clone(), resolver, cancelled);
        Self { proxy, upstream, port, stats, lookups, cancel, serving: tokio::spawn(serving) }
    }

    /// Sends `request` with `PORT` replaced by the upstream's port.
    async fn send(&self, request: &str) -> TcpStream {
        let mut client = TcpStream::connect(self.proxy).await.unwrap();
        let request = request.replace("PORT", &self.port.to_string());
        client.write_all(request.as_bytes()).await.unwrap();
        client
    }

    /// Sends `request` and reads the answer to its end.
    async fn ask(&self, request: &str) -> String {
        let mut client = self.send(request).await;
        read_all(&mut client).await
    }

    /// A tunnel to `good.test`: the client's end and upstream's.
    async fn tunnel(&self) -> (TcpStream, TcpStream) {
        let mut client = self.send("CONNECT good.test:PORT HTTP/1.1\r\n\r\n").await;
        let upstream = self.accept().await;
        let head = read_head(&mut client).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        (client, upstream)
    }

    async fn accept(&self) -> TcpStream {
        timeout(LONG, self.upstream.accept()).await.unwrap().unwrap().0
    }

    /// A connection made before an answer was read would wait in the backlog by now.
    async fn assert_upstream_untouched(&self) {
        let wait = Duration::from_millis(30);
        assert!(timeout(wait, self.upstream.accept()).await.is_err());
    }
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    timeout(LONG, stream.read_to_end(&mut seen)).await.unwrap().unwrap();
    String::from_utf8(seen).unwrap()
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        seen.push(timeout(LONG, stream.read_u8()).await.unwrap().unwrap());
    }
    String::from_utf8(seen).unwrap()
}

async fn read_exactly(stream: &mut TcpStream, length: usize) -> String {
    let mut seen = vec![0; length];
    timeout(LONG, stream.read_exact(&mut seen)).await.unwrap().unwrap();
    String::from_utf8(seen).unwrap()
}

/// Whether the stream ends, in whatever way, instead of staying open.
async fn ends(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    timeout(LONG, stream.read_to_end(&mut rest)).await.is_ok()
}

//! What holds of the proxy, whatever the code sends it and whatever a server answers.
//!
//! A client, the proxy and a server in one thread, over loopback.

use std::cell::RefCell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::http::uri::Authority;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use super::target::Target;
use super::{ProxyLimits, ProxyStats, Resolve, head, serve_resolving};
use crate::policy::domains::DomainPolicy;

/// Between the client's bytes and the server's.
const SEPARATOR: &[u8] = b"\n====\n";
/// How long nothing may move; an unfinished request costs as much.
const IDLE: Duration = Duration::from_millis(10);

/// The bytes up to the separator are what the code sends, and the rest is what a server answers.
pub fn proxy(bytes: &[u8]) {
    let split = bytes.windows(SEPARATOR.len()).position(|part| part == SEPARATOR);
    let (request, answer) = match split {
        Some(at) => (&bytes[..at], &bytes[at + SEPARATOR.len()..]),
        None => (bytes, &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"[..]),
    };
    authority(request);
    thread_local!(static WORLD: RefCell<Option<World>> = const { RefCell::new(None) });
    let exchange = WORLD.with_borrow_mut(|world| {
        world.get_or_insert_with(|| World::new().expect("loopback works")).exchange(request, answer)
    });
    exchange.expect("loopback works").judge(request);
}

/// Each line as `host:port`.
fn authority(request: &[u8]) {
    for line in request.split(|byte| b"\r\n ".contains(byte)) {
        let Ok(authority) = Authority::try_from(line) else { continue };
        if let Ok(Target { host, port }) = Target::of(&authority) {
            let again = port.map_or(host.to_owned(), |port| format!("{host}:{port}"));
            // A port may have been written with zeros in front.
            let plain = line.len() == again.len();
            assert!(!plain || again.as_bytes() == line, "{again} is not what was sent");
            assert!(port != Some(0) && !host.contains('@'));
        }
    }
}

/// Every name leads to the one server; which were asked for is noted.
#[derive(Clone)]
struct Names {
    server: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Resolve for Names {
    async fn resolve(&self, name: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
        Ok(vec![self.server])
    }
}

struct World {
    runtime: Runtime,
    server: TcpListener,
    proxy: SocketAddr,
    names: Names,
}

/// What was seen of one connection.
struct Exchange {
    answered: Vec<u8>,
    /// What the server got, over each connection.
    arrived: Vec<Vec<u8>>,
    asked: Vec<String>,
}

impl World {
    fn new() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let loopback = (Ipv4Addr::LOCALHOST, 0);
        let server = runtime.block_on(TcpListener::bind(loopback))?;
        let listener = runtime.block_on(TcpListener::bind(loopback))?;
        let names = Names { server: server.local_addr()?, asked: Arc::default() };
        let proxy = listener.local_addr()?;
        let texts =
            |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let (allowed, blocked) = (texts(&["good.test", "*.good.test"]), texts(&["bad.good.test"]));
        let policy = DomainPolicy::from_names(&allowed, &blocked).map_err(io::Error::other)?;
        let limits = ProxyLimits {
            idle_timeout: IDLE,
            allow_private_addresses: true,
            ..ProxyLimits::default()
        };
        let stats = Arc::new(ProxyStats::default());
        runtime.spawn(serve_resolving(
            listener,
            Arc::new(policy),
            limits,
            stats,
            names.clone(),
            std::future::pending(),
        ));
        Ok(Self { runtime, server, proxy, names })
    }

    fn exchange(&self, request: &[u8], answer: &[u8]) -> io::Result<Exchange> {
        self.runtime.block_on(async {
            let mut arrived = Vec::new();
            let client = client(self.proxy, request);
            tokio::pin!(client);
            let answered = loop {
                tokio::select! {
                    biased;
                    answered = &mut client => break answered?,
                    accepted = self.server.accept() => arrived.push(serve(accepted?.0, answer).await),
                }
            };
            let asked = &mut *self.names.asked.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(Exchange { answered, arrived, asked: std::mem::take(asked) })
        })
    }
}

/// Sends the request, and reads until the proxy closes.
async fn client(proxy: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(proxy).await?;
    // No port stays behind, of which there are not many.
    stream.set_zero_linger()?;
    let mut answered = Vec::new();
    let (mut reader, mut writer) = stream.split();
    let sent = async {
        let sent = writer.write_all(request).await;
        if head::check(request).is_err() || !request.windows(4).any(|part| part == b"\r\n\r\n") {
            let _ = writer.shutdown().await;
        }
        sent
    };
    // Either may be reset in the middle.
    let _ = tokio::join!(sent, reader.read_to_end(&mut answered));
    Ok(answered)
}

/// Takes what comes until it pauses, and answers.
async fn serve(mut stream: TcpStream, answer: &[u8]) -> Vec<u8> {
    let _ = stream.set_zero_linger();
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(length @ 1..)) = tokio::time::timeout(IDLE / 8, stream.read(&mut buffer)).await
    {
        seen.extend_from_slice(&buffer[..length]);
    }
    let _ = stream.write_all(answer).await;
    let _ = stream.shutdown().await;
    seen
}

impl Exchange {
    fn judge(&self, request: &[u8]) {
        assert!(self.arrived.len() <= 1, "one request, {} connections", self.arrived.len());
        for name in &self.asked {
            let listed = name == "good.test" || name.ends_with(".good.test");
            assert!(listed && name != "bad.good.test", "{name} is not on the list");
        }
        let is_answer = self.answered.is_empty() || self.answered.starts_with(b"HTTP/1.");
        assert!(is_answer, "{:?}", String::from_utf8_lossy(&self.answered));
        for bytes in &self.arrived {
            let [name] = self.asked.as_slice() else { panic!("reached unasked") };
            if request.starts_with(b"CONNECT ") {
                let (_, sent) = divided(request, b"\r\n\r\n").expect("it was served");
                assert!(sent.starts_with(bytes), "a tunnel carries something else");
            } else if !bytes.is_empty() {
                one_request(bytes, name);
            }
        }
    }
}

fn divided<'a>(bytes: &'a [u8], by: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(by.len()).position(|part| part == by)?;
    Some((&bytes[..at], &bytes[at + by.len()..]))
}

/// A strict reader of what a server gets: one request for `name`, and not a byte that could be read as
/// another.
fn one_request(bytes: &[u8], name: &str) {
    let shown = String::from_utf8_lossy(bytes);
    let (head, body) = divided(bytes, b"\r\n\r\n").expect("a whole head");
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.trim_ascii_end());
    let first: Vec<&[u8]> = lines.next().unwrap_or_default().split(|b| *b == b' ').collect();
    let [_, path, b"HTTP/1.1"] = first.as_slice() else { panic!("{shown}") };
    assert!(path.starts_with(b"/") || *path == b"*", "{shown}");
    let (mut length, mut chunked, mut hosts, mut closes) = (None, false, 0, 0);
    for line in lines {
        assert!(!line.contains(&b'\r') && !line.starts_with(b" "), "{shown}");
        let (field, value) = divided(line, b":").expect("name: value");
        let value = value.trim_ascii();
        match field.to_ascii_lowercase().as_slice() {
            b"host" => {
                assert_eq!(value, name.as_bytes(), "{shown}");
                hosts += 1;
            }
            b"connection" => {
                assert_eq!(value, b"close", "{shown}");
                closes += 1;
            }
            b"content-length" => {
                let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                assert!(number.is_some() && length.is_none(), "{shown}");
                length = number;
            }
            b"transfer-encoding" => {
                assert!(value.eq_ignore_ascii_case(b"chunked") && !chunked, "{shown}");
                chunked = true;
            }
            b"te" | b"trailer" | b"upgrade" | b"keep-alive" | b"expect" => panic!("{shown}"),
            other => assert!(!other.starts_with(b"proxy-"), "{shown}"),
        }
    }
    assert_eq!((hosts, closes), (1, 1), "{shown}");
    match (length, chunked) {
        (Some(_), true) => panic!("two framings: {shown}"),
        (_, true) => chunks(body),
        (length, _) => assert!(body.len() <= length.unwrap_or(0), "{shown}"),
    }
}

/// Chunks, possibly cut off, and nothing after the last.
fn chunks(mut body: &[u8]) {
    while let Some((size, rest)) = divided(body, b"\r\n") {
        let size = std::str::from_utf8(size).ok();
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok()).expect("a size");
        if size == 0 {
            assert!(rest.is_empty() || rest == b"\r\n", "something follows the last chunk");
            return;
        }
        if rest.len() < size + 2 {
            return;
        }
        assert_eq!(&rest[size..size + 2], b"\r\n");
        body = &rest[size + 2..];
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_kept_inputs_hold() {
        crate::fuzzing::replay("proxy", super::proxy);
    }
}

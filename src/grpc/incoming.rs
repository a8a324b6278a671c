//! Connections: bounded in number, and closed if they never come to anything.
//!
//! Half of the descriptors are for connections, the rest is left to runs. Without that bound a crowd of
//! connections takes them all, and accepting fails again and again without a pause. What keeps an HTTP/2
//! connection alive begins after its preface: until then nothing but the clocks here ends a silent one.

use std::convert::Infallible;
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, Sleep, sleep};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::{Connected, TcpConnectInfo};

/// How long a caller may take to shake hands and to send the preface of HTTP/2.
const GREETING: Duration = Duration::from_secs(10);
/// How long one may be silent afterwards. Whoever speaks HTTP/2 answers a ping twice as often.
const SILENCE: Duration = Duration::from_secs(60);
/// Bytes of that preface.
const PREFACE: usize = 24;
/// After a failure to accept that is ours, such as a full table of descriptors.
const PAUSE: Duration = Duration::from_millis(100);
/// Connections that were accepted and wait for their task.
const WAITING: usize = 64;
/// Connections that are served however few descriptors there are.
const LEAST: usize = 16;

/// What the server is given.
pub type Incoming = ReceiverStream<Result<Connection, Infallible>>;

/// Accepts until the stream is dropped, and closes the listener then.
///
/// # Errors
/// As registering the listener with the runtime.
pub fn incoming(listener: std::net::TcpListener) -> io::Result<Incoming> {
    let listener = TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(most_connections()));
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        tokio::select! {
            () = accept_all(&listener, places, &sender) => {}
            () = sender.closed() => {}
        }
    });
    Ok(ReceiverStream::new(receiver))
}

fn most_connections() -> usize {
    let descriptors = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    usize::try_from(descriptors / 2).unwrap_or(usize::MAX).clamp(LEAST, Semaphore::MAX_PERMITS)
}

async fn accept_all(
    listener: &TcpListener,
    places: Arc<Semaphore>,
    sender: &mpsc::Sender<Result<Connection, Infallible>>,
) {
    // Those beyond wait in the kernel.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) if is_the_callers(&error) => continue,
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        // Without it an answer waits 40 ms for the acknowledgement of its headers.
        let _ = stream.set_nodelay(true);
        if sender.send(Ok(Connection::new(stream, place))).await.is_err() {
            return;
        }
    }
}

/// Whether it was the caller who went away.
fn is_the_callers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// A caller's connection, which holds its place among them.
pub struct Connection {
    stream: TcpStream,
    /// Set once the handshake of TLS, if there is one, is done.
    open: AtomicBool,
    read: usize,
    /// The same when the clock was last looked at.
    read_before: usize,
    clock: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, place: OwnedSemaphorePermit) -> Self {
        Self {
            stream,
            open: AtomicBool::new(false),
            read: 0,
            read_before: 0,
            clock: Box::pin(sleep(GREETING)),
            _place: place,
        }
    }

    fn is_overdue(&mut self, context: &mut Context<'_>) -> bool {
        while self.clock.as_mut().poll(context).is_ready() {
            let greeted = self.open.load(Ordering::Relaxed) && self.read >= PREFACE;
            if !greeted || self.read == self.read_before {
                return true;
            }
            self.read_before = self.read;
            self.clock.as_mut().reset(Instant::now() + SILENCE);
        }
        false
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    /// Asked for when the connection begins, which is after the handshake of TLS.
    fn connect_info(&self) -> TcpConnectInfo {
        self.open.store(true, Ordering::Relaxed);
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        this.read = this.read.saturating_add(buffer.filled().len() - before);
        if polled.is_pending() && this.is_overdue(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        polled
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

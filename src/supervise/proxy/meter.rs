//! Counting what passes to and from upstream, and noticing when nothing does.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::stats::ProxyStats;

/// When something last moved on a connection.
#[derive(Debug)]
pub(super) struct Activity {
    start: Instant,
    last_ms: AtomicU64,
}

impl Default for Activity {
    fn default() -> Self {
        Self { start: Instant::now(), last_ms: AtomicU64::new(0) }
    }
}

impl Activity {
    pub(super) fn touch(&self) {
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(elapsed, Relaxed);
    }

    /// Completes once nothing has moved for `timeout`.
    pub(super) async fn idle(&self, timeout: Duration) {
        loop {
            let last = self.last_ms.load(Relaxed);
            tokio::time::sleep_until(self.start + Duration::from_millis(last) + timeout).await;
            if self.last_ms.load(Relaxed) == last {
                return;
            }
        }
    }
}

/// An upstream stream whose bytes are counted, and cut off at the run's total.
pub(super) struct Metered<S> {
    inner: S,
    stats: Arc<ProxyStats>,
    max_total_bytes: Option<u64>,
    activity: Arc<Activity>,
}

impl<S> Metered<S> {
    pub(super) fn new(
        inner: S,
        stats: Arc<ProxyStats>,
        max_total_bytes: Option<u64>,
        activity: Arc<Activity>,
    ) -> Self {
        Self { inner, stats, max_total_bytes, activity }
    }

    fn check_total(&self) -> io::Result<()> {
        if self.stats.reached(self.max_total_bytes) {
            return Err(io::Error::other("the run's network byte limit is used up"));
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_total()?;
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        self.stats.count_down(buf.filled().len().saturating_sub(before));
        self.activity.touch();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_total()?;
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, buf))?;
        self.stats.count_up(written);
        self.activity.touch();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

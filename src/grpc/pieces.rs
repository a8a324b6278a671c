//! A short answer leaves in one write.
//!
//! The HTTP/2 library copies what is shorter than 256 bytes into the buffer that it writes from; anything
//! longer it writes out before it looks at what follows. An answer of a kilobyte would so take two writes,
//! the second for the trailers that end it, and its caller would be woken twice for it. In shorter pieces all of it
//! goes into the buffer, and out at once.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use hyper::body::{Bytes, Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

/// The most that is copied.
const PIECE: usize = 255;
/// Longer answers go as they are: the buffer has 16 KiB, and copying begins to cost.
const SHORT: usize = 8 << 10;

/// The same answer, cut if it is short.
pub fn in_pieces(answer: Response<Body>) -> Response<Body> {
    answer.map(cut)
}

struct Cut {
    body: Body,
    /// What is left of a frame that has been begun.
    rest: Bytes,
}

fn cut(body: Body) -> Body {
    Body::new(Cut { body, rest: Bytes::new() })
}

impl hyper::body::Body for Cut {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if (PIECE..=SHORT).contains(&data.len()) => this.rest = data,
                    Ok(data) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let piece = this.rest.split_to(PIECE.min(this.rest.len()));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // Asked for before the first frame, if at all.
        if self.rest.is_empty() { self.body.size_hint() } else { SizeHint::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::{HeaderMap, HeaderValue, Request};
    use http_body_util::{BodyExt as _, Empty};
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

    use super::*;

    /// Bytes, then trailers, as a method answers.
    struct Answer(VecDeque<Frame<Bytes>>);

    impl hyper::body::Body for Answer {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            Poll::Ready(self.0.pop_front().map(Ok))
        }
    }

    fn answer(length: usize) -> Body {
        let text: Vec<u8> = (0..length).map(|index| index as u8).collect();
        let end = HeaderMap::from_iter([(
            http::HeaderName::from_static("grpc-status"),
            HeaderValue::from_static("0"),
        )]);
        Body::new(Answer([Frame::data(text.into()), Frame::trailers(end)].into()))
    }

    /// The server's end of a connection. A write that nobody has read yet counts by itself.
    struct Counted(DuplexStream, Arc<AtomicUsize>);

    impl AsyncRead for Counted {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(context, buffer)
        }
    }

    impl AsyncWrite for Counted {
        fn poll_write(
            self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.poll_write_vectored(context, &[io::IoSlice::new(bytes)])
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            slices: &[io::IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            self.1.fetch_add(1, Ordering::Relaxed);
            Pin::new(&mut self.0).poll_write_vectored(context, slices)
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(context)
        }

        fn poll_shutdown(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(context)
        }
    }

    /// Writes for an answer, and whether it arrived as it was.
    async fn writes(length: usize, dress: fn(Body) -> Body) -> (usize, bool) {
        let (client, server) = duplex(1 << 20);
        let count = Arc::new(AtomicUsize::new(0));
        let server = TokioIo::new(Counted(server, Arc::clone(&count)));
        let answering = service_fn(move |_| async move {
            Ok::<_, Infallible>(Response::new(dress(answer(length))))
        });
        tokio::spawn(
            hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(server, answering),
        );
        let (mut caller, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(client))
                .await
                .unwrap();
        tokio::spawn(connection);
        let ask = || Request::new(Empty::<Bytes>::new());
        // The first call also settles the connection.
        caller.send_request(ask()).await.unwrap().collect().await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let before = count.load(Ordering::Relaxed);
        let arrived = caller.send_request(ask()).await.unwrap().collect().await.unwrap();
        let taken = count.load(Ordering::Relaxed) - before;
        let ended = arrived.trailers().is_some_and(|end| end.contains_key("grpc-status"));
        let whole = answer(length).collect().await.unwrap().to_bytes();
        (taken, ended && arrived.to_bytes() == whole)
    }

    #[tokio::test]
    async fn a_short_answer_leaves_in_one_write() {
        for length in [0, 10, PIECE - 1, PIECE, PIECE + 1, 1500, SHORT] {
            assert_eq!(writes(length, cut).await, (1, true), "{length} bytes");
        }
        // Which it would not do by itself.
        assert_eq!(writes(1500, |body| body).await, (2, true));
    }

    #[tokio::test]
    async fn a_long_answer_stays_whole() {
        let mut body = cut(answer(SHORT + 1));
        let first = body.frame().await.unwrap().unwrap();
        assert_eq!(first.into_data().unwrap().len(), SHORT + 1);
        assert!(writes(100_000, cut).await.1);
    }
}

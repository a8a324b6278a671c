//! `GET /metrics`, and nothing else.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;

use super::Observer;
use super::metrics::State;

/// Connections at a time; the next ones wait to be accepted.
const MOST_CONNECTIONS: usize = 16;
/// Headers and bytes of one request.
const MOST_HEADERS: usize = 64;
const MOST_BYTES: usize = 16 << 10;
/// How long a client may take to ask.
const ASKING: Duration = Duration::from_secs(5);
/// How long a connection may last.
const LASTING: Duration = Duration::from_secs(60);
/// After a failure to accept, such as a full table of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is asked of the service for each answer.
pub type Reader = Arc<dyn Fn() -> State + Send + Sync>;

/// Answers until it is dropped.
///
/// # Errors
/// As registering the listener with the runtime.
pub async fn serve(
    listener: TcpListener,
    observer: Arc<Observer>,
    read: Reader,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    // Ends its connections when it is dropped.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (observer, read) = (Arc::clone(&observer), Arc::clone(&read));
        let answering = service_fn(move |request| {
            let answer = answer(&request, || observer.render(&read()));
            async move { Ok::<_, Infallible>(answer) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(ASKING)
            .max_headers(MOST_HEADERS)
            .max_buf_size(MOST_BYTES)
            .serve_connection(TokioIo::new(stream), answering);
        connections.spawn(async move {
            let _ = tokio::time::timeout(LASTING, connection).await;
            drop(place);
        });
    }
}

fn answer(request: &Request<Incoming>, render: impl FnOnce() -> String) -> Response<Full<Bytes>> {
    let (status, kind, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, OPENMETRICS, render()),
        (_, "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, "text/plain", "GET only\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, "text/plain", "see /metrics\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
    }
    response
}

//! `GET http://host/…`: one request to one allowed host, bodies streamed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body_util::Either;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{Request, Response, StatusCode, Uri, Version};
use hyper_util::rt::TokioIo;
use tokio::task::AbortHandle;

use super::meter::Activity;
use super::refusal::Refusal;
use super::target::{Target, check_port, decide};
use super::{ProxyBody, Resolve, Shared, reach};
use crate::policy::domains::Host;

const HTTP_PORT: u16 = 80;

/// Sends the request on and gives the answer, its body still to be read.
///
/// # Errors
/// [`Refusal`] if the request is malformed, refused, or the host does not answer.
pub(super) async fn forward<R: Resolve>(
    request: Request<Incoming>,
    shared: &Shared<R>,
    activity: &Arc<Activity>,
) -> Result<Response<ProxyBody>, Refusal> {
    let target = absolute_target(request.uri())?;
    check_framing(request.headers())?;
    let port = target.port.unwrap_or(HTTP_PORT);
    let host = decide(target.host, shared)?;
    check_host(request.headers(), &host, port)?;
    check_port(&host, port, &shared.limits.http_ports)?;
    let upstream = reach::connect(&host, port, shared, activity).await?;
    let outgoing = rebuild(request, &host, port)?;

    let failed = |error: hyper::Error| Refusal::upstream(&host.to_string(), error);
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(shared.limits.max_headers)
        .handshake(TokioIo::new(upstream))
        .await
        .map_err(failed)?;
    let driver = Driver(tokio::spawn(connection).abort_handle());
    let response = tokio::select! {
        biased;
        response = sender.send_request(outgoing) => response.map_err(failed)?,
        () = activity.idle(shared.limits.idle_timeout) => {
            // The refusal still has to be written: the connection's own clock starts afresh.
            activity.touch();
            return Err(Refusal::timed_out(&host.to_string()));
        }
    };
    relay(response, driver, &host)
}

fn absolute_target(uri: &Uri) -> Result<Target<'_>, Refusal> {
    if uri.scheme() != Some(&Scheme::HTTP) {
        let expected = "the proxy takes CONNECT host:port and http://host/path only";
        return Err(Refusal::Malformed(expected));
    }
    let authority = uri.authority();
    Target::of(authority.ok_or(Refusal::Malformed("the address has no host"))?)
}

fn check_framing(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.contains_key(UPGRADE) {
        return Err(Refusal::Malformed("Upgrade is not supported"));
    }
    match headers.get(TRANSFER_ENCODING) {
        Some(coding) if !coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {
            Err(Refusal::Malformed("a Transfer-Encoding other than chunked"))
        }
        _ => Ok(()),
    }
}

/// A `Host` header, where there is one, must name what the URI names.
fn check_host(headers: &HeaderMap, host: &Host, port: u16) -> Result<(), Refusal> {
    let Some(value) = headers.get(HOST) else {
        return Ok(());
    };
    let conflict = || Refusal::Malformed("the Host header and the address differ");
    let authority = Authority::try_from(value.as_bytes()).map_err(|_| conflict())?;
    let named = Target::of(&authority)?;
    let same_host = Host::parse(named.host).is_ok_and(|named| named == *host);
    if same_host && named.port.unwrap_or(HTTP_PORT) == port { Ok(()) } else { Err(conflict()) }
}

/// The request as upstream gets it: nothing in it comes from the client's idea of the hop.
fn rebuild(
    request: Request<Incoming>,
    host: &Host,
    port: u16,
) -> Result<Request<Incoming>, Refusal> {
    let (mut parts, body) = request.into_parts();
    // By its text: of `http://host#` the library makes a path that it would write as nothing at all.
    let path = PathAndQuery::try_from(parts.uri.path_and_query().map_or("/", PathAndQuery::as_str));
    parts.uri = Uri::from(path.map_err(|_| Refusal::Malformed("the address has no path"))?);
    parts.version = Version::HTTP_11;
    parts.extensions.clear();
    strip_hop_by_hop(&mut parts.headers);
    // An expectation is met by this proxy's own server side.
    parts.headers.remove(EXPECT);
    let named = match port {
        HTTP_PORT => host.to_string(),
        _ => format!("{host}:{port}"),
    };
    let named = HeaderValue::try_from(named)
        .map_err(|_| Refusal::Malformed("the host is not a host name"))?;
    parts.headers.insert(HOST, named);
    let close = HeaderValue::from_static("close");
    parts.headers.insert(CONNECTION, close);
    Ok(Request::from_parts(parts, body))
}

fn relay(
    response: Response<Incoming>,
    driver: Driver,
    host: &Host,
) -> Result<Response<ProxyBody>, Refusal> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let unasked = "the server switched protocols unasked";
        return Err(Refusal::upstream(&host.to_string(), unasked));
    }
    let (mut parts, body) = response.into_parts();
    if parts.headers.contains_key(TRANSFER_ENCODING) {
        parts.headers.remove(CONTENT_LENGTH);
    }
    strip_hop_by_hop(&mut parts.headers);
    parts.version = Version::HTTP_11;
    parts.extensions.clear();
    let body = Relayed { body, _driver: driver };
    Ok(Response::from_parts(parts, Either::Right(body)))
}

/// Removes what is meant for one hop (RFC 9110, 7.6.1), and everything named `Proxy-*`.
fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let fixed = [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
    let nominated = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&b| b == b','))
        .filter_map(|token| HeaderName::from_bytes(token.trim_ascii()).ok());
    let named = headers
        .keys()
        .filter(|name| name.as_str() == "keep-alive" || name.as_str().starts_with("proxy-"))
        .cloned();
    let doomed: Vec<HeaderName> = nominated.chain(named).chain(fixed).collect();
    for name in doomed {
        headers.remove(name);
    }
}

/// Ends the task that drives an upstream connection once nobody wants its answer.
struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An upstream answer's body, which keeps its connection going.
pub(super) struct Relayed {
    body: Incoming,
    _driver: Driver,
}

impl Body for Relayed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

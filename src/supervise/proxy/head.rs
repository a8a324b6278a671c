//! A look at the raw request head, before the HTTP library has normalised it.
//!
//! The library drops a `Content-Length` that stands beside a `Transfer-Encoding` and accepts bare
//! line feeds. Such requests are how two parsers come to disagree, so they are refused here.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

const CHUNK: usize = 4096;

/// Reads until the head is complete, or just past `max` bytes for the HTTP library to refuse.
///
/// What has already arrived behind the head is included.
///
/// # Errors
/// That of the socket; `UnexpectedEof` if it closes before the head is complete.
pub(super) async fn read(reader: &mut (impl AsyncRead + Unpin), max: usize) -> io::Result<Vec<u8>> {
    let mut seen = Vec::with_capacity(CHUNK);
    while seen.len() <= max {
        let searched = seen.len().saturating_sub(3);
        if reader.read_buf(&mut seen).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let fresh = seen.get(searched..).unwrap_or_default();
        if end_of_head(fresh).is_some() {
            break;
        }
    }
    Ok(seen)
}

/// Offset just behind the empty line, whichever line ends the sender uses.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let ends = |n: usize, end: &[u8]| bytes.windows(n).position(|w| w == end).map(|at| at + n);
    [ends(4, b"\r\n\r\n"), ends(2, b"\n\n"), ends(3, b"\n\r\n")].into_iter().flatten().min()
}

/// Checks what decides where the request's body ends.
///
/// # Errors
/// What is wrong, as a text for the client.
pub(super) fn check(bytes: &[u8]) -> Result<(), &'static str> {
    let end = end_of_head(bytes).unwrap_or(bytes.len());
    let head = bytes.get(..end).unwrap_or(bytes);
    check_line_ends(head)?;
    let (mut lengths, mut encodings, mut hosts) = (0, 0, 0);
    for line in head.split(|&b| b == b'\n').skip(1) {
        let name = line.split(|&b| b == b':').next().unwrap_or_default();
        match name.trim_ascii().to_ascii_lowercase().as_slice() {
            b"content-length" => lengths += 1,
            b"transfer-encoding" => encodings += 1,
            b"host" => hosts += 1,
            _ => {}
        }
    }
    match (lengths, encodings, hosts) {
        (1.., 1.., _) => Err("Transfer-Encoding and Content-Length stand together"),
        (2.., ..) => Err("more than one Content-Length"),
        (_, 2.., _) => Err("more than one Transfer-Encoding"),
        (.., 2..) => Err("more than one Host"),
        _ => Ok(()),
    }
}

fn check_line_ends(head: &[u8]) -> Result<(), &'static str> {
    if head.starts_with(b"\r") || head.starts_with(b"\n") {
        return Err("the request begins with an empty line");
    }
    let mut before = 0;
    for &byte in head {
        if (byte == b'\n') != (before == b'\r') {
            return Err("a line does not end in CR LF");
        }
        before = byte;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_way_of_framing_passes_and_two_do_not() {
        let check = |fields: &str| check(format!("GET / HTTP/1.1\r\n{fields}\r\n\r\n").as_bytes());
        assert_eq!(check("Host: a"), Ok(()));
        assert_eq!(check("Content-Length: 1"), Ok(()));
        assert_eq!(check("Transfer-Encoding: chunked"), Ok(()));
        for fields in [
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
            "transfer-encoding: chunked\r\nHost: a\r\nCONTENT-LENGTH: 1",
            "Content-Length: 1\r\nContent-Length: 1",
            "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding : chunked\r\nContent-Length: 1",
            " Transfer-Encoding: chunked\r\nContent-Length: 1",
            "Host: a\r\nHost: a",
            "X: a\nY: b",
            "X: a\rContent-Length: 1",
        ] {
            assert!(check(fields).is_err(), "{fields:?}");
        }
        assert!(super::check(b"\r\nGET / HTTP/1.1\r\n\r\n").is_err());
    }

    #[test]
    fn what_follows_the_head_is_not_checked() {
        let body = b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nContent-Length: 1\n\r";
        assert_eq!(check(body), Ok(()));
    }

    #[tokio::test]
    async fn reading_stops_at_the_end_of_the_head_at_the_limit_and_at_eof() {
        let mut whole: &[u8] = b"GET / HTTP/1.1\r\n\r\nmore";
        assert!(read(&mut whole, 100).await.unwrap().ends_with(b"more"));
        let endless = vec![b'a'; 100_000];
        let seen = read(&mut endless.as_slice(), 10_000).await.unwrap().len();
        assert!((10_001..40_000).contains(&seen), "{seen}");
        let mut cut: &[u8] = b"GET / HTTP/1.1\r\n";
        assert!(read(&mut cut, 100).await.is_err());
    }

    #[tokio::test]
    async fn an_end_split_over_two_reads_is_found() {
        let (mut near, mut far) = tokio::io::duplex(8);
        let writer = tokio::spawn(async move {
            for part in [&b"GET /\r\n\r"[..], b"\n", b"rest"] {
                tokio::io::AsyncWriteExt::write_all(&mut near, part).await.unwrap();
                tokio::task::yield_now().await;
            }
            near
        });
        let seen = read(&mut far, 100).await.unwrap();
        assert!(seen.starts_with(b"GET /\r\n\r\n"));
        drop(far);
        writer.abort();
    }
}

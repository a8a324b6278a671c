use super::*;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

#[tokio::test]
async fn a_request_is_rebuilt_and_its_answer_cleaned() {
    let world = World::new().await;
    let request = "GET http://A.Good.test:PORT/p?q=1 HTTP/1.1\r\nHost: a.good.TEST:PORT\r\n\
        Accept: x/y\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n\
        Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic x\r\nProxy-Foo: 1\r\n\r\n";
    let mut client = world.send(request).await;
    let mut upstream = world.accept().await;
    let head = read_head(&mut upstream).await.to_ascii_lowercase();
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    assert_eq!(lines.remove(0), "get /p?q=1 http/1.1");
    lines.sort_unstable();
    let host = format!("host: a.good.test:{}", world.port);
    assert_eq!(lines, ["accept: x/y", "connection: close", host.as_str()]);
    let answer = b"HTTP/1.1 200 OK\r\nX-Kept: 1\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\n\
        Keep-Alive: 5\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n\
        2\r\nhi\r\n0\r\n\r\n";
    upstream.write_all(answer).await.unwrap();
    let seen = read_all(&mut client).await.to_ascii_lowercase();
    assert!(seen.starts_with("http/1.1 200 ok\r\n") && seen.contains("\r\nx-kept: 1\r\n"));
    for gone in ["x-hop", "keep-alive", "proxy-", "upgrade"] {
        assert!(!seen.contains(gone), "{gone}: {seen}");
    }
    assert!(seen.contains("\r\nconnection: close\r\n") && seen.contains("hi"));
    assert!(world.stats.bytes_up() > 0 && world.stats.bytes_down() == answer.len() as u64);
}

#[tokio::test]
async fn bodies_are_streamed_in_both_directions() {
    let world = World::new().await;
    let request = "POST http://good.test:PORT HTTP/1.1\r\nHost: good.test:PORT\r\n\
        Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n";
    let mut client = world.send(request).await;
    let mut upstream = world.accept().await;
    let head = read_head(&mut upstream).await;
    assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
    assert_eq!(read_exactly(&mut upstream, 8).await, "3\r\none\r\n");
    client.write_all(b"3\r\ntwo\r\n0\r\n\r\n").await.unwrap();
    assert_eq!(read_exactly(&mut upstream, 13).await, "3\r\ntwo\r\n0\r\n\r\n");
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none";
    upstream.write_all(head).await.unwrap();
    read_head(&mut client).await;
    assert_eq!(read_exactly(&mut client, 3).await, "one");
    upstream.write_all(b"two").await.unwrap();
    assert_eq!(read_all(&mut client).await, "two");
}

#[tokio::test]
async fn a_sized_body_passes_whole() {
    let world = World::new().await;
    let body = "x".repeat(300_000);
    let request = format!(
        "PUT http://good.test:PORT/ HTTP/1.1\r\nContent-Length: {}\r\nConnection: content-length\r\n\r\n{body}",
        body.len()
    );
    let served = async {
        let mut upstream = world.accept().await;
        let head = read_head(&mut upstream).await.to_ascii_lowercase();
        assert!(head.contains("content-length: 300000\r\n"), "{head}");
        assert_eq!(read_exactly(&mut upstream, body.len()).await, body);
        upstream.write_all(OK).await.unwrap();
    };
    let (answer, ()) = tokio::join!(world.ask(&request), served);
    assert!(answer.ends_with("hi"), "{answer}");
}

#[tokio::test]
async fn refused_hosts_and_ports_get_403() {
    let world = World::new().await;
    for request in [
        "GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n",
        "GET http://evil.test/ HTTP/1.1\r\nHost: good.test\r\n\r\n",
        "GET http://127.0.0.1:PORT/ HTTP/1.1\r\n\r\n",
        "GET http://good.test:22/ HTTP/1.1\r\n\r\n",
    ] {
        let answer = world.ask(request).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{request}: {answer}");
    }
    world.assert_upstream_untouched().await;
}

#[tokio::test]
async fn ambiguous_and_malformed_requests_get_400() {
    let world = World::new().await;
    let post = "POST http://good.test:PORT/ HTTP/1.1\r\nHost: good.test:PORT\r\n";
    let fields = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        "Content-Length: +1\r\n\r\nx",
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "X: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "X: a\nY: b\r\n\r\n",
        "Host: good.test:PORT\r\n\r\n",
        "Upgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    ];
    let whole = [
        "GET / HTTP/1.1\r\nHost: good.test:PORT\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: good.test\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: good.test\r\n\r\n",
        "GET good.test:PORT HTTP/1.1\r\n\r\n",
        "GET https://good.test:PORT/ HTTP/1.1\r\n\r\n",
        "GET ftp://good.test:PORT/ HTTP/1.1\r\n\r\n",
        "GET http://u:p@good.test:PORT/ HTTP/1.1\r\n\r\n",
        "GET http://good.test:PORT@evil.test/ HTTP/1.1\r\n\r\n",
        "GET http:///path HTTP/1.1\r\n\r\n",
        "GET http://good.test:PORT/ HTTP/1.1\r\nHost: evil.test\r\n\r\n",
        "GET http://good.test:PORT/ HTTP/1.1\r\nHost: good.test\r\n\r\n",
        "GET http://good.test:PORT/ HTTP/1.1\r\nHost: x@good.test:PORT\r\n\r\n",
        "GET http://good.test:PORT/ HTTP/1.1\r\nHost:\r\n\r\n",
        "POST http://good.test:PORT/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "\r\nGET http://good.test:PORT/ HTTP/1.1\r\n\r\n",
        "GET  http://good.test:PORT/ HTTP/1.1\r\n\r\n",
    ];
    let requests = fields.iter().map(|fields| format!("{post}{fields}"));
    for request in requests.chain(whole.iter().map(|&text| text.to_owned())) {
        let answer = world.ask(&request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request}: {answer}");
    }
    world.assert_upstream_untouched().await;
    assert_eq!(world.stats.refused(), (fields.len() + whole.len()) as u64);
}

#[tokio::test]
async fn what_follows_a_request_is_not_served() {
    let world = World::new().await;
    let request = "GET http://good.test:PORT/1 HTTP/1.1\r\n\r\n\
        GET http://good.test:PORT/2 HTTP/1.1\r\n\r\n";
    let mut client = world.send(request).await;
    let mut upstream = world.accept().await;
    let head = read_head(&mut upstream).await;
    assert!(head.starts_with("GET /1 "), "{head}");
    upstream.write_all(OK).await.unwrap();
    drop(upstream);
    assert!(ends(&mut client).await);
    world.assert_upstream_untouched().await;
}

#[tokio::test]
async fn a_head_over_the_limits_is_refused() {
    let world = World::new().await;
    let get = "GET http://good.test:PORT/ HTTP/1.1\r\n";
    let long = format!("{get}X: {}\r\n\r\n", "a".repeat(40_000));
    let many = format!("{get}{}\r\n", "X: a\r\n".repeat(101));
    for request in [long, many] {
        let mut client = world.send(&request).await;
        let mut status = [0; 13];
        client.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 431 ");
    }
    let mut endless = world.send(&format!("{get}X: {}", "a".repeat(100_000))).await;
    assert!(ends(&mut endless).await);
    world.assert_upstream_untouched().await;
}

#[tokio::test]
async fn an_upstream_that_answers_badly_is_a_502_and_a_silent_one_a_504() {
    let idle = Duration::from_millis(200);
    let world = World::with(&[LOOPBACK], |limits| limits.idle_timeout = idle).await;
    let get = "GET http://good.test:PORT/ HTTP/1.1\r\n\r\n";
    for bad in [
        "nonsense\r\n\r\n",
        "",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ] {
        let mut client = world.send(get).await;
        let mut upstream = world.accept().await;
        read_head(&mut upstream).await;
        upstream.write_all(bad.as_bytes()).await.unwrap();
        drop(upstream);
        let answer = read_all(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{bad}: {answer}");
    }
    let mut client = world.send(get).await;
    let _upstream = world.accept().await;
    let answer = read_all(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
}

#[tokio::test]
async fn an_address_without_a_path_asks_for_the_root() {
    let world = World::new().await;
    for (address, asked) in [("", "/"), ("?q", "/?q"), ("#", "/"), ("#part", "/"), ("/p#", "/p")] {
        let request = format!("GET http://good.test:PORT{address} HTTP/1.1\r\n\r\n");
        let _client = world.send(&request).await;
        let head = read_head(&mut world.accept().await).await;
        assert!(head.starts_with(&format!("GET {asked} HTTP/1.1\r\n")), "{address}: {head}");
    }
}

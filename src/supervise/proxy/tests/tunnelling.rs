use super::*;

#[tokio::test]
async fn an_allowed_host_is_tunnelled_both_ways_and_counted() {
    let world = World::new().await;
    let (mut client, mut upstream) = world.tunnel().await;
    client.write_all(b"up").await.unwrap();
    assert_eq!(read_exactly(&mut upstream, 2).await, "up");
    upstream.write_all(b"down").await.unwrap();
    assert_eq!(read_exactly(&mut client, 4).await, "down");
    // Half-closing passes through: the other direction goes on.
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut upstream).await, "");
    upstream.write_all(b"last").await.unwrap();
    drop(upstream);
    assert_eq!(read_all(&mut client).await, "last");
    let stats = &world.stats;
    assert_eq!((stats.bytes_up(), stats.bytes_down()), (2, 8));
    assert_eq!((stats.connections(), stats.refused()), (1, 0));
    assert_eq!(world.lookups.load(SeqCst), 1);
}

#[tokio::test]
async fn bytes_sent_with_the_connect_reach_upstream() {
    let world = World::new().await;
    let early = "CONNECT a.GOOD.test.:PORT HTTP/1.1\r\nHost: x\r\n\r\nearly";
    let _client = world.send(early).await;
    assert_eq!(read_exactly(&mut world.accept().await, 5).await, "early");
}

#[tokio::test]
async fn a_refused_host_gets_403_and_nothing_is_resolved_or_connected() {
    let world = World::new().await;
    for host in [
        "evil.test",
        "evilgood.test",
        "good.test.evil.test",
        "bad.good.test",
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ] {
        let answer = world.ask(&format!("CONNECT {host}:PORT HTTP/1.1\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{host}: {answer}");
        let body = answer.split("\r\n\r\n").nth(1).unwrap();
        assert!(body.contains(host) && body.lines().count() == 1, "{body}");
    }
    world.assert_upstream_untouched().await;
    assert_eq!(world.lookups.load(SeqCst), 0);
    assert_eq!(world.stats.refused(), 9);
    let remembered = world.stats.refused_hosts();
    assert_eq!(remembered.len(), 8);
    assert_eq!(remembered.last().unwrap(), "[::ffff:127.0.0.1]");
}

#[tokio::test]
async fn a_port_that_is_not_listed_is_refused() {
    let world = World::with(&[LOOPBACK], |limits| limits.connect_ports = vec![443]).await;
    let answer = world.ask("CONNECT good.test:PORT HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.contains("port"), "{answer}");
    world.assert_upstream_untouched().await;
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_refused() {
    let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped().into();
    for addresses in [&[LOOPBACK][..], &[PUBLIC, LOOPBACK], &[mapped]] {
        let world = World::with(addresses, |limits| limits.allow_private_addresses = false).await;
        for request in [
            "CONNECT good.test:PORT HTTP/1.1\r\n\r\n",
            "GET http://good.test:PORT/ HTTP/1.1\r\n\r\n",
        ] {
            let answer = world.ask(request).await;
            assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
            assert!(!answer.contains("127.0.0.1"), "{answer}");
        }
        world.assert_upstream_untouched().await;
        // One look-up per request: there is no second one whose answer could differ.
        assert_eq!(world.lookups.load(SeqCst), 2);
    }
}

#[tokio::test]
async fn a_connect_with_a_body_userinfo_or_no_port_is_malformed() {
    let world = World::new().await;
    for request in [
        "CONNECT good.test:PORT HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody",
        "CONNECT good.test:PORT HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "CONNECT good.test:PORT HTTP/1.1\r\nUpgrade: h2c\r\n\r\n",
        "CONNECT good.test HTTP/1.1\r\n\r\n",
        "CONNECT good.test:0 HTTP/1.1\r\n\r\n",
        "CONNECT u@good.test:PORT HTTP/1.1\r\n\r\n",
        "CONNECT u:p@good.test:PORT HTTP/1.1\r\n\r\n",
        "CONNECT /path HTTP/1.1\r\n\r\n",
        "CONNECT a_b.good.test:PORT HTTP/1.1\r\n\r\n",
        "CONNECT g%6fod.test:PORT HTTP/1.1\r\n\r\n",
    ] {
        let answer = world.ask(request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request}: {answer}");
    }
    world.assert_upstream_untouched().await;
    let (_client, _upstream) = world.tunnel().await;
}

#[tokio::test]
async fn failures_outside_are_told_without_their_details() {
    let silent = World::with(&[], |_| {}).await;
    let answer = silent.ask("CONNECT good.test:PORT HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(!answer.contains("10.9.8.7") && !answer.contains("SERVFAIL"));

    let closed = World::with(&[LOOPBACK], |limits| limits.connect_ports = vec![1]).await;
    let answer = closed.ask("CONNECT good.test:1 HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(!answer.contains("127.0.0.1") && !answer.contains("refused"));
    assert_eq!(closed.stats.refused(), 0);
}

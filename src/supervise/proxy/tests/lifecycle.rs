use super::*;

#[tokio::test]
async fn a_connection_above_the_cap_waits_for_one_to_end() {
    let world = World::with(&[LOOPBACK], |limits| limits.max_connections = 1).await;
    let (first, first_upstream) = world.tunnel().await;
    let mut second = world.send("CONNECT good.test:PORT HTTP/1.1\r\n\r\n").await;
    world.assert_upstream_untouched().await;
    assert_eq!(world.stats.connections(), 1);
    drop((first, first_upstream));
    let _second_upstream = world.accept().await;
    assert!(read_head(&mut second).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(world.stats.connections(), 2);
}

#[tokio::test]
async fn cancelling_ends_every_connection_at_once() {
    let world = World::new().await;
    let (mut client, mut upstream) = world.tunnel().await;
    let mut asking = world.send("GET http://good.test:PORT/ HTTP/1.1\r\n\r\n").await;
    let mut asked = world.accept().await;
    read_head(&mut asked).await;
    let mut silent = world.send("").await;
    world.cancel.send(()).unwrap();
    timeout(LONG, world.serving).await.unwrap().unwrap();
    for stream in [&mut client, &mut upstream, &mut asking, &mut asked, &mut silent] {
        assert!(ends(stream).await);
    }
    assert!(TcpStream::connect(world.proxy).await.is_err());
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_its_upstream_connection() {
    let world = World::new().await;
    let asking = world.send("GET http://good.test:PORT/ HTTP/1.1\r\n\r\n").await;
    let mut asked = world.accept().await;
    read_head(&mut asked).await;
    drop(asking);
    assert!(ends(&mut asked).await);
}

#[tokio::test]
async fn idle_connections_are_closed_and_busy_ones_are_not() {
    let idle = Duration::from_millis(300);
    let world = World::with(&[LOOPBACK], |limits| limits.idle_timeout = idle).await;
    let (mut client, mut upstream) = world.tunnel().await;
    let mut silent = world.send("GET http://good").await;
    for _ in 0..8 {
        tokio::time::sleep(idle / 4).await;
        client.write_all(b"x").await.unwrap();
        read_exactly(&mut upstream, 1).await;
    }
    assert!(ends(&mut silent).await);
    assert!(ends(&mut client).await && ends(&mut upstream).await);
}

#[tokio::test]
async fn nothing_is_carried_beyond_the_byte_limit() {
    let world = World::with(&[LOOPBACK], |limits| limits.max_total_bytes = Some(4)).await;
    let (mut client, mut upstream) = world.tunnel().await;
    client.write_all(b"four").await.unwrap();
    assert_eq!(read_exactly(&mut upstream, 4).await, "four");
    // The cut-off may have closed the tunnel already.
    drop(client.write_all(b"more").await);
    let mut rest = Vec::new();
    drop(timeout(LONG, upstream.read_to_end(&mut rest)).await.unwrap());
    assert_eq!(rest, b"");
    let answer = world.ask("CONNECT good.test:PORT HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert_eq!(world.stats.bytes_up(), 4);
}

//! What of a network a program reaches: nothing, a proxy, or all of it.

use std::io::{ErrorKind, Read as _};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::harness::{outside, run, run_with};
use super::live::marker;

const CONNECT: &str = r#"
    import socket, sys
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=3).send(b"knock")
        result = "connected"
    except OSError as error:
        result = type(error).__name__
"#;

struct Listener {
    listener: TcpListener,
    port: String,
}

impl Listener {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        Self { listener, port }
    }

    /// What somebody sent, if anybody connected.
    fn heard(&self) -> Option<String> {
        match self.listener.accept() {
            Ok((mut stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                let mut text = String::new();
                let _ = stream.read_to_string(&mut text);
                Some(text)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_listener_of_the_host_hears_nothing_unless_the_mode_is_all() {
    let listener = Listener::new();
    for flags in [&[][..], &["--network", "none"], &["--network", "restricted"]] {
        let seen = run_with(flags, CONNECT, &[&listener.port]).result();
        assert_ne!(seen, "connected", "{flags:?}");
        assert_eq!(listener.heard(), None, "{flags:?}");
    }
    let all = run_with(&["--network", "all"], CONNECT, &[&listener.port]);
    assert_eq!(all.result(), "connected", "the control");
    assert_eq!(listener.heard().as_deref(), Some("knock"));
    assert!(!all.stood("network_namespace"), "and the report says that the wall is down");
    assert!(run(&[], "").stood("network_namespace"));
}

#[test]
fn no_datagram_gets_out() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    let program = r#"
        import socket, sys
        try:
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            result = udp.sendto(b"knock", ("127.0.0.1", int(sys.argv[1])))
        except OSError as error:
            result = type(error).__name__
    "#;
    let mut buffer = [0; 16];
    for mode in ["none", "restricted"] {
        run_with(&["--network", mode], program, &[&port]).result();
        assert!(socket.recv(&mut buffer).is_err(), "{mode}");
    }
    assert_eq!(run_with(&["--network", "all"], program, &[&port]).result(), 5, "the control");
    assert_eq!(socket.recv(&mut buffer).unwrap(), 5);
}

#[test]
fn an_abstract_socket_of_the_host_is_out_of_reach() {
    let name = marker();
    let listener =
        UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    listener.set_nonblocking(true).unwrap();
    let program = r#"
        import socket, sys
        try:
            socket.socket(socket.AF_UNIX).connect("\0" + sys.argv[1])
            result = "connected"
        except OSError as error:
            result = type(error).__name__
    "#;
    for mode in ["none", "restricted"] {
        assert_eq!(
            run_with(&["--network", mode], program, &[&name]).result(),
            "ConnectionRefusedError"
        );
        assert!(listener.accept().is_err(), "{mode}");
    }
    // With the host's network only Landlock stands between.
    let all = run_with(&["--network", "all"], program, &[&name]);
    if all.stood("landlock_scope") {
        assert_eq!(all.result(), "PermissionError");
        assert!(listener.accept().is_err());
    }
    assert_eq!(outside(program, &[&name]), "connected", "the control");
    assert!(listener.accept().is_ok());
}

#[test]
fn its_own_sockets_work() {
    let program = r#"
        import socket
        server = socket.socket(socket.AF_UNIX)
        server.bind("\0its own")
        server.listen()
        client = socket.socket(socket.AF_UNIX)
        client.connect("\0its own")
        client.send(b"x")
        result = server.accept()[0].recv(1).decode()
    "#;
    assert_eq!(run(&[], program).result(), "x");
}

#[test]
fn no_interface_is_up() {
    let program = r#"
        import socket
        result = {}
        for name, address in (("loopback", "127.0.0.1"), ("any", "0.0.0.0")):
            try:
                udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                udp.connect((address, 9))
                result[name] = "route"
            except OSError as error:
                result[name] = error.errno
    "#;
    let seen = run(&[], program).result();
    assert!(seen["loopback"].is_number() && seen["any"].is_number(), "{seen}");
    assert_eq!(run(&["--network", "restricted"], program).result()["loopback"], "route");
}

#[test]
fn socket_families_beyond_unix_and_the_internet_are_refused() {
    let program = r#"
        import socket
        attempts = {
            "netlink": (16, socket.SOCK_RAW, 0),
            "packet": (17, socket.SOCK_RAW, 0),
            "vsock": (40, socket.SOCK_STREAM, 0),
            "alg": (38, socket.SOCK_SEQPACKET, 0),
            "bluetooth": (31, socket.SOCK_RAW, 0),
            "can": (29, socket.SOCK_RAW, 1),
            "xdp": (44, socket.SOCK_RAW, 0),
            "key": (15, socket.SOCK_RAW, 2),
            "raw": (socket.AF_INET, socket.SOCK_RAW, 1),
            "icmp": (socket.AF_INET, socket.SOCK_DGRAM, 1),
            "mptcp": (socket.AF_INET, socket.SOCK_STREAM, 262),
            "tcp": (socket.AF_INET, socket.SOCK_STREAM, 0),
            "unix": (socket.AF_UNIX, socket.SOCK_STREAM, 0),
        }
        result = {}
        for name, (family, kind, protocol) in attempts.items():
            try:
                socket.socket(family, kind, protocol).close()
                result[name] = 0
            except OSError as error:
                result[name] = error.errno
    "#;
    for mode in ["none", "restricted", "all"] {
        let seen = run(&["--network", mode], program).result();
        for (name, errno) in seen.as_object().unwrap() {
            if name == "tcp" || name == "unix" {
                assert_eq!(errno, 0, "the control: {name} in mode {mode}");
            } else {
                let refused = [libc::EPERM, libc::ENOSYS].map(|errno| json!(errno));
                assert!(refused.contains(errno), "{name} in mode {mode}: {errno}");
            }
        }
    }
}

const ASK_PROXY: &str = r#"
    import os, socket, sys
    def ask(first_line):
        proxy = os.environ["http_proxy"].rpartition("/")[2].split(":")
        connection = socket.create_connection((proxy[0], int(proxy[1])), timeout=10)
        connection.sendall(first_line.encode() + b"\r\nHost: x\r\n\r\n")
        answer = connection.recv(65536).decode("latin-1")
        return int(answer.split()[1])
    result = [ask(line) for line in sys.argv[1:]]
"#;

#[test]
fn the_proxy_refuses_hosts_that_are_not_listed() {
    let listener = Listener::new();
    let flags = ["--network", "restricted", "--allow-domain", "allowed.invalid"];
    let here = format!("CONNECT 127.0.0.1:{} HTTP/1.1", listener.port);
    let local = format!("CONNECT localhost:{} HTTP/1.1", listener.port);
    let requests = [
        "CONNECT unlisted.invalid:443 HTTP/1.1",
        "GET http://unlisted.invalid/ HTTP/1.1",
        here.as_str(),
        local.as_str(),
        // The control: listed, so the proxy tries; the name never resolves (RFC 6761).
        "CONNECT allowed.invalid:443 HTTP/1.1",
    ];
    let outcome = run_with(&flags, ASK_PROXY, &requests);
    let seen = outcome.result();
    for (at, request) in requests.iter().enumerate().take(4) {
        assert_eq!(seen[at], 403, "{request}");
    }
    assert!(seen[4].as_u64().unwrap() >= 500, "{seen}");
    assert_eq!(outcome.usage("proxy_refusals"), 4);
    assert_eq!(listener.heard(), None);
}

#[test]
fn a_listed_name_that_leads_to_this_host_is_refused() {
    let listener = Listener::new();
    let flags = ["--network", "restricted", "--allow-domain", "localhost"];
    let request = format!("CONNECT localhost:{} HTTP/1.1", listener.port);
    let outcome = run_with(&flags, ASK_PROXY, &[&request]);
    assert_ne!(outcome.result()[0], 200);
    assert_eq!(listener.heard(), None);
}

#[test]
fn only_the_proxy_s_port_can_be_reached_in_mode_restricted() {
    let program = r#"
        import socket
        server = socket.socket()
        result = {}
        for name, attempt in (
            ("bind", lambda: server.bind(("127.0.0.1", 8080))),
            ("elsewhere", lambda: socket.create_connection(("127.0.0.1", 8081), timeout=3)),
            ("proxy", lambda: socket.create_connection(("127.0.0.1", 3128), timeout=3)),
        ):
            try:
                attempt()
                result[name] = "done"
            except OSError as error:
                result[name] = type(error).__name__
    "#;
    let outcome = run(&["--network", "restricted"], program);
    let seen = outcome.result();
    assert_eq!(seen["proxy"], "done", "the control");
    if outcome.stood("landlock_network") {
        assert_eq!(seen["bind"], "PermissionError");
        assert_eq!(seen["elsewhere"], "PermissionError");
    } else {
        assert_eq!(seen["elsewhere"], "ConnectionRefusedError");
    }
}

#[test]
fn runs_side_by_side_don_t_meet() {
    let name = marker();
    let serve = r#"
        import socket, sys, time
        server = socket.socket(socket.AF_UNIX)
        server.bind("\0" + sys.argv[1])
        server.settimeout(2)
        server.listen()
        try:
            server.accept()
            result = "met"
        except TimeoutError:
            result = "alone"
    "#;
    let call = r#"
        import socket, sys, time
        result = "alone"
        for _ in range(20):
            try:
                socket.socket(socket.AF_UNIX).connect("\0" + sys.argv[1])
                result = "met"
            except OSError:
                time.sleep(0.05)
    "#;
    let server = {
        let name = name.clone();
        thread::spawn(move || run_with(&[], serve, &[&name]).result())
    };
    let caller = run_with(&[], call, &[&name]).result();
    assert_eq!((server.join().unwrap(), caller), (json!("alone"), json!("alone")));
}

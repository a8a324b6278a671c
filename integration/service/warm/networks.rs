//! Network namespaces that are handed from one run to the next: never two runs in one, and none in which a trace is.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::{held_at_once, service_with_app, warm_result};
use crate::harness::{MainApp, Sidecar, eventually, settle};

/// The namespace's cookie, SO_NETNS_COOKIE: the number of its inode goes to another once it is gone.
const WHERE: &str = "import socket\n\
                     with socket.socket(socket.AF_UNIX) as asking:\n\
                     \x20   cookie = asking.getsockopt(socket.SOL_SOCKET, 71, 8).hex()\n\
                     result = cookie";

async fn place(sidecar: &Sidecar) -> String {
    warm_result(&sidecar.run(WHERE).await).as_str().unwrap().to_owned()
}

/// The namespaces of `count` runs that live at the same time.
async fn places_at_once(sidecar: &Sidecar, app: &MainApp, count: usize) -> BTreeSet<String> {
    let calls = held_at_once(sidecar, app, WHERE, count).await;
    app.tools.holding.add_permits(count);
    let mut places = Vec::new();
    for call in calls {
        let answer = call.await.unwrap();
        places.push(warm_result(&answer).as_str().unwrap().to_owned());
    }
    let distinct: BTreeSet<String> = places.iter().cloned().collect();
    assert_eq!(distinct.len(), count, "two that lived at once were in one: {places:?}");
    distinct
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_after_the_other_may_have_it_but_never_two_at_a_time() {
    let (sidecar, app) = service_with_app(&[]).await;
    let mut one_by_one = BTreeSet::new();
    for _ in 0..8 {
        one_by_one.insert(place(&sidecar).await);
    }
    // A run's namespace comes back a moment after its answer.
    assert!(one_by_one.len() < 8, "none was handed on: {one_by_one:?}");
    let first = places_at_once(&sidecar, &app, 8).await;
    settle(&sidecar).await;
    let second = places_at_once(&sidecar, &app, 8).await;
    assert!(first.intersection(&second).count() > 0, "none was handed on: {first:?} {second:?}");
}

/// Network namespaces that `launcher` holds open.
fn held(launcher: u32) -> usize {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{launcher}/fd")) else { return 0 };
    let links = descriptors.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    links.filter(|link| link.to_string_lossy().starts_with("net:[")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_leaves_few_of_them_once_it_is_over() {
    let nothing_ahead = [("CODEMODE_READY_LEAST", "0"), ("CODEMODE_READY_MOST", "0")];
    let (sidecar, app) = service_with_app(&nothing_ahead).await;
    let (_, launcher) = sidecar.launchers();
    let calls = held_at_once(&sidecar, &app, "", 16).await;
    // One is the launcher's own.
    assert!(held(launcher) > 16, "only {} while 16 runs live", held(launcher));
    app.tools.holding.add_permits(16);
    for call in calls {
        call.await.unwrap();
    }
    let few = || (2..=9).contains(&held(launcher));
    eventually("few are left", Duration::from_secs(10), few).await;
}

/// Each leaves something in the network namespace of its run. A counter stays where it is; a socket in flight or a
/// label goes when the kernel gets to it, which may be before the namespace is looked at.
const COUNTERS: [&str; 2] = ["failed connections", "datagrams that go nowhere"];
const TOUCHES: [(&str, &str); 6] = [
    (
        "failed connections",
        "for family, address in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')):\n\
         \x20   for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):\n\
         \x20       with contextlib.suppress(OSError):\n\
         \x20           socket.socket(family, kind).connect((address, 9))\n",
    ),
    (
        "datagrams that go nowhere",
        "with contextlib.suppress(OSError):\n\
         \x20   socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'x', ('ff02::1', 9))\n\
         with contextlib.suppress(OSError):\n\
         \x20   socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('10.0.0.1', 9))\n",
    ),
    (
        "a socket in flight, which is in its own queue",
        "one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
         server = socket.socket(socket.AF_UNIX)\n\
         server.bind('\\0in flight')\n\
         server.listen()\n\
         for sent in (one, other, server):\n\
         \x20   rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, sent.fileno().to_bytes(4, 'little'))\n\
         \x20   one.sendmsg([b'x'], [rights])\n",
    ),
    (
        "a label of flows",
        // IPV6_FLOWLABEL_MGR: get, with the flag to make it, for the process; it lingers when its socket is closed.
        "with contextlib.suppress(OSError):\n\
         \x20   request = struct.pack('!16sI', socket.inet_pton(socket.AF_INET6, '::1'), 0x4242) + struct.pack(\n\
         \x20       '=BBHHHI', 0, 255, 1, 60, 60, 0)\n\
         \x20   socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).setsockopt(41, 32, request)\n",
    ),
    (
        "a key of TCP Fast Open",
        "with contextlib.suppress(OSError):\n\
         \x20   socket.socket(socket.AF_INET).setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5)\n",
    ),
    (
        "listeners on ports, closed again",
        "with contextlib.suppress(OSError):\n\
         \x20   for family in (socket.AF_INET, socket.AF_INET6):\n\
         \x20       with socket.socket(family) as server:\n\
         \x20           server.listen()\n",
    ),
];

/// All that a program reads about its network namespace, where it is about nothing else.
const READ: &str = r#"
def read():
    found = {}
    for root, _, names in os.walk("/proc/self/net"):
        # Of the whole host, or which namespace it is.
        for name in set(names) - {"softnet_stat", "protocols", "sockstat", "sockstat6", "ptype", "psched", "unix", "netlink"} \
                if not root.endswith("/stat") else ():
            with contextlib.suppress(OSError):
                with open(root + "/" + name) as file:
                    found[root.rpartition("/net")[2] + "/" + name] = file.read()
    with open("/proc/self/net/unix") as file:
        found["unix"] = [line.split()[7:] for line in file][1:]
    with socket.socket(socket.AF_INET) as tcp:
        found["fast open"] = tcp.getsockopt(socket.IPPROTO_TCP, 33, 64).hex()
    with socket.socket(socket.AF_UNIX) as client:
        found["in flight"] = client.connect_ex("\0in flight")
    return found
"#;

fn touching(touch: &str) -> String {
    let head = "import contextlib, os, socket, struct\n";
    let tail = "result = [cookie, before, read()]\n";
    format!("{head}{READ}\nbefore = read()\n{touch}\n{WHERE}\n{tail}")
}

/// What of all that was read differs.
fn differences<'a>(one: &'a Value, other: &Value) -> Vec<&'a str> {
    let names = one.as_object().unwrap().keys();
    names.filter(|name| one[*name] != other[*name]).map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_in_which_a_trace_is_left_is_never_handed_on() {
    let (sidecar, app) = service_with_app(&[]).await;
    let none: [&str; 0] = [];
    let untouched = warm_result(&sidecar.run(&touching("")).await);
    assert!(untouched[1].as_object().unwrap().len() > 20, "the control: there is much to read");
    assert_eq!(differences(&untouched[1], &untouched[2]), none, "reading touches nothing");
    let mut traced = 0;
    for (what, touch) in TOUCHES {
        let touched = warm_result(&sidecar.run(&touching(touch)).await);
        assert_eq!(differences(&untouched[1], &touched[1]), none, "before {what}");
        let traces = differences(&touched[1], &touched[2]);
        println!("{what}: {traces:?}");
        let mut places = BTreeSet::new();
        for _ in 0..6 {
            let next = warm_result(&sidecar.run(&touching("")).await);
            assert_eq!(differences(&untouched[1], &next[1]), none, "a run after {what} finds it");
            places.insert(next[0].as_str().unwrap().to_owned());
        }
        places.extend(places_at_once(&sidecar, &app, 4).await);
        traced += usize::from(!traces.is_empty());
        if COUNTERS.contains(&what) {
            assert!(!traces.is_empty(), "the control: {what} is counted");
            assert!(!places.contains(touched[0].as_str().unwrap()), "{what}: handed on");
        }
    }
    assert!(traced >= 3, "the control: much can be left");
}

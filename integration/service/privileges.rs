//! What the front and the launcher hold.

use std::fs;

use crate::harness::{KEY, Sidecar, is_root};

pub fn status(pid: u32, field: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_front_has_no_capability_and_is_not_root() {
    let sidecar = Sidecar::start(&[]).await;
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(status(sidecar.pid(), set), "0000000000000000", "{set}");
    }
    assert_eq!(status(sidecar.pid(), "NoNewPrivs"), "1");
    let uids = status(sidecar.pid(), "Uid");
    assert!(uids.split_whitespace().all(|uid| uid != "0"), "{uids}");
    assert!(sidecar.run("result = 1").await.success);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_launcher_has_few_capabilities_one_thread_and_never_had_the_key() {
    let sidecar = Sidecar::start(&[]).await;
    assert!(sidecar.run("result = 1").await.success);
    let (keeper, launcher) = sidecar.launchers();
    for pid in [keeper, launcher] {
        assert_eq!(status(pid, "Threads"), "1");
        let effective = u64::from_str_radix(&status(pid, "CapEff"), 16).unwrap();
        // DAC_OVERRIDE (1), SETGID (6), SETUID (7), SYS_ADMIN (21) and SETFCAP (31), all in a user namespace of its
        // own, to which nothing of the host's belongs.
        let allowed = 1 << 1 | 1 << 6 | 1 << 7 | 1 << 21 | u64::from(!is_root()) << 31;
        let namespace = |pid| fs::read_link(format!("/proc/{pid}/ns/user")).unwrap();
        assert!(!is_root() || namespace(pid) != namespace(std::process::id()));
        assert_eq!(effective & !allowed, 0, "{effective:x}");
        if !is_root() {
            println!("skipped: memory of the launcher: reading it takes root");
            continue;
        }
        assert_eq!(fs::read(format!("/proc/{pid}/environ")).unwrap(), b"");
        assert!(!memory_holds(pid, KEY.as_bytes()), "the key is in the memory of {pid}");
    }
    if is_root() {
        // The search can see: the front does hold the key.
        assert!(memory_holds(sidecar.pid(), KEY.as_bytes()));
    }
}

fn memory_holds(pid: u32, wanted: &[u8]) -> bool {
    use std::os::unix::fs::FileExt;
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    maps.lines().filter(|line| line.contains(" rw")).any(|line| {
        let (range, _) = line.split_once(' ').unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let parse = |text| u64::from_str_radix(text, 16).unwrap();
        let (from, to) = (parse(from), parse(to));
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        memory.read_exact_at(&mut bytes, from).is_ok()
            && bytes.windows(wanted.len()).any(|window| window == wanted)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_launcher_sees_nothing_of_the_hosts_files() {
    let sidecar = Sidecar::start(&[]).await;
    let (_, launcher) = sidecar.launchers();
    if !is_root() {
        println!("skipped: the launcher's root: reading it takes root");
        return;
    }
    let root = format!("/proc/{launcher}/root");
    assert!(fs::metadata(format!("{root}/codemode/guest.pyc")).is_ok());
    for path in ["home", "root/.cargo", "var", "etc/shadow", "sys", "old", "new"] {
        assert!(fs::symlink_metadata(format!("{root}/{path}")).is_err(), "{path}");
    }
}

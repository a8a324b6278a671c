#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Calls that no run may ever make freely, whatever else the policy says.
const NEVER: &str = "
    unshare setns clone3
    mount umount2 pivot_root chroot fsopen fsconfig fsmount fspick open_tree move_mount mount_setattr
    open_by_handle_at name_to_handle_at quotactl quotactl_fd swapon swapoff fanotify_init fanotify_mark
    ptrace process_vm_readv process_vm_writev pidfd_getfd kcmp process_madvise process_mrelease move_pages migrate_pages
    bpf seccomp perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register
    init_module finit_module delete_module kexec_load kexec_file_load
    keyctl add_key request_key
    shmget shmat semget msgget memfd_create memfd_secret
    setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid capset
    reboot settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname syslog acct
    ioperm iopl modify_ldt vhangup uselib ustat sysfs nfsservctl lookup_dcookie
    vmsplice mbind set_mempolicy sync syncfs io_setup io_submit
    clone ioctl prctl arch_prctl personality socket socketpair setsockopt fcntl mknod mknodat";

/// Calls of the never-list that answer ENOSYS, so that a caller falls back, and are therefore not in `refuse.json`.
const FALLS_BACK: &str =
    "clone3 memfd_create vmsplice mbind set_mempolicy sync syncfs io_setup io_submit
    clone ioctl prctl arch_prctl personality socket socketpair setsockopt fcntl mknod mknodat";

/// `seccomp` must pass `allow.json` for the filters that follow it; `refuse.json`, installed last, shuts it.
const IN_BOTH: &str = "seccomp";

#[derive(serde::Deserialize)]
struct Filter {
    mismatch_action: serde_json::Value,
    match_action: serde_json::Value,
    filter: Vec<Rule>,
}

#[derive(serde::Deserialize)]
struct Rule {
    syscall: String,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    args: Vec<Condition>,
}

#[derive(serde::Deserialize, PartialEq)]
struct Condition {
    index: u8,
    #[serde(rename = "type")]
    width: String,
    op: serde_json::Value,
    val: u64,
    #[serde(default)]
    comment: String,
}

fn read(policy: &Policy) -> Filter {
    let mut filters: BTreeMap<String, Filter> = serde_json::from_str(policy.json).unwrap();
    assert_eq!(filters.len(), 1, "{} holds one filter", policy.file);
    filters.remove(policy.name).unwrap()
}

fn names(filter: &Filter) -> BTreeSet<&str> {
    filter.filter.iter().map(|rule| rule.syscall.as_str()).collect()
}

/// Faults that the compiler passes over in silence: where a call has a plain rule and one with conditions, it drops the plain one.
fn redundant(filter: &Filter) -> Vec<String> {
    let same = |a: &Condition, b: &Condition| {
        (a.index, &a.width, &a.op, a.val) == (b.index, &b.width, &b.op, b.val)
    };
    let covers = |a: &Rule, b: &Rule| a.args.iter().all(|x| b.args.iter().any(|y| same(x, y)));
    let rules = &filter.filter;
    let mut found = Vec::new();
    for (i, a) in rules.iter().enumerate() {
        for (j, b) in rules.iter().enumerate() {
            if i != j && a.syscall == b.syscall && covers(a, b) {
                found.push(b.syscall.clone());
            }
        }
    }
    found
}

fn uncommented(filter: &Filter) -> Vec<String> {
    let bare = |rule: &&Rule| {
        rule.comment.trim().is_empty() || rule.args.iter().any(|arg| arg.comment.trim().is_empty())
    };
    filter.filter.iter().filter(bare).map(|rule| rule.syscall.clone()).collect()
}

fn freely_allowed<'a>(filter: &'a Filter, never: &str) -> Vec<&'a str> {
    let plain = |rule: &&Rule| {
        rule.args.is_empty() && never.split_whitespace().any(|name| name == rule.syscall)
    };
    filter.filter.iter().filter(plain).map(|rule| rule.syscall.as_str()).collect()
}

#[test]
fn both_filters_compile_within_the_kernels_limit() {
    let filters = compile_for("x86_64").unwrap();
    assert!((100..=MAX_INSTRUCTIONS).contains(&filters.allow.len()));
    assert!((100..=MAX_INSTRUCTIONS).contains(&filters.refuse.len()));
}

#[test]
fn another_architecture_is_an_error_that_names_it() {
    let error = compile_for("aarch64").unwrap_err();
    assert!(matches!(&error, SeccompError::Arch { arch } if arch == "aarch64"));
    assert!(error.to_string().contains("aarch64"));
}

#[test]
fn a_faulty_policy_is_an_error_that_names_the_file() {
    let policy = |json| Policy { file: "seccomp/x.json", name: "x", json };
    let unknown = r#"{"x":{"mismatch_action":"allow","match_action":"trap","filter":[{"syscall":"no_such_call"}]}}"#;
    let error = policy(unknown).compile().unwrap_err();
    assert!(matches!(error, SeccompError::Compile { file: "seccomp/x.json", .. }));
    assert!(
        std::error::Error::source(&error)
            .is_some_and(|cause| cause.to_string().contains("no_such_call"))
    );
    let other =
        r#"{"y":{"mismatch_action":"allow","match_action":"trap","filter":[{"syscall":"read"}]}}"#;
    assert!(matches!(policy(other).compile(), Err(SeccompError::Missing { name: "x", .. })));
    let good =
        r#"{"x":{"mismatch_action":"allow","match_action":"trap","filter":[{"syscall":"read"}]}}"#;
    assert!(policy(good).compile().is_ok());
}

#[test]
fn unlisted_calls_get_enosys_and_refused_ones_eperm() {
    let (allow, refuse) = (read(&ALLOW), read(&REFUSE));
    assert_eq!(allow.match_action, "allow");
    assert_eq!(allow.mismatch_action, serde_json::json!({ "errno": 38 }));
    assert_eq!(refuse.match_action, serde_json::json!({ "errno": 1 }));
    assert_eq!(refuse.mismatch_action, "allow");
}

#[test]
fn no_call_is_in_both_lists_but_seccomp() {
    let (allow, refuse) = (read(&ALLOW), read(&REFUSE));
    let both: Vec<_> = names(&allow).intersection(&names(&refuse)).copied().collect();
    assert_eq!(both, [IN_BOTH]);
}

#[test]
fn the_never_list_is_never_allowed_without_conditions() {
    let allow = read(&ALLOW);
    assert_eq!(freely_allowed(&allow, NEVER), [""; 0]);
    assert_eq!(freely_allowed(&allow, "read"), ["read"], "the check can fail");
}

#[test]
fn the_never_list_is_refused_by_name_except_where_a_fallback_helps() {
    let refuse = read(&REFUSE);
    let refused = names(&refuse);
    for name in NEVER.split_whitespace() {
        let falls_back = FALLS_BACK.split_whitespace().any(|other| other == name);
        assert_ne!(refused.contains(name), falls_back, "{name}");
    }
}

#[test]
fn refusals_have_no_conditions() {
    assert!(read(&REFUSE).filter.iter().all(|rule| rule.args.is_empty()));
}

#[test]
fn programs_may_be_started_and_clone3_is_in_neither_list() {
    let (allow, refuse) = (read(&ALLOW), read(&REFUSE));
    assert_eq!(freely_allowed(&allow, "execve execveat"), ["execve", "execveat"]);
    assert!(!names(&allow).contains("clone3") && !names(&refuse).contains("clone3"));
}

#[test]
fn arguments_that_the_kernel_reads_as_32_bits_are_compared_as_32_bits() {
    // Comparing 64 bits would let `ne` pass on a value whose upper half the kernel then drops.
    for rule in read(&ALLOW).filter {
        assert!(rule.args.iter().all(|arg| arg.width == "dword"), "{}", rule.syscall);
    }
}

#[test]
fn no_ioctl_reaches_the_terminals_input() {
    let allow = read(&ALLOW);
    let requests: Vec<_> = allow
        .filter
        .iter()
        .filter(|rule| rule.syscall == "ioctl")
        .flat_map(|rule| &rule.args)
        .collect();
    assert!(requests.iter().all(|arg| arg.index == 1 && arg.op == "eq"));
    let has = |request: u64| requests.iter().any(|arg| arg.val == request);
    assert!(!has(0x5412) && !has(0x541C), "TIOCSTI, TIOCLINUX");
    assert!(has(0x5401), "TCGETS");
}

#[test]
fn no_rule_is_redundant() {
    assert_eq!(redundant(&read(&ALLOW)), [""; 0]);
    assert_eq!(redundant(&read(&REFUSE)), [""; 0]);
}

#[test]
fn redundancy_is_noticed() {
    let rule = |args: &[u64]| Rule {
        syscall: "ioctl".to_owned(),
        comment: String::new(),
        args: args
            .iter()
            .map(|&val| Condition {
                index: 1,
                width: "dword".into(),
                op: "eq".into(),
                val,
                comment: String::new(),
            })
            .collect(),
    };
    let filter =
        |filter| Filter { mismatch_action: "allow".into(), match_action: "trap".into(), filter };
    assert_eq!(redundant(&filter(vec![rule(&[]), rule(&[1])])), ["ioctl"]);
    assert_eq!(redundant(&filter(vec![rule(&[1]), rule(&[1])])).len(), 2);
    assert_eq!(redundant(&filter(vec![rule(&[1]), rule(&[2])])), [""; 0]);
    assert_eq!(uncommented(&filter(vec![rule(&[])])), ["ioctl"]);
}

#[test]
fn every_rule_and_condition_has_a_reason() {
    assert_eq!(uncommented(&read(&ALLOW)), [""; 0]);
    assert_eq!(uncommented(&read(&REFUSE)), [""; 0]);
}

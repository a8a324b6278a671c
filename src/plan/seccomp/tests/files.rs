//! What stands in the policy files themselves.

use std::collections::BTreeSet;

use super::compile::{ALLOW, CONFINED, INIT, KEPT, Policy, REFUSE, UNCOUNTED};
use super::{Condition, Filter, Rule, read};

const EVERY: [&Policy; 6] = [&ALLOW, &REFUSE, &INIT, &CONFINED, &KEPT, &UNCOUNTED];

/// Calls that no run may ever make freely, whatever else the policy says.
const NEVER: &str = "
    unshare setns clone3
    mount umount2 pivot_root chroot fsopen fsconfig fsmount fspick open_tree move_mount mount_setattr
    open_by_handle_at name_to_handle_at quotactl quotactl_fd swapon swapoff fanotify_init fanotify_mark
    inotify_init inotify_init1 inotify_add_watch
    ptrace process_vm_readv process_vm_writev pidfd_getfd kcmp process_madvise process_mrelease move_pages migrate_pages
    bpf seccomp perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register
    init_module finit_module delete_module kexec_load kexec_file_load
    keyctl add_key request_key
    shmget shmat semget msgget memfd_create memfd_secret
    setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid capset
    reboot settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname syslog acct
    ioperm iopl modify_ldt vhangup uselib ustat sysfs nfsservctl lookup_dcookie
    vmsplice mbind set_mempolicy sync syncfs io_setup io_submit
    clone ioctl prctl arch_prctl personality socket socketpair setsockopt fcntl mknod mknodat
    sched_setaffinity sched_setscheduler sched_setparam sched_setattr setpriority ioprio_set";

/// Calls of the never-list that answer ENOSYS, so that a caller falls back, and are therefore not in `refuse.json`.
const FALLS_BACK: &str =
    "clone3 memfd_create vmsplice mbind set_mempolicy sync syncfs io_setup io_submit
    clone ioctl prctl arch_prctl personality socket socketpair setsockopt fcntl mknod mknodat
    sched_setaffinity sched_setscheduler sched_setparam sched_setattr setpriority ioprio_set";

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
fn unlisted_calls_get_enosys_and_refused_ones_eperm() {
    let (allow, refuse) = (read(&ALLOW), read(&REFUSE));
    assert_eq!(allow.match_action, "allow");
    assert_eq!(allow.mismatch_action, serde_json::json!({ "errno": 38 }));
    assert_eq!(refuse.match_action, serde_json::json!({ "errno": 1 }));
    assert_eq!(refuse.mismatch_action, "allow");
}

#[test]
fn no_call_is_in_both_lists() {
    let (allow, refuse) = (read(&ALLOW), read(&REFUSE));
    let both: Vec<_> = names(&allow).intersection(&names(&refuse)).copied().collect();
    assert_eq!(both, [""; 0]);
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
fn no_rule_is_redundant() {
    for policy in EVERY {
        assert_eq!(redundant(&read(policy)), [""; 0], "{}", policy.file);
    }
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
    for policy in EVERY {
        assert_eq!(uncommented(&read(policy)), [""; 0], "{}", policy.file);
    }
}

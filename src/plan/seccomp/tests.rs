#![allow(clippy::unwrap_used)]

#[allow(dead_code, missing_docs, clippy::cast_possible_truncation)]
#[path = "../../../seccomp/compile.rs"]
mod compile;
mod files;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use self::compile::{ALLOW, CONFINED, INIT, KEPT, Policy, REFUSE, UNCOUNTED};
use super::*;

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

const ENOSYS: u32 = 0x0005_0026;
const EPERM: u32 = 0x0005_0001;
const GO_AHEAD: u32 = 0x7fff_0000;
const KILL: u32 = 0x8000_0000;
const X86_64: u32 = 0xc000_003e;

/// Runs a filter as the kernel would: on the call's number, architecture and arguments.
fn answer(filter: &[Instruction], arch: u32, number: u32, arguments: [u64; 6]) -> u32 {
    let mut data = vec![number, arch, 0, 0];
    data.extend(arguments.iter().flat_map(|a| [*a as u32, (*a >> 32) as u32]));
    let (mut at, mut accumulator) = (0, 0u32);
    loop {
        let Instruction { code, jt, jf, k } = filter[at];
        at += 1;
        let jump = |holds: bool| usize::from(if holds { jt } else { jf });
        match code {
            0x20 => accumulator = data[k as usize / 4],
            0x54 => accumulator &= k,
            0x05 => at += k as usize,
            0x15 => at += jump(accumulator == k),
            0x25 => at += jump(accumulator > k),
            0x35 => at += jump(accumulator >= k),
            0x06 => return k,
            _ => panic!("an instruction that no filter of ours has: {code:x}"),
        }
    }
}

/// The rules of a policy for one call.
fn rules(policy: &Policy, number: u32) -> Vec<Rule> {
    read(policy).filter.into_iter().filter(|rule| number_of(&rule.syscall) == number).collect()
}

fn holds(rule: &Rule, arguments: [u64; 6]) -> bool {
    rule.args.iter().all(|condition| {
        let value = arguments[usize::from(condition.index)] as u32;
        let wanted = condition.val as u32;
        match &condition.op {
            serde_json::Value::String(op) => match op.as_str() {
                "eq" => value == wanted,
                "ne" => value != wanted,
                "le" => value <= wanted,
                "lt" => value < wanted,
                "ge" => value >= wanted,
                "gt" => value > wanted,
                other => panic!("{other}"),
            },
            op => value & op["masked_eq"].as_u64().unwrap() as u32 == wanted,
        }
    })
}

/// What the policy files say of a call, read straight from their rules.
fn meant(number: u32, arguments: [u64; 6]) -> u32 {
    if !rules(&REFUSE, number).is_empty() {
        return EPERM;
    }
    let allowed = rules(&ALLOW, number).iter().any(|rule| holds(rule, arguments));
    if allowed { GO_AHEAD } else { ENOSYS }
}

/// The number of a call, as a filter of it alone has it.
fn number_of(name: &str) -> u32 {
    thread_local! {
        static KNOWN: std::cell::RefCell<BTreeMap<String, u32>> = const {
            std::cell::RefCell::new(BTreeMap::new())
        };
    }
    KNOWN.with_borrow_mut(|known| {
        *known.entry(name.to_owned()).or_insert_with(|| {
            let json = format!(
                r#"{{"x":{{"mismatch_action":"allow","match_action":"trap","filter":[{{"syscall":"{name}"}}]}}}}"#
            );
            let arch = seccompiler::TargetArch::x86_64;
            seccompiler::compile_from_json(json.as_bytes(), arch).unwrap()["x"][4].k
        })
    })
}

#[test]
fn the_compiled_filter_says_what_the_files_say() {
    let filter = filters().unwrap().run;
    let mut seen = BTreeSet::new();
    for number in (0..=600).chain([0x4000_0000, 0x4000_0000 | 59, u32::MAX]) {
        let zeros = answer(&filter, X86_64, number, [0; 6]);
        assert_eq!(zeros, meant(number, [0; 6]), "call {number}");
        seen.insert(zeros);
    }
    assert_eq!(seen, BTreeSet::from([ENOSYS, EPERM, GO_AHEAD]));
}

#[test]
fn every_condition_is_compiled_to_what_it_says() {
    let filter = filters().unwrap().run;
    for rule in read(&ALLOW).filter.iter().filter(|rule| !rule.args.is_empty()) {
        let number = number_of(&rule.syscall);
        let mut arguments = [0; 6];
        for condition in &rule.args {
            arguments[usize::from(condition.index)] = condition.val;
        }
        for condition in &rule.args {
            for flip in [0, 1, 1 << 7, 1 << 17, 1 << 28, 1 << 31, 1 << 32] {
                let mut changed = arguments;
                changed[usize::from(condition.index)] ^= flip;
                let (is, should) =
                    (answer(&filter, X86_64, number, changed), meant(number, changed));
                assert_eq!(is, should, "{} {changed:x?}", rule.syscall);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_call_is_answered_as_meant(number in 0u32..600, arguments in any::<[u64; 6]>()) {
        let filter = filters().unwrap().run;
        prop_assert_eq!(answer(&filter, X86_64, number, arguments), meant(number, arguments));
    }
}

/// What the kernel takes of two answers: the stricter one, of which the action is the smaller number.
fn stricter(one: u32, other: u32) -> u32 {
    let action = |answer: u32| (answer & 0xffff_0000).cast_signed();
    if action(one) <= action(other) { one } else { other }
}

#[test]
fn the_two_parts_of_the_filter_say_together_what_it_says() {
    let Filters { run, early, late, .. } = filters().unwrap();
    let (mut opened, mut closed) = (0, 0);
    for number in (0..=600).chain([0x4000_0000, 0x4000_0000 | 59, u32::MAX]) {
        for first in [0, 1, 2, 8, 15, 22, 23, 24, 38, 1 << 17, 0x7e02_0000, 1 << 32, u64::MAX] {
            for second in [0, 1, 2, 3, 4, 8, 9, 1030, 1 << 31, u64::MAX] {
                let arguments = [first, second, 0, second, 0, 0];
                let ask = |filter: &[Instruction]| answer(filter, X86_64, number, arguments);
                let (whole, early, late) = (ask(&run), ask(&early), ask(&late));
                assert_eq!(stricter(early, late), whole, "call {number} {arguments:x?}");
                opened += u32::from(early != whole);
                closed += u32::from(late != GO_AHEAD);
            }
        }
    }
    assert!(opened > 0 && closed >= opened);
}

proptest! {
    #[test]
    fn any_call_is_answered_by_both_parts_as_by_the_whole(
        number in 0u32..600,
        arguments in any::<[u64; 6]>(),
    ) {
        let Filters { run, early, late, .. } = filters().unwrap();
        let ask = |filter: &[Instruction]| answer(filter, X86_64, number, arguments);
        prop_assert_eq!(stricter(ask(&early), ask(&late)), ask(&run));
    }
}

#[test]
fn the_part_that_each_run_installs_is_small() {
    assert!(filters().unwrap().late.len() < 200);
}

#[test]
fn another_architecture_is_killed() {
    let Filters { run, early, late, confined, kept, uncounted, init } = filters().unwrap();
    for filter in [run, early, late, confined, kept, uncounted, init] {
        assert_eq!(answer(&filter, 0x4000_0003, 0, [0; 6]), KILL, "i386");
    }
}

#[test]
fn init_may_make_the_calls_of_its_list_and_no_other() {
    let filter = filters().unwrap().init;
    let listed = read(&INIT);
    let plain: Vec<u32> = listed
        .filter
        .iter()
        .filter(|rule| rule.args.is_empty())
        .map(|rule| number_of(&rule.syscall))
        .collect();
    for number in 0..600 {
        let should = if plain.contains(&number) { GO_AHEAD } else { EPERM };
        assert_eq!(answer(&filter, X86_64, number, [0; 6]), should, "call {number}");
    }
    let receive = [0, 0xc050_2100, 0, 0, 0, 0];
    assert_eq!(answer(&filter, X86_64, number_of("ioctl"), receive), GO_AHEAD);
}

#[test]
fn a_further_filter_refuses_what_it_lists_and_passes_the_rest() {
    let filters = filters().unwrap();
    for (policy, filter) in
        [(&CONFINED, &filters.confined), (&KEPT, &filters.kept), (&UNCOUNTED, &filters.uncounted)]
    {
        let mut seen = BTreeSet::new();
        for number in 0..600 {
            for first in [0, 1, 1 << 16, 1 << 32, u64::MAX] {
                for second in [0, 1, 2, 8, 10, 38, 512] {
                    let arguments = [first, second, 0x241, 0x21, 0, 0];
                    let refused = rules(policy, number).iter().any(|rule| holds(rule, arguments));
                    let should = if refused { EPERM } else { GO_AHEAD };
                    let is = answer(filter, X86_64, number, arguments);
                    assert_eq!(is, should, "{} call {number} {arguments:x?}", policy.file);
                    seen.insert(is);
                }
            }
        }
        assert_eq!(seen, BTreeSet::from([EPERM, GO_AHEAD]));
    }
    let kill = answer(&filters.confined, X86_64, number_of("kill"), [1, 9, 0, 0, 0, 0]);
    let thread = answer(&filters.confined, X86_64, number_of("clone"), [0x3d_0f00, 0, 0, 0, 0, 0]);
    assert_eq!((kill, thread), (EPERM, GO_AHEAD));
    let option = |option: u64| {
        answer(&filters.uncounted, X86_64, number_of("setsockopt"), [3, 1, option, 0, 0, 0])
    };
    // SO_SNDBUF, SO_RCVBUF; SO_REUSEADDR.
    assert_eq!([7, 8, 2].map(option), [EPERM, EPERM, GO_AHEAD]);
}

#[test]
fn the_filter_is_small_and_its_search_short() {
    let filter = filters().unwrap().run;
    assert!((100..1000).contains(&filter.len()), "{}", filter.len());
}

#[test]
fn a_run_schedules_itself_and_never_its_init() {
    let filter = filters().unwrap().run;
    let ask = |name: &str, first: u64, second: u64| {
        answer(&filter, X86_64, number_of(name), [first, second, 0, 0, 0, 0])
    };
    for name in ["sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr"] {
        assert_eq!((ask(name, 0, 8), ask(name, 7, 8)), (GO_AHEAD, GO_AHEAD), "{name}");
        assert_eq!((ask(name, 1, 8), ask(name, 1 << 32 | 1, 8)), (ENOSYS, ENOSYS), "{name}");
    }
    for (name, process) in [("setpriority", 0), ("ioprio_set", 1)] {
        assert_eq!((ask(name, process, 0), ask(name, process, 7)), (GO_AHEAD, GO_AHEAD), "{name}");
        assert_eq!(ask(name, process, 1), ENOSYS, "{name} of init");
        for many in [process + 1, process + 2] {
            assert_eq!(ask(name, many, 0), ENOSYS, "{name} of all that init is among");
        }
    }
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

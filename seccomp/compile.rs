// From the policy files to one BPF program. Used by build.rs, and by the tests.
//
// `seccompiler` reads the rules, knows the system calls and compiles the conditions. It puts the
// calls in a chain, which the kernel walks for every call number when a filter is installed
// (to learn which answers are constant): about a millisecond per sandbox. Here the same pieces are
// reached by a binary search over ranges of numbers instead.

use std::collections::BTreeMap;

use seccompiler::{BpfProgram, TargetArch, sock_filter};

/// One policy file.
pub struct Policy {
    /// Relative to the repository, for messages.
    pub file: &'static str,
    /// Its only key.
    pub name: &'static str,
    /// Its text.
    pub json: &'static str,
}

/// The calls a run may make; every other one gets ENOSYS.
pub const ALLOW: Policy =
    Policy { file: "seccomp/allow.json", name: "allow", json: include_str!("allow.json") };
/// The calls that get EPERM.
pub const REFUSE: Policy =
    Policy { file: "seccomp/refuse.json", name: "refuse", json: include_str!("refuse.json") };
/// The calls that a sandbox's init may make; every other one gets EPERM.
pub const INIT: Policy =
    Policy { file: "seccomp/init.json", name: "init", json: include_str!("init.json") };

/// The calls that also get EPERM where a run has no namespaces.
pub const CONFINED: Policy =
    Policy { file: "seccomp/confined.json", name: "confined", json: include_str!("confined.json") };

/// The calls that also get EPERM where runs are kept to some processors.
pub const KEPT: Policy =
    Policy { file: "seccomp/kept.json", name: "kept", json: include_str!("kept.json") };

/// The calls that also get EPERM where no control group counts a run's memory.
pub const UNCOUNTED: Policy = Policy {
    file: "seccomp/uncounted.json",
    name: "uncounted",
    json: include_str!("uncounted.json"),
};

/// The calls that a guest forked from a warm interpreter makes on its way, beside a run's.
pub const SETUP: Policy =
    Policy { file: "seccomp/setup.json", name: "setup", json: include_str!("setup.json") };

const ALLOWED: u32 = 0x7fff_0000; // SECCOMP_RET_ALLOW

/// The most instructions that the kernel takes in one filter (`BPF_MAXINSNS`).
pub const MAX_INSTRUCTIONS: usize = 4096;

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const JUMP_IF_NOT_BELOW: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K
/// Instructions in front of every program of `seccompiler`: they kill another architecture.
const ARCHITECTURE_CHECK: usize = 3;

fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// What happens to a call.
#[derive(Clone, PartialEq)]
enum Answer {
    /// `SECCOMP_RET_*`.
    Constant(u32),
    /// Depends on arguments: a program of its own.
    Conditions(BpfProgram),
}

struct Compiled {
    calls: BTreeMap<u32, Answer>,
    otherwise: u32,
    check: BpfProgram,
}

fn fault(policy: &Policy, what: &str) -> String {
    format!("{}: {what}", policy.file)
}

/// Compiles each call of a policy by itself.
fn compile(policy: &Policy) -> Result<Compiled, String> {
    let document: serde_json::Value =
        serde_json::from_str(policy.json).map_err(|error| fault(policy, &error.to_string()))?;
    let filter = document
        .get(policy.name)
        .ok_or_else(|| fault(policy, &format!("holds no filter named {}", policy.name)))?;
    let rules = filter.get("filter").and_then(|rules| rules.as_array());
    let rules = rules.ok_or_else(|| fault(policy, "has no list of rules"))?;
    let mut by_call: BTreeMap<&str, Vec<&serde_json::Value>> = BTreeMap::new();
    for rule in rules {
        let name = rule.get("syscall").and_then(|name| name.as_str());
        by_call
            .entry(name.ok_or_else(|| fault(policy, "a rule without syscall"))?)
            .or_default()
            .push(rule);
    }
    let mut compiled = Compiled { calls: BTreeMap::new(), otherwise: 0, check: Vec::new() };
    for (name, rules) in by_call {
        let free = rules.iter().any(|rule| rule.get("args").is_none());
        if free && rules.len() > 1 {
            return Err(fault(policy, &format!("{name} has a plain rule and others")));
        }
        let mut single = filter.clone();
        single["filter"] = rules.into_iter().cloned().collect();
        let program = compile_single(policy, &single)?;
        let (check, call) = program.split_at(ARCHITECTURE_CHECK);
        let number = call.get(1).map(|jump| jump.k);
        let number = number.ok_or_else(|| fault(policy, &format!("{name}: no program")))?;
        compiled.otherwise = call.last().map_or(0, |last| last.k);
        compiled.check = check.to_vec();
        let answer = if free { matched(call) } else { Answer::Conditions(call.to_vec()) };
        compiled.calls.insert(number, answer);
    }
    Ok(compiled)
}

fn compile_single(policy: &Policy, filter: &serde_json::Value) -> Result<BpfProgram, String> {
    let document = serde_json::json!({ policy.name: filter }).to_string();
    seccompiler::compile_from_json(document.as_bytes(), TargetArch::x86_64)
        .map_err(|error| fault(policy, &error.to_string()))?
        .remove(policy.name)
        .ok_or_else(|| fault(policy, "no program"))
}

/// The answer of a call without conditions: what is returned first after its number matched.
fn matched(call: &[sock_filter]) -> Answer {
    let first = call.iter().find(|instruction| instruction.code == RETURN);
    Answer::Constant(first.map_or(0, |instruction| instruction.k))
}

/// The filter of a run: `allow.json` with the refusals of `refuse.json` in it.
pub fn run() -> Result<BpfProgram, String> {
    assemble(&compile_run()?)
}

/// The filter of a run in two parts that together say what it says. The large one allows what the set-up
/// needs besides, and is installed once, in the warm interpreter; the small one takes just that away.
pub fn run_in_two() -> Result<(BpfProgram, BpfProgram), String> {
    let (mut early, setup) = (compile_run()?, compile(&SETUP)?);
    let mut late =
        Compiled { calls: BTreeMap::new(), otherwise: ALLOWED, check: early.check.clone() };
    for (number, answer) in setup.calls {
        let free = Answer::Constant(ALLOWED);
        if answer != free {
            return Err(fault(&SETUP, &format!("call {number} has conditions")));
        }
        let meant = early.calls.insert(number, free);
        let meant = meant.unwrap_or(Answer::Constant(early.otherwise));
        if meant == Answer::Constant(ALLOWED) {
            return Err(fault(&SETUP, &format!("call {number} is allowed anyway")));
        }
        late.calls.insert(number, meant);
    }
    Ok((assemble(&early)?, assemble(&late)?))
}

fn compile_run() -> Result<Compiled, String> {
    let (mut allow, refuse) = (compile(&ALLOW)?, compile(&REFUSE)?);
    for (number, answer) in refuse.calls {
        if allow.calls.insert(number, answer).is_some() {
            return Err(fault(&REFUSE, &format!("call {number} is in allow.json too")));
        }
    }
    Ok(allow)
}

/// The filter of init.
pub fn init() -> Result<BpfProgram, String> {
    assemble(&compile(&INIT)?)
}

/// The second filter of a run without namespaces.
pub fn confined() -> Result<BpfProgram, String> {
    assemble(&compile(&CONFINED)?)
}

/// A further filter of a run that is kept to some processors.
pub fn kept() -> Result<BpfProgram, String> {
    assemble(&compile(&KEPT)?)
}

/// A further filter of a run whose memory is not counted.
pub fn uncounted() -> Result<BpfProgram, String> {
    assemble(&compile(&UNCOUNTED)?)
}

/// Ranges of call numbers with one answer each, from 0 up.
fn ranges(compiled: &Compiled) -> Vec<(u32, Answer)> {
    let otherwise = Answer::Constant(compiled.otherwise);
    let mut ranges = vec![(0, otherwise.clone())];
    let mut next = 0;
    let mut add = |from: u32, answer: &Answer| match ranges.last_mut() {
        Some((_, last)) if last == answer => {}
        Some((start, last)) if *start == from => *last = answer.clone(),
        _ => ranges.push((from, answer.clone())),
    };
    for (number, answer) in &compiled.calls {
        if *number > next {
            add(next, &otherwise);
        }
        add(*number, answer);
        next = number + 1;
    }
    add(next, &otherwise);
    ranges
}

fn assemble(compiled: &Compiled) -> Result<BpfProgram, String> {
    let mut program = compiled.check.clone();
    program.push(instruction(LOAD, 0, 0, 0));
    program.extend(search(&ranges(compiled)));
    if program.len() > MAX_INSTRUCTIONS {
        return Err(format!("{} instructions; the kernel takes {MAX_INSTRUCTIONS}", program.len()));
    }
    Ok(program)
}

/// A binary search over `ranges`, which is never empty.
fn search(ranges: &[(u32, Answer)]) -> BpfProgram {
    match ranges {
        [] => Vec::new(),
        [(_, Answer::Constant(answer))] => vec![instruction(RETURN, 0, 0, *answer)],
        [(_, Answer::Conditions(program))] => program.clone(),
        _ => {
            let (below, above) = ranges.split_at(ranges.len() / 2);
            let first = above.first().map_or(0, |(number, _)| *number);
            let (below, above) = (search(below), search(above));
            // Conditional jumps reach 255 instructions, this one any distance.
            let mut program = vec![
                instruction(JUMP_IF_NOT_BELOW, 0, 1, first),
                instruction(JUMP, 0, 0, below.len() as u32),
            ];
            program.extend(below);
            program.extend(above);
            program
        }
    }
}

//! The repository against what it says of itself.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum as _;
use codemode::config;
use codemode::policy::Wall;
use codemode::prove::Family;

/// Module → the modules of ours that it may import.
const LAYERS: &[(&str, &[&str])] = &[
    ("sys", &[]),
    ("config", &[]),
    ("policy", &["config"]),
    ("plan", &["policy", "config", "sys"]),
    ("sandbox", &["plan", "policy", "sys"]),
    ("supervise", &["sandbox", "policy", "plan"]),
    ("report", &["supervise", "sandbox", "policy", "plan"]),
    ("engine", &["report", "supervise", "sandbox", "plan", "policy"]),
    ("observe", &["report", "sandbox", "policy", "config", "sys"]),
    ("grpc", &["observe", "engine", "report", "supervise", "policy", "config"]),
    ("harness", &["grpc", "report", "plan", "sys"]),
    ("prove", &["harness", "grpc", "observe", "report", "sandbox", "plan", "policy", "config"]),
    ("bench", &["harness", "grpc", "report", "plan", "sys"]),
    (
        "cli",
        &[
            "prove",
            "bench",
            "harness",
            "grpc",
            "observe",
            "engine",
            "report",
            "supervise",
            "sandbox",
            "plan",
            "policy",
            "config",
            "sys",
        ],
    ),
];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_module_imports_only_what_stands_above_it() {
    let layers: BTreeMap<_, _> = LAYERS.iter().copied().collect();
    let source = root().join("src");
    let mut files = Vec::new();
    sources(&source, &mut files);
    let mut broken = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&source).unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        let module = first.trim_end_matches(".rs");
        let Some(allowed) = layers.get(module) else { continue };
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            for import in line.split("crate::").skip(1) {
                let name: String =
                    import.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let ours = layers.contains_key(name.as_str()) && name != module;
                if ours && !allowed.contains(&name.as_str()) {
                    broken.push(format!("{}:{}: {name}", inside.display(), number + 1));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_child_side_imports_the_record_and_sys_and_nothing_else_of_ours() {
    let mut files = Vec::new();
    sources(&root().join("src/sandbox/child"), &mut files);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for import in text.split("crate::").skip(1) {
            assert!(import.starts_with("sys"), "{}: crate::{import:.30}", file.display());
        }
        for allocation in ["format!", "vec!", "String::", "Box::new", ".to_vec(", ".to_owned("] {
            assert!(!text.contains(allocation), "{}: {allocation}", file.display());
        }
    }
}

#[test]
fn unsafe_stands_in_sys_only_and_says_why_it_is_sound() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    for file in files {
        let inside = file.strip_prefix(root().join("src")).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let blocks = text.matches("unsafe {").count();
        if !inside.starts_with("sys") {
            assert_eq!(blocks, 0, "{}", file.display());
        }
        let reasons = text.matches("// SAFETY:").count();
        assert!(reasons >= blocks, "{}: {blocks} blocks, {reasons} reasons", file.display());
    }
}

/// It is built with `--locked`, and nothing else builds it before a change is in.
#[test]
fn the_lock_of_the_fuzz_targets_has_each_dependency_of_this_crate() {
    let lock = fs::read_to_string(root().join("fuzz/Cargo.lock")).unwrap();
    let ours = lock.split("[[package]]").find(|one| one.contains("\nname = \"codemode\"\n"));
    let (_, names) = ours.unwrap().split_once("dependencies = [").unwrap();
    // Of two versions it names one: `NAME VERSION`.
    let names = names.split('"').skip(1).step_by(2).map(|name| name.split(' ').next().unwrap());
    let fuzzed: Vec<_> = names.collect();
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (_, rest) = manifest.split_once("\n[dependencies]\n").unwrap();
    let (table, _) = rest.split_once("\n[").unwrap();
    let names = table.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name);
    let absent: Vec<_> = names.filter(|name| !fuzzed.contains(name)).collect();
    assert!(absent.is_empty(), "cargo tree --manifest-path fuzz/Cargo.toml adds {absent:?}");
}

#[test]
fn the_example_configuration_holds_the_defaults() {
    let file = root().join("examples/codemode-sidecar.yaml");
    let load = |file| {
        config::load(&config::Sources {
            file,
            env: &config::Environment::new(),
            cwd: Path::new("/"),
            host: Some("127.0.0.1"),
            port: None,
            allow_unauthenticated: false,
        })
        .unwrap()
    };
    let (example, defaults) = (load(Some(&file)), load(None));
    assert_eq!(example.limits, defaults.limits);
    assert_eq!(example.security, defaults.security);
    assert_eq!(example.network, defaults.network);
    assert_eq!(example.mounts, defaults.mounts);
    assert_eq!((example.start, example.preload), (defaults.start, defaults.preload));
    assert_eq!(example.log_format, defaults.log_format);
    assert_eq!(example.audit, defaults.audit);
    assert_eq!(example.metrics, defaults.metrics);
    assert_eq!(example.telemetry, defaults.telemetry);
    assert_eq!(
        (example.port, example.main_app_grpc_target, example.shutdown_grace, example.metadata_ttl),
        (
            defaults.port,
            defaults.main_app_grpc_target,
            defaults.shutdown_grace,
            defaults.metadata_ttl
        )
    );
}

/// The attacks named in a text, as FAMILY/NAME, in the order of the text.
fn attacks(text: &str) -> Vec<&str> {
    let families = Family::value_variants();
    let is_family = |name: &str| families.iter().any(|family| family.name() == name);
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|word| word.split_once('/').is_some_and(|(first, _)| is_family(first))).collect()
}

/// The walls that an attack of the corpus says it presses on; `None` if there is no such attack.
fn pressed(attack: &str) -> Option<Vec<String>> {
    let text = fs::read_to_string(root().join(format!("integration/corpus/{attack}.py"))).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("# walls:"))?;
    Some(line.split_whitespace().map(str::to_owned).collect())
}

/// The walls of which a table has no row with an attack; an attack that is not there, or that doesn't press on the
/// wall, fails.
fn walls_without_an_attack(text: &str) -> Vec<&'static str> {
    let shown = |wall: &&str| {
        let row = text.lines().find(|line| line.starts_with(&format!("| `{wall}` |")));
        let shown = attacks(row.unwrap_or_else(|| panic!("no row for {wall}")));
        for attack in &shown {
            let walls = pressed(attack).unwrap_or_else(|| panic!("there is no {attack}"));
            assert!(walls.iter().any(|one| one == wall), "{attack} doesn't press on {wall}");
        }
        !shown.is_empty()
    };
    Wall::ALL.iter().map(|wall| wall.name()).filter(|wall| !shown(wall)).collect()
}

#[test]
fn security_md_names_every_wall_and_only_attacks_that_are_there() {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let absent: Vec<_> =
        attacks(&text).into_iter().filter(|attack| pressed(attack).is_none()).collect();
    assert!(absent.is_empty(), "attacks that are not in the corpus: {absent:#?}");
    assert_eq!(walls_without_an_attack(&text), Vec::<&str>::new());
}

#[test]
fn the_matrix_has_an_attack_for_every_wall_that_can_be_left_down_alone() {
    let text = fs::read_to_string(root().join("docs/prove.md")).unwrap();
    let (_, table) = text.split_once("| left down |").unwrap();
    let inseparable = ["user_namespace", "pid_namespace", "mount_namespace", "no_new_privs"];
    assert_eq!(walls_without_an_attack(table), inseparable);
}

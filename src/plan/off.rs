//! Walls left down for a test, in a build that can (`--features walls-off`): so it shows which attack each
//! one holds. Any other build has them all.

use std::collections::BTreeSet;

use crate::policy::{UnknownWall, Wall};

/// Whether this build can leave walls down. A release never can.
pub const POSSIBLE: bool = cfg!(feature = "walls-off");

/// Names them, separated by commas.
pub const VARIABLE: &str = "CODEMODE_WALLS_OFF";

/// Those that can't be left down alone, and why.
const INSEPARABLE: [(Wall, &str); 4] = [
    (
        Wall::UserNamespace,
        "every other namespace and mount of a run is made by the rights that it gives",
    ),
    (
        Wall::PidNamespace,
        "the end of its first process is what ends all of a run, and its /proc shows nothing else",
    ),
    (
        Wall::MountNamespace,
        "scratch and /proc of a run are mounted in it, and would be mounted over all runs'",
    ),
    (
        Wall::NoNewPrivs,
        "the kernel takes neither a seccomp filter nor a Landlock ruleset without it",
    ),
];

/// Walls that can't be left down as they were named.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OffError {
    /// No wall has that name.
    #[error("{VARIABLE}: {0}")]
    Unknown(#[from] UnknownWall),
    /// Others would fall with it.
    #[error("{VARIABLE}: {0} can't be left down alone: {1}")]
    Inseparable(Wall, &'static str),
}

/// The walls to leave down.
///
/// # Errors
/// [`OffError`].
pub fn walls() -> Result<BTreeSet<Wall>, OffError> {
    if !POSSIBLE {
        return Ok(BTreeSet::new());
    }
    let names = std::env::var(VARIABLE).unwrap_or_default();
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    let walls: BTreeSet<Wall> = names.map(str::parse).collect::<Result<_, _>>()?;
    match INSEPARABLE.into_iter().find(|(wall, _)| walls.contains(wall)) {
        Some((wall, why)) => Err(OffError::Inseparable(wall, why)),
        None => Ok(walls),
    }
}

#[cfg(all(test, not(feature = "walls-off")))]
mod tests {
    use super::*;

    #[test]
    fn no_build_but_one_for_tests_leaves_a_wall_down() {
        assert!(!POSSIBLE && walls().unwrap().is_empty());
    }
}

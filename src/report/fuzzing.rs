//! What holds of a verdict, whatever the launcher and the guest say.

use super::{Verdict, report};
use crate::policy::Limits;
use crate::sandbox::enforced::Profile;
use crate::sandbox::messages::Event;
use crate::supervise::{Done, Observed};

/// The bytes as the message of a launcher; the guest claims to have met a limit.
pub fn verdict(bytes: &[u8]) {
    let Ok(Event::Ended { end, .. }) = serde_json::from_slice(bytes) else { return };
    let silent =
        Observed { end: Some(end.clone()), done: Some(Done::default()), ..Observed::default() };
    let silent = judged(&silent);
    let errnos = [libc::EMFILE, libc::ENOSPC, libc::EAGAIN, libc::ENOMEM];
    for errno in errnos.map(Some).into_iter().chain([None]) {
        let done = Done { errno, ..Done::default() };
        let mut observed =
            Observed { end: Some(end.clone()), done: Some(done), ..Observed::default() };
        // Without a reading the guest's claim decides nothing.
        assert_eq!(judged(&observed), silent);
        observed.look = Some(end.readings.clone());
        judged(&observed);
    }
}

fn judged(observed: &Observed) -> Verdict {
    let profile = Profile { privileged: false, walls: Vec::new(), processors: Vec::new() };
    let report = report(observed, &Limits::default(), &profile);
    assert!(report.evidence.len() < 1000, "{}", report.evidence);
    for time in [report.usage.cpu_ms, report.usage.user_ms, report.usage.system_ms] {
        assert!(time.is_finite() && time >= 0.0);
    }
    report.verdict
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_kept_inputs_hold() {
        crate::fuzzing::replay("launcher", super::verdict);
    }
}

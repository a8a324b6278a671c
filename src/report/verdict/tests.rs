use std::time::Duration;

use super::*;
use crate::supervise::Done;

fn end(status: Status) -> End {
    End {
        status,
        killed_for: None,
        readings: Readings::default(),
        user_time: Duration::ZERO,
        system_time: Duration::ZERO,
        max_rss: 0,
        exec_refusals: 0,
        outputs: None,
    }
}

fn observed(end: End) -> Observed {
    Observed { end: Some(Box::new(end)), ..Observed::default() }
}

fn verdict(observed: &Observed) -> Verdict {
    judge(observed, &Limits::default()).0
}

fn failed_with(errno: i32, look: Readings) -> Observed {
    let mut observed = observed(end(Status::Exited(1)));
    observed.done = Some(Done { ok: false, errno: Some(errno), ..Done::default() });
    observed.look = Some(look);
    observed
}

#[test]
fn plain_ends() {
    assert_eq!(verdict(&observed(end(Status::Exited(0)))), Verdict::Ok);
    assert_eq!(verdict(&observed(end(Status::Exited(3)))), Verdict::ExitCode);
    assert_eq!(verdict(&observed(end(Status::Signaled(11)))), Verdict::Signal);
    assert_eq!(verdict(&observed(end(Status::Killed))), Verdict::SandboxFault);
    let mut raised = observed(end(Status::Exited(1)));
    raised.done = Some(Done::default());
    assert_eq!(verdict(&raised), Verdict::Exception);
}

#[test]
fn the_kernels_counters_outrank_the_guests_word() {
    let mut killed = end(Status::Signaled(9));
    killed.readings.oom_kills = Some(1);
    let mut seen = observed(killed);
    seen.done = Some(Done { ok: true, ..Done::default() });
    assert_eq!(verdict(&seen), Verdict::MemoryLimit);
}

#[test]
fn a_claim_without_a_reading_is_an_exception() {
    let nothing = Readings { scratch: Some((4096, 8192)), ..Readings::default() };
    for errno in [libc::EMFILE, libc::ENOSPC, libc::EAGAIN, libc::ENOMEM] {
        assert_eq!(verdict(&failed_with(errno, nothing.clone())), Verdict::Exception);
    }
}

#[test]
fn a_claim_with_its_reading_is_the_limits_verdict() {
    let limits = Limits::default();
    let full = Readings { scratch: Some((0, 8192)), ..Readings::default() };
    assert_eq!(verdict(&failed_with(libc::ENOSPC, full)), Verdict::ScratchLimit);
    let open = Readings { open_files: Some(limits.open_files.into()), ..Readings::default() };
    assert_eq!(verdict(&failed_with(libc::EMFILE, open)), Verdict::OpenFilesLimit);
    let many = Readings { processes: Some(u64::from(limits.processes) + 1), ..Readings::default() };
    assert_eq!(verdict(&failed_with(libc::EAGAIN, many)), Verdict::ProcessLimit);
}

#[test]
fn processes_that_only_a_later_reading_saw_count() {
    let limit = u64::from(Limits::default().processes);
    let peaked = |look: Option<Readings>, peak| {
        let mut observed = failed_with(libc::EAGAIN, Readings::default());
        observed.look = look;
        observed.end.as_mut().unwrap().readings.processes_peak = Some(peak);
        verdict(&observed)
    };
    for look in [Some(Readings::default()), None] {
        assert_eq!(peaked(look.clone(), limit + 1), Verdict::ProcessLimit);
        assert_eq!(peaked(look, limit), Verdict::Exception);
    }
}

#[test]
fn signals_of_limits() {
    let mut cpu = end(Status::Signaled(libc::SIGXCPU));
    assert_eq!(verdict(&observed(cpu.clone())), Verdict::Signal);
    cpu.readings.cpu = Some(Limits::default().cpu_time);
    assert_eq!(verdict(&observed(cpu)), Verdict::CpuLimit);
    let file = observed(end(Status::Signaled(libc::SIGXFSZ)));
    assert_eq!(verdict(&file), Verdict::FileSizeLimit);
}

#[test]
fn refused_processes_are_no_matter_to_a_run_that_succeeds() {
    let refused = |status| {
        let mut end = end(status);
        end.readings.process_refusals = Some(2);
        verdict(&observed(end))
    };
    assert_eq!(refused(Status::Exited(0)), Verdict::Ok);
    assert_eq!(refused(Status::Exited(1)), Verdict::ProcessLimit);
}

#[test]
fn cut_output_is_said_even_of_a_run_that_succeeds() {
    let mut cut = observed(end(Status::Exited(0)));
    cut.stderr.cut = 1;
    assert_eq!(verdict(&cut), Verdict::OutputLimit);
}

#[test]
fn a_fault_of_ours_is_never_the_programs() {
    let mut fault = observed(end(Status::Exited(1)));
    fault.fault = Some("launcher".into());
    assert_eq!(verdict(&fault), Verdict::SandboxFault);
}

#[test]
fn a_verdict_has_one_name_everywhere() {
    for verdict in Verdict::ALL {
        assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.name());
    }
    let names: std::collections::BTreeSet<_> = Verdict::ALL.map(Verdict::name).into();
    assert_eq!(names.len(), Verdict::ALL.len());
}

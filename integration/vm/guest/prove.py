"""The hostile corpus on this kernel, under systemd: as root and in a user's session, fresh and warm."""

import collections
import json
import pathlib

from checks import CODEMODE, KERNEL, USER, call, check, expect, main, told, wait_for

CHECKS = ("root, fresh", "root, warm", "user, fresh", "user, warm")
# Attacks in place of those in the binary, if run.py was given some.
CORPUS = pathlib.Path("/opt/codemode/corpus")


def chosen(who):
    """The attacks to try: all, or every Nth, others for each kernel and each of the checks."""
    corpus = f" --corpus {CORPUS}" if CORPUS.exists() else ""
    every = int(told("every") or 1)
    if every == 1:
        return corpus
    _, listed, _ = call([CODEMODE, "prove", "--list", *corpus.split()])
    names = [line.split()[0] for line in listed.splitlines()]
    # Of eight, two kernels by four checks: the same ones each time, and each its own.
    offset = (2 * CHECKS.index(who) + KERNEL[1] % 2) * every // 8
    return corpus + "".join(f" --case {name}" for name in names[offset::every])


def prove(who, begin, start):
    command = f"{CODEMODE} prove --json --start {start} --patience {told('patience') or 1}{chosen(who)}"
    # The machine's own: the attacks together may take as long as it does.
    status, out, err = call(begin(command), patience=int(told("deadline")))
    try:
        results = json.loads(out)
    except ValueError:
        expect(f"{who}: prove answers", False, (status, out[-300:], err[-600:]))
        return
    absent = sorted({wall["wall"] for walls in results["walls"] for wall in walls["walls"] if not wall["standing"]})
    print("       walls absent:", absent, flush=True)
    reasons = collections.Counter()
    for attempt in results["attempts"]:
        if attempt["outcome"] == "not_tried":
            reasons[attempt.get("why")] += 1
        elif attempt["outcome"] != "held":
            wrong = [finding for finding in attempt["findings"] if finding["right"] is False]
            print("       BROKEN", attempt["case"], attempt.get("why"), wrong,
                  repr(attempt.get("tail", "")[-400:]), flush=True)
    for why, count in reasons.most_common():
        print(f"       not tried {count}: {why}", flush=True)
    slow = sorted(results["attempts"], key=lambda attempt: -attempt["took_ms"])[:5]
    took = sum(attempt["took_ms"] for attempt in results["attempts"]) / 1000
    print(f"       {len(results['attempts'])} attempts, {took:.0f} s together; slowest:", [(attempt["case"], attempt["took_ms"]) for attempt in slow], flush=True)
    counts = [results[count] for count in ("held", "broken", "not_tried")]
    expect(f"{who}: nothing broke", status == 0 and results["broken"] == 0, counts)
    # A machine with every controller: what can't be tried is the exception.
    expect(f"{who}: three quarters were tried and held", counts[0] * 4 >= sum(counts) * 3 > 0, counts)
    groups = [wall for wall in absent if wall.startswith("cgroup")]
    expect(f"{who}: the walls of control groups stand", not groups, groups)


def as_root(command):
    return command.split()


def in_a_session(command):
    """A login of the user, who has a manager: codemode asks it for delegated groups."""
    call(["loginctl", "enable-linger", "user"])
    bus = pathlib.Path(f"/run/user/{USER}/bus")
    wait_for(bus.exists)
    expect("the user has a manager", bus.exists(), bus)
    return ["su", "-", "user", "-c", command]


@check
def root_fresh():
    prove("root, fresh", as_root, "fresh")


@check
def root_warm():
    prove("root, warm", as_root, "warm")


@check
def user_fresh():
    prove("user, fresh", in_a_session, "fresh")


@check
def user_warm():
    prove("user, warm", in_a_session, "warm")


if __name__ == "__main__":
    main()

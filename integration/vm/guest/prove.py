"""The hostile corpus on this kernel, under systemd: as root and in a user's session, in both starts."""

import collections
import json
import pathlib

from checks import CODEMODE, USER, call, check, expect, main, wait_for

STARTS = ("fresh", "warm")
# Longer than all cases together take in emulation.
PATIENCE = 900


def prove(who, begin):
    status, out, err = call(begin(f"{CODEMODE} prove --json"), patience=PATIENCE)
    try:
        results = json.loads(out)
    except ValueError:
        expect(f"{who}: prove answers", False, (status, out[-300:], err[-600:]))
        return
    absent = [wall["wall"] for start in results["walls"] for wall in start["walls"] if not wall["standing"]]
    print("       walls absent:", sorted(set(absent)), flush=True)
    reasons = collections.Counter()
    for attempt in results["attempts"]:
        if attempt["outcome"] == "not_tried":
            reasons[attempt.get("why")] += 1
        elif attempt["outcome"] != "held":
            wrong = [finding for finding in attempt["findings"] if finding["right"] is False]
            print("       BROKEN", attempt["case"], attempt["start"], attempt.get("why"), wrong,
                  repr(attempt.get("tail", "")[-400:]), flush=True)
    for why, count in reasons.most_common():
        print(f"       not tried {count}: {why}", flush=True)
    slow = sorted(results["attempts"], key=lambda attempt: -attempt["took_ms"])[:5]
    print("       slowest:", [(attempt["case"], attempt["took_ms"]) for attempt in slow], flush=True)
    expect(f"{who}: nothing broke", status == 0 and results["broken"] == 0,
           [results[count] for count in ("held", "broken", "not_tried")])
    for start in STARTS:
        tried = [a for a in results["attempts"] if a["start"] == start]
        held = sum(attempt["outcome"] == "held" for attempt in tried)
        # A machine with every controller: what can't be tried is the exception.
        expect(f"{who}, {start}: three quarters were tried and held", held * 4 >= len(tried) * 3 > 0,
               (held, len(tried)))
    groups = [wall for wall in absent if wall.startswith("cgroup")]
    expect(f"{who}: the walls of control groups stand", not groups, groups)


@check
def corpus_as_root():
    prove("root", lambda command: command.split())


@check
def corpus_in_a_users_session():
    call(["loginctl", "enable-linger", "user"])
    bus = pathlib.Path(f"/run/user/{USER}/bus")
    wait_for(bus.exists)
    expect("the user has a manager", bus.exists(), bus)
    prove("user", lambda command: ["su", "-", "user", "-c", command])


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Runs tests that others wrote outside and inside a sandbox: each must fare in as it fares out.

    compare.py stdlib   --binary CODEMODE [--python PYTHON] [--full] [MODULE...]
    compare.py packages --binary CODEMODE --python VENV/bin/python [PACKAGE...]

Exits with 0 only if every difference is listed in differences.txt, and every listed test that ran differs.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import time
from dataclasses import dataclass

import lists
import sides

HERE = pathlib.Path(__file__).resolve().parent
OUTCOMES = ("passed", "failed", "skipped")


def ask(python, code):
    """What an interpreter prints, run as the tests outside are."""
    command = [str(python), "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", **sides.ordinary())
    return done.stdout.strip() if done.returncode == 0 else None


def jobs(args, version):
    """(name, program, words, starts) of all that is to be run."""
    if args.what == "packages":
        found = [(words[0], words[1:]) for _, words in lists.lines(HERE / "packages.txt")]
        starts = args.start or ["fresh"]
        return [(name, "packages.py", words, starts) for name, words in found if not args.names or name in args.names]
    marks = lists.modules(HERE / "modules.txt")
    starts = lambda name: args.start or ["fresh", *["warm"] * ("both" in marks.get(name, []))]
    names = args.names or [name for name in marks if args.full or "full" not in marks[name]]
    present = "import test, os; print(*os.listdir(os.path.dirname(test.__file__)))"
    there = {name.removesuffix(".py") for name in (ask(args.python, present) or "").split()}
    if "test_int" not in there:
        sys.exit(f"compare.py: {args.python} has no `test` package that an ordinary user can read: "
                 f"apt-get install libpython{version}-testsuite, or name another --python")
    absent = [name for name in names if name.split(".")[0] not in there]
    for name in absent:
        print(f"skipped: {name}: Python {version} has no such module", flush=True)
    return [(name, "stdlib.py", [name, *lists.left_out(marks.get(name, []))], starts(name)) for name in names if name not in absent]


@dataclass
class Judged:
    """A program's tests in one start: what was counted, and what is wrong with it."""

    outside: sides.Side
    inside: sides.Side
    differ: int
    wrong: list


def differing(out, into):
    """Test → its outcomes outside and inside, where these are not the same."""
    names = out.outcomes.keys() | into.outcomes.keys()
    pairs = {name: (out.outcomes.get(name, "absent"), into.outcomes.get(name, "absent")) for name in names}
    return {name: pair for name, pair in sorted(pairs.items()) if pair[0] != pair[1]}


def unlisted(known, out, into):
    """What is wrong, as lines."""
    lines = []
    for test, (before, after) in differing(out, into).items():
        if not any(entry.matches(test) for entry in known):
            why = (into.why.get(test) or out.why.get(test, "")).strip()[-500:]
            lines.append(f"{test}: outside {before}, inside {after}\n        {why}")
    lines += [f"{where} it was cut short: {side.cut}" for where, side in (("outside", out), ("inside", into)) if side.cut]
    return lines if out.outcomes else [*lines, "no test ran outside: this compares nothing"]


def judge(args, job, known, circumstances):
    """Runs a program outside once, and inside in each start."""
    name, program, words, starts = job
    program = HERE / "programs" / program
    outside = lambda: sides.outside(args.python, program, words)
    inside = lambda start: sides.inside(args.binary, args.python, program, words, start, args.commands)
    out = outside()
    results = []
    for start in starts:
        begun = time.monotonic()
        here = [entry for entry in known if entry.holds(circumstances | {start})]
        into = inside(start)
        wrong = unlisted(here, out, into)
        if wrong and not args.once:
            # Some tests measure time, and this machine may be busy: a difference has to be there twice.
            out, into = outside(), inside(start)
            before, wrong = wrong, unlisted(here, out, into)
            if not wrong:
                print(f"note: {name} ({start}) differed once and not again: {before}", flush=True)
        found = differing(out, into)
        for entry in here:
            tests = {test for test in out.outcomes.keys() | into.outcomes.keys() if entry.matches(test)}
            entry.differing |= tests & found.keys()
            # One that fails or is skipped outside too lacks something of this machine, which tells nothing.
            entry.alike |= {test for test in tests - found.keys() if out.outcomes[test] == "passed"}
        record(args, start, out, into, found)
        counts = " ".join(f"{out.count(outcome)}/{into.count(outcome)}" for outcome in OUTCOMES)
        print(f"{'FAIL' if wrong else 'ok  '} {name} ({start}): {'|'.join(OUTCOMES)} outside/inside {counts}; "
              f"{len(found)} differ ({time.monotonic() - begun:.1f} s)", flush=True)
        results.append(Judged(out, into, len(found), [f"{name} ({start}): {line}" for line in wrong]))
    return results


def record(args, start, out, into, found):
    if args.record:
        with args.record.open("a") as file:
            for test, pair in found.items():
                why = into.why.get(test, "") or out.why.get(test, "")
                file.write(json.dumps([test, start, *pair, why]) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["stdlib", "packages"])
    parser.add_argument("names", nargs="*", help="only these modules or packages")
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--python", type=pathlib.Path, default=pathlib.Path("/usr/bin/python3"))
    parser.add_argument("--start", action="append", choices=["fresh", "warm"], help="as modules.txt says")
    parser.add_argument("--full", action="store_true", help="also the modules that are marked `full`")
    parser.add_argument("--commands", action="store_true", help="inside, programs may start programs")
    parser.add_argument("--once", action="store_true", help="believe a difference that was seen once")
    parser.add_argument("--record", type=pathlib.Path, help="add what differs to this file, as JSON")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_intermixed_args()
    version = ask(args.python, "import sys; print('%d.%d' % sys.version_info[:2])")
    if version is None:
        sys.exit(f"compare.py: an ordinary user can't start {args.python}: name an interpreter that all may read")
    known = lists.differences(HERE / "differences.txt")
    circumstances = {version, "root" if os.geteuid() == 0 else "ordinary", "open" if args.commands else "closed"}
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        judged = pool.map(lambda job: judge(args, job, known, circumstances), jobs(args, version))
        results = [result for of_one in judged for result in of_one]
    wrong = [line for result in results for line in result.wrong]
    for entry in known:
        for test in sorted(entry.alike):
            wrong.append(f"{entry.where}: {test} is listed ({entry.reason}) and does not differ: take it out")
    print(f"Python {version}: {len(results)} runs in {time.monotonic() - begun:.0f} s")
    for side in ("outside", "inside"):
        totals = [f"{sum(getattr(r, side).count(outcome) for r in results)} {outcome}" for outcome in OUTCOMES]
        print(f"  {side}: {', '.join(totals)}")
    print(f"  {sum(result.differ for result in results)} differ; {len(wrong)} wrong")
    print("\n".join(f"    {line}" for line in wrong))
    return 1 if wrong or not results else 0


if __name__ == "__main__":
    sys.exit(main())

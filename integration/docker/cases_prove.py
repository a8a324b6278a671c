"""The attacks of the corpus inside the hardened container: what is tried there is held, and what can't be is said.

The whole corpus takes minutes with one processor; `CODEMODE_TEST_PROVE_ALL=1` tries it, in place of some families.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager

from container import HARDENED
from harness import case, check, equal
from site_under_test import the_site

FAMILIES = ["--family", "information,files,privilege"]
ALL = bool(os.environ.get("CODEMODE_TEST_PROVE_ALL"))
# What no container without a capability and with one user id can have.
MISSING = ["distinct_uid", "cgroup_memory", "cgroup_pids", "cgroup_cpu"]


@contextmanager
def site():
    yield the_site()


def prove(w, *more: str, tier: list[str]) -> dict:
    flags = [*HARDENED, *w.seccomp, *tier]
    chosen = [] if ALL else FAMILIES
    code, out, err = w.once(flags, "prove", "--json", *chosen, *more, timeout=900 if ALL else 170)
    check(out.startswith("{"), f"no results: exit code {code}\n{err[-2000:]}")
    report = json.loads(out)
    count = {outcome: report[outcome] for outcome in ("held", "broken", "not_tried")}
    print(f"     {count}", flush=True)
    broken = [one for one in report["attempts"] if one["outcome"] == "broken"]
    told = [f"{one['case']} ({one['start']}): {one['why']}" for one in broken]
    check(not broken, "\n".join(told))
    equal(code, 0, "exit code")
    return report


def standing(report: dict) -> dict[str, bool]:
    (fresh,) = [one for one in report["walls"] if one["start"] == "fresh"]
    return {wall["wall"]: wall["standing"] for wall in fresh["walls"]}


def said(report: dict) -> dict[str, str]:
    """Why each attack that was not tried was not; each must have a reason."""
    untried = {one["case"]: one for one in report["attempts"] if one["outcome"] == "not_tried"}
    for name, one in untried.items():
        check(one.get("why"), f"{name} was not tried, and nobody says why")
    return {name: one["why"] for name, one in untried.items()}


@case(site, timeout=1000 if ALL else 200)
def every_attack_in_the_first_tier_is_held_and_the_missing_walls_are_named(w):
    report = prove(w, "--start", "fresh", tier=["--security-opt", "systempaths=unconfined"])
    walls = standing(report)
    equal(sorted(name for name, stands in walls.items() if not stands), sorted(MISSING), "missing")
    reasons = said(report)
    for wall in MISSING:
        check(f"{wall} does not stand here" in reasons[f"privilege/own_{wall}"], str(reasons))
    check(report["held"] > 5 * report["not_tried"], "hardly anything was tried")


@case(site, timeout=1000 if ALL else 200)
def without_a_proc_of_its_own_what_it_would_show_is_held_as_well(w):
    report = prove(w, "--start", "fresh", "--wall", "proc", tier=[])
    check(not standing(report)["proc"], "/proc is said to stand")
    check("proc does not stand here" in said(report)["information/own_proc"], "own_proc was tried")

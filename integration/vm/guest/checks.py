"""What the checks of both machines share: running codemode, and saying what was expected and seen."""

import json
import os
import pathlib
import subprocess
import time
import traceback

CODEMODE = "/opt/codemode/codemode"
CGROUPS = pathlib.Path("/sys/fs/cgroup")
USER = 1000
KERNEL = tuple(int(part) for part in os.uname().release.split(".")[:2])
CGROUP_WALLS = ("cgroup_memory", "cgroup_pids", "cgroup_cpu")

_checks = []
_failures = []


def check(function):
    """Registers a check; it runs in the order of the file."""
    _checks.append(function)
    return function


def expect(what, condition, seen):
    word = "ok  " if condition else "FAIL"
    print(f"  {word} {what} | seen: {seen}", flush=True)
    if not condition:
        _failures.append(what)


def told(name):
    """What run.py says of `name` on the kernel's command line."""
    words = pathlib.Path("/proc/cmdline").read_text().split()
    return next((word.split("=", 1)[1] for word in words if word.startswith(f"codemode.{name}=")), "")


def main():
    only = told("only")
    for function in _checks:
        if not any(part in function.__name__ for part in only.split(",")):
            continue
        print(f"== {function.__name__.replace('_', ' ')}", flush=True)
        begun = time.monotonic()
        try:
            function()
        except Exception:
            _failures.append(function.__name__)
            traceback.print_exc()
        print(f"  ({time.monotonic() - begun:.1f} s)", flush=True)
    print(f"FAILED: {_failures}" if _failures else "ALL CHECKS PASSED", flush=True)


def call(command, user=None, group=None, patience=120, prefix=()):
    """Runs a command, in the control group `group`, as `user`: (code, output, errors)."""
    as_user = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    enter = [] if group is None else ["sh", "-c", f'echo 0 >{group}/cgroup.procs && exec "$@"', "sh"]
    if user is not None and group is not None:
        # Root enters the group, then becomes the user.
        enter += ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        as_user = {}
    done = subprocess.run(
        [*enter, *prefix, *command], capture_output=True, text=True, timeout=patience,
        stdin=subprocess.DEVNULL, cwd="/", **as_user,
    )
    return done.returncode, done.stdout, done.stderr


def wait_for(condition, patience=60):
    """Waits until it holds; whoever asks looks again."""
    deadline = time.monotonic() + patience
    while not (held := condition()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return held


def program(code):
    path = pathlib.Path(f"/tmp/program-{abs(hash(code))}.py")
    path.write_text(code)
    path.chmod(0o644)
    return str(path)


def run(code, *flags, **how):
    """A run's report."""
    status, out, err = call([CODEMODE, "run", "--json", *flags, program(code)], **how)
    try:
        report = json.loads(out)
    except ValueError:
        raise AssertionError(f"no report: exit {status}, {out!r}, {err!r}") from None
    report["status"] = status
    report["errors"] = err
    return report


def brief(report):
    usage = report["usage"]
    keep = {k: usage[k] for k in ("memory_peak", "memory_anon", "memory_file", "processes_peak",
                                  "scratch_bytes", "cpu_ms", "wall_ms", "start_ms")}
    return {"verdict": report["verdict"], "evidence": report["evidence"],
            "signal": report["signal"], "stdout": report["stdout"][:200],
            "stderr": report["stderr"][-200:], **keep}


def call_for_json(command, **how):
    """(exit code, what stood on stdout or None, what stood on stderr)."""
    status, out, err = call(command, **how)
    return status, json.loads(out) if out.strip() else None, err


def doctor(**how):
    return call_for_json([CODEMODE, "doctor", "--json"], **how)


def walls(report):
    return {wall["wall"]: wall for wall in report["walls"]}


def say_walls(report, only=None):
    for name, wall in walls(report).items():
        if only is None or name in only:
            state = "stands" if wall["standing"] else "absent"
            print(f"       {name:<18} {state} {wall['how']}"
                  + (f" [fix: {wall.get('fix')}]" if wall.get("fix") else ""), flush=True)


def expect_v2(report, what):
    found = {name: walls(report)[name] for name in CGROUP_WALLS}
    seen = {name: wall["how"] if wall["standing"] else f"ABSENT {wall}" for name, wall in found.items()}
    good = all(wall["standing"] and wall["how"].startswith("cgroup v2") for wall in found.values())
    expect(f"{what}: cgroup v2 walls stand", good, seen)


def groups_below(place=CGROUPS):
    """Every group there, those that end meanwhile passed over."""
    return [pathlib.Path(path) for path, _, _ in os.walk(place)]


def groups():
    """Groups of ours, anywhere; not codemode-check.service, which is us."""
    return [str(path) for path in groups_below()
            if path.name.startswith(("codemode-", "run-")) and path.suffix != ".service"]


def expect_clean(what):
    wait_for(lambda: not groups(), 20)
    expect(f"{what}: no control group is left", not groups(), groups())


def delegated(name, owner=0):
    """A group made ready as a service manager does it."""
    (CGROUPS / "cgroup.subtree_control").write_text("+memory +pids +cpu")
    group = CGROUPS / name
    group.mkdir()
    for path in (group, *(group / f for f in ("cgroup.procs", "cgroup.subtree_control", "cgroup.threads"))):
        os.chown(path, owner, owner)
    return group


def remove(group):
    """Removes a group and those below; says what was below."""
    below = sorted((p for p in group.rglob("*") if p.is_dir()), key=lambda p: -len(p.parts))
    for path in (*below, group):
        for _ in range(50):
            try:
                path.rmdir()
                break
            except OSError:
                time.sleep(0.1)
    return [str(path.relative_to(group)) for path in below]

"""What a kernel has or has switched off, and what codemode says of it: user namespaces, Landlock, quotas,
groups that somebody else stops or ends. Imported by plain.py, which runs all checks."""

import contextlib
import json
import pathlib
import subprocess
import time

from checks import (CODEMODE, KERNEL, USER, brief, call, check, delegated, doctor, expect, expect_clean,
                    groups, program, remove, run, wait_for, walls)

USER_NAMESPACES = pathlib.Path("/proc/sys/user/max_user_namespaces")
DEBIAN_SWITCH = pathlib.Path("/proc/sys/kernel/unprivileged_userns_clone")


@contextlib.contextmanager
def switched_off(switch):
    before = switch.read_text()
    switch.write_text("0")
    try:
        yield
    finally:
        switch.write_text(before)


def expect_refused(who, user, name):
    """Doctor and a run are refused, with the switch to turn; accepting less is said to be a way."""
    status, report, err = doctor(user=user)
    why = (report or {}).get("refused") or err
    expect(f"{who}: doctor exits 1 and names the switch", status == 1 and name in why, (status, why))
    status, out, err = call([CODEMODE, "run", program("print('hello')")], user=user)
    expect(f"{who}: run exits 125 and names the switch", status == 125 and name in err and not out,
           (status, out, err))


def expect_confined(name):
    """The user accepts tier container: the run goes on, and no namespace is said to stand."""
    secret = pathlib.Path("/tmp/secret")
    secret.write_text("a secret")
    secret.chmod(0o644)
    code = f"""
import os, socket
def tried(what):
    try: what(); print('did it')
    except OSError as error: print(error.errno)
tried(lambda: open('{secret}'))
tried(lambda: open('/tmp/left', 'w'))
tried(socket.socket)
tried(os.fork)
print(sum(range(10)))
"""
    report = run(code, "--accept-tier", "container", user=USER)
    seen = (brief(report), report["errors"])
    lines = report["stdout"].split()
    expect("tier container: a run goes on and can do none of it", report["verdict"] == "ok"
           and lines[-1:] == ["45"] and "did" not in lines and len(lines) == 5, seen)
    expect("nothing was written", not pathlib.Path("/tmp/left").exists(), "")
    found = walls(report)
    absent = [wall for wall in found if wall.endswith("namespace") and not found[wall]["standing"]]
    fixes = [found[wall].get("fix") or "" for wall in absent]
    expect("its walls are named: no namespace, with the switch", len(absent) == 7
           and all(name in fix for fix in fixes), (absent, fixes[:1]))
    stands = [wall for wall in ("landlock", "seccomp", "capabilities") if found[wall]["standing"]]
    expect("Landlock, seccomp and no capability stand", len(stands) == 3, stands)
    status, _, err = call([CODEMODE, "run", "--accept-tier", "container", "--require", "user_namespace",
                           program("pass")], user=USER)
    expect("who requires a namespace is refused", status == 125 and "user_namespace" in err, (status, err))


@check
def no_user_namespaces():
    with switched_off(USER_NAMESPACES):
        expect_refused("user", USER, "user.max_user_namespaces")
        expect_refused("root", None, "user.max_user_namespaces")
        expect_confined("user.max_user_namespaces")
    report = run("print('hello')", user=USER)
    expect("switched on again, it runs", report["verdict"] == "ok", brief(report))
    expect_clean("after refusals")


@check
def no_user_namespaces_for_ordinary_users():
    with switched_off(DEBIAN_SWITCH):
        expect_refused("user", USER, "kernel.unprivileged_userns_clone")
        # Root too: its launcher gives away what would exempt it.
        expect_refused("root", None, "kernel.unprivileged_userns_clone")
        expect_confined("kernel.unprivileged_userns_clone")


@check
def landlock_is_what_this_kernel_has():
    status, report, err = doctor()
    found = walls(report)
    expect("landlock stands", found["landlock"]["standing"], found["landlock"])
    for wall, since in (("landlock_network", (6, 7)), ("landlock_scope", (6, 12))):
        needed = f"Linux {since[0]}.{since[1]}"
        expect(f"{wall} stands from {needed} on", found[wall]["standing"] == (KERNEL >= since), found[wall])
        status, out, err = call([CODEMODE, "run", "--require", wall, program("print('hello')")])
        if KERNEL >= since:
            expect(f"{wall}: who requires it is served", (status, out) == (0, "hello\n"), (status, err))
            continue
        told = found[wall]["how"] + (found[wall].get("fix") or "")
        expect(f"{wall}: its absence names ABI and cure", "ABI" in told and needed in told, told)
        expect(f"{wall}: who requires it is refused with the cure", status == 125 and not out
               and needed in err, (status, err))


@check
def memory_below_the_limit():
    """The control of every verdict of memory: the same program ends well with room enough."""
    fill = "b = [bytearray(1 << 20) for _ in range(90)]\nprint(len(b))"
    report = run(fill, "--memory", "192M")
    expect("90 MiB fit into 192", (report["verdict"], report["stdout"]) == ("ok", "90\n"), brief(report))
    report = run(fill, "--memory", "64M")
    expect("and not into 64", report["verdict"] == "memory_limit", brief(report))


@check
def below_a_quota_of_processor_time():
    """codemode sets no cpu.max of its own (it counts); it must be right below one."""
    spin = "while True: pass"
    free = run(spin, "--timeout", "4")
    group = delegated("quota")
    (group / "cpu.max").write_text("20000 100000")
    held = run(spin, "--timeout", "4", group=group)
    stat = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
    expect("timeout, free or held", free["verdict"] == held["verdict"] == "timeout", (brief(free), brief(held)))
    expect("it was held", held["usage"]["cpu_ms"] * 2 < free["usage"]["cpu_ms"] and int(stat["nr_throttled"]) > 0,
           (held["usage"]["cpu_ms"], free["usage"]["cpu_ms"], stat))
    report = run(spin, "--cpu-time", "1", "--timeout", "60", group=group / "service")
    expect("CPU time and not the clock ends it", report["verdict"] == "cpu_limit"
           and report["usage"]["cpu_ms"] < 2500, brief(report))
    remove(group)


def begin(code, *flags):
    """A run under way: its process, and its group once the program says that it runs."""
    done = {path for path in groups() if "/run-" in path}
    front = subprocess.Popen([CODEMODE, "run", "--json", *flags, program(code)], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    new = lambda: [path for path in groups() if "/run-" in path and path not in done]
    wait_for(lambda: any((pathlib.Path(p) / "pids.current").read_text().strip() == "2" for p in new()))
    time.sleep(1)
    return front, pathlib.Path(new()[0])


@check
def a_group_that_somebody_kills():
    """cgroup.kill, as a service manager does it: told as what it is, and nothing is left."""
    front, group = begin("import time; time.sleep(60)")
    (group / "cgroup.kill").write_text("1")
    out, err = front.communicate(timeout=60)
    expect("a run that somebody else killed is a fault, and not the program's", front.returncode == 125
           and json.loads(out)["verdict"] == "sandbox_fault", (front.returncode, out[:300], err))
    expect_clean("killed group")


@check
def a_group_that_somebody_freezes():
    """A frozen run can't outstay its time."""
    front, group = begin("import time; time.sleep(60)", "--timeout", "6")
    (group / "cgroup.freeze").write_text("1")
    out, err = front.communicate(timeout=60)
    expect("timeout", json.loads(out)["verdict"] == "timeout" and front.returncode == 124, (front.returncode, out[:300], err))
    expect_clean("frozen group")

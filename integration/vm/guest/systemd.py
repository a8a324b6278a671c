"""Checks under systemd: whom codemode asks for a delegated scope, and that it gets one."""

import json
import pathlib
import subprocess
import time

from checks import (CGROUP_WALLS, CGROUPS, CODEMODE, USER, brief, call, check, doctor, expect,
                    expect_v2, groups, groups_below, main, program, run, say_walls, wait_for)
import unit  # noqa: F401 (registers its checks)

BUS = f"/run/user/{USER}"


def scopes():
    return sorted(str(p.relative_to(CGROUPS)) for p in groups_below()
                  if p.name.startswith("codemode-") and p.suffix == ".scope")


def expect_no_scope(what):
    wait_for(lambda: not scopes() and not groups(), 10)
    expect(f"{what}: no scope or group is left", not scopes() and not groups(), (scopes(), groups()))


def doctor_through(command, what, **how):
    """`codemode doctor` started by another program."""
    status, out, err = call([*command, CODEMODE, "doctor", "--json"], **how)
    start = out.find("{")
    try:
        report = json.loads(out[start:])
    except ValueError:
        expect(f"{what}: doctor answers", False, (status, out, err))
        return None
    expect(f"{what}: exit 0 and nothing on stderr", status == 0 and not err.strip(), (status, err, report.get("refused")))
    return report


def login(command):
    """A login of the user, with a session of its own."""
    return ["su", "-", "user", "-c", command]


@check
def the_machine():
    print("      ", pathlib.Path("/proc/self/cgroup").read_text().strip())
    state = call(["systemctl", "is-system-running"])[1].strip()
    print("       system", state, "bus", pathlib.Path("/run/dbus/system_bus_socket").exists())
    offered = (CGROUPS / "cgroup.controllers").read_text().split()
    expect("pure v2 with all controllers", {"memory", "pids", "cpu"} <= set(offered), offered)


@check
def root_in_a_service_asks_the_system_manager():
    report = doctor_through([], "root beside another process")
    if report:
        expect_v2(report, "root beside another process")
        say_walls(report, CGROUP_WALLS)
    expect_no_scope("root")
    report = run("b = []\nwhile True: b.append(bytearray(1 << 20))", "--memory", "64M")
    expect("memory_limit by oom_kill", report["verdict"] == "memory_limit"
           and "oom_kill" in report["evidence"], (brief(report), report["errors"]))
    expect_no_scope("root after a kill")


@check
def root_several_at_once():
    path = program("import time; time.sleep(1); print('x')")
    command = [CODEMODE, "run", "--require", "cgroup_memory", "--timeout", "120", path]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(6)]
    done = [(*p.communicate(timeout=300), p.returncode) for p in runs]
    odd = [d for d in done if d != ("x\n", "", 0)]
    expect("all six answer, each in a scope", not odd, odd[:2])
    expect_no_scope("six")


@check
def root_alone_in_a_service():
    for delegate in ("yes", "no"):
        begin = ["systemd-run", "--quiet", "--pipe", "--wait", "-p", f"Delegate={delegate}"]
        report = doctor_through(begin, f"root alone, Delegate={delegate}")
        if report:
            expect_v2(report, f"root alone, Delegate={delegate}")
    expect_no_scope("alone")


@check
def root_logged_in():
    status, out, err = call(["su", "-", "root", "-c", f"cat /proc/self/cgroup; {CODEMODE} doctor --json"])
    print("       session", out.split("\n", 1)[0], err)
    report = json.loads(out.split("\n", 1)[1])
    expect_v2(report, "root in a session")
    expect_no_scope("session")


@check
def user_without_a_manager():
    status, report, err = doctor(user=USER)
    expect("doctor answers", status == 0, (status, err))
    say_walls(report, CGROUP_WALLS)


def linger():
    """Starts the user's manager."""
    call(["loginctl", "enable-linger", "user"])
    wait_for(pathlib.Path(f"{BUS}/bus").exists)


@check
def user_logged_in_asks_his_own_manager():
    linger()
    expect("the user's bus is there", pathlib.Path(f"{BUS}/bus").exists(), list(pathlib.Path("/run/user").glob("*")))
    offered = (CGROUPS / f"user.slice/user-{USER}.slice/user@{USER}.service/cgroup.controllers").read_text()
    print("       delegated to the user:", offered.strip())
    status, out, err = call(login(f"cat /proc/self/cgroup; {CODEMODE} doctor --json"))
    print("       session", out.split("\n", 1)[0], "| stderr", err)
    report = json.loads(out.split("\n", 1)[1])
    say_walls(report, CGROUP_WALLS)
    for name in CGROUP_WALLS:
        wall = next(w for w in report["walls"] if w["wall"] == name)
        expect(f"a user's session: {name} stands", wall["standing"] and "v2" in wall["how"], wall)
    expect_no_scope("a user's session")
    path = program("b = []\nwhile True: b.append(bytearray(1 << 20))")
    status, out, err = call(login(f"{CODEMODE} run --json --memory 64M {path}"))
    report = json.loads(out)
    expect("memory_limit by oom_kill", "oom_kill" in report["evidence"], (brief(report), err))
    expect_no_scope("a user's session, after a kill")


@check
def user_by_systemd_run():
    variables = f"XDG_RUNTIME_DIR={BUS} DBUS_SESSION_BUS_ADDRESS=unix:path={BUS}/bus"
    for what in ("--scope -p Delegate=yes", "--pipe --wait -p Delegate=yes", "--pipe --wait"):
        status, out, err = call(login(f"env {variables} systemd-run --user --quiet {what} {CODEMODE} doctor --json"))
        try:
            report = json.loads(out)
        except ValueError:
            expect(f"systemd-run --user {what}: doctor answers", False, (status, out, err))
            continue
        expect_v2(report, f"systemd-run --user {what}")
        expect(f"systemd-run --user {what}: exit 0", status == 0, (status, err))
    expect_no_scope("systemd-run")


@check
def user_from_a_service_of_the_system():
    """As a web server's worker would: no session, but a manager."""
    status, report, err = doctor(user=USER)
    print("       stderr", err)
    expect("doctor answers", status == 0, status)
    say_walls(report, CGROUP_WALLS)


@check
def a_killed_codemode_leaves_no_scope():
    path = program("import time; time.sleep(60)")
    for how in ([], ["su", "-", "user", "-c"]):
        command = [CODEMODE, "run", path]
        front = subprocess.Popen([*how, " ".join(command)] if how else command)
        wait_for(lambda: any("run-" in group for group in groups()))
        time.sleep(2)
        print("       ", groups(), flush=True)
        for scope in scopes():
            (CGROUPS / scope / "cgroup.kill").write_text("1")
        front.wait(30)
        expect_no_scope("killed")
    failed = call(["systemctl", "--failed", "--no-legend", "--plain"])[1]
    expect("no unit of ours failed", "codemode" not in failed, failed)


@check
def a_service_outlives_its_runs():
    """A run killed for memory must not make systemd stop the service (OOMPolicy)."""
    hog = program("b = []\nwhile True: b.append(bytearray(1 << 20))")
    for delegate in ("yes", "no"):
        unit = f"sidecar-{delegate}"
        begin = ["systemd-run", "--quiet", f"--unit={unit}", "-p", f"Delegate={delegate}",
                 "-E", "CODEMODE_API_KEY=secret", "-E", "MAIN_APP_GRPC_TARGET=localhost:50051"]
        print("       ", call([*begin, CODEMODE, "serve"]))
        wait_for(lambda: any("run-" in group for group in groups()), 20)
        time.sleep(2)
        base = next((p for p in groups_below() if p.name == "codemode-0"), None)
        print("        base", base, "service", call(["systemctl", "is-active", unit])[1].strip(), flush=True)
        # What a run is for systemd: a group below the service's.
        call(["systemctl", "daemon-reload"], patience=60)
        time.sleep(1)
        print("        enabled after a reload:", (base.parent / "cgroup.subtree_control").read_text().strip(),
              "|", (base / "cgroup.subtree_control").read_text().strip(), flush=True)
        stand_in = base / "run-test"
        stand_in.mkdir()
        (stand_in / "memory.max").write_text("33554432")
        (stand_in / "memory.oom.group").write_text("1")
        status, _, _ = call(["python3", hog], group=stand_in)
        expect("the stand-in was killed", status == -9 or status == 137, status)
        for _ in range(50):
            try:
                stand_in.rmdir()
                break
            except OSError:
                time.sleep(0.1)
        time.sleep(3)
        state = call(["systemctl", "show", unit, "-p", "ActiveState,Result,OOMPolicy,ControlGroup"])[1].split()
        expect(f"Delegate={delegate}: the service is still active", "ActiveState=active" in state, state)
        call(["systemctl", "stop", unit])
        after = call(["systemctl", "show", unit, "-p", "ActiveState,Result"])[1].split()
        alive = call(["pgrep", "-x", "codemode"])[1].split()
        expect("it stops when told", "Result=success" in after and not alive, (after, alive))
        print("        log:", call(["journalctl", "-u", unit, "-o", "cat", "--no-pager"])[1][-1500:], flush=True)
    expect_no_scope("services")


@check
def services_of_a_user():
    linger()
    for what in (["-p", "User=user", "-p", "Delegate=yes"], ["-p", "User=user"]):
        report = doctor_through(["systemd-run", "--quiet", "--pipe", "--wait", *what], " ".join(what))
        if report:
            expect_v2(report, " ".join(what))
    expect_no_scope("services")


@check
def a_container_with_a_group_of_its_own():
    inner = f"umount /sys/fs/cgroup; mount -t cgroup2 cgroup /sys/fs/cgroup && exec {CODEMODE} doctor --json"
    begin = ["systemd-run", "--quiet", "--pipe", "--wait", "-p", "Delegate=yes", "unshare", "-m", "-C", "sh", "-c", inner]
    status, out, err = call(begin)
    report = json.loads(out) if out.startswith("{") else None
    expect("doctor answers", report is not None, (status, out, err))
    if report:
        expect_v2(report, "in a cgroup namespace")


if __name__ == "__main__":
    main()

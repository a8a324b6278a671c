"""Checks of the unit that comes with codemode: it starts, every wall stands under its hardening, and a
mistake in the settings isn't restarted. Imported by systemd.py, which runs all checks."""

import json
import os
import pathlib
import shutil

from checks import CGROUPS, CODEMODE, brief, call, check, expect, groups_below, wait_for, walls

HERE = pathlib.Path(__file__).resolve().parent
SYSTEM = pathlib.Path("/etc/systemd/system")
UNIT = CGROUPS / "system.slice" / "codemode.service"
# What codemode says when it stands: every wall that root can have on a host.
REQUIRED = ("distinct_uid", "proc", "root", "cgroup_memory", "cgroup_pids", "cgroup_cpu", "exec_gate")


def install():
    # Beside what may still run from there.
    shutil.copy(CODEMODE, "/usr/local/bin/codemode.new")
    os.replace("/usr/local/bin/codemode.new", "/usr/local/bin/codemode")
    shutil.copy(HERE / "codemode.service", SYSTEM)
    settings = pathlib.Path("/etc/codemode")
    settings.mkdir(exist_ok=True)
    (settings / "sidecar.yaml").write_text("mounts:\n  outputs: /var/lib/codemode\n")
    (settings / "codemode.env").write_text("CODEMODE_API_KEY=secret\n")
    call(["systemctl", "daemon-reload"])


def shown(unit, *names):
    lines = call(["systemctl", "show", unit, "-p", ",".join(names)])[1].split()
    return dict(line.split("=", 1) for line in lines)


def processes():
    """Command line, user id, effective capabilities and group of each process of the service."""
    found = []
    for group in groups_below(UNIT):
        try:
            pids = (group / "cgroup.procs").read_text().split()
        except OSError:
            continue
        for pid in pids:
            place = pathlib.Path("/proc") / pid
            try:
                status = dict(line.split(":\t", 1) for line in (place / "status").read_text().splitlines())
                command = (place / "cmdline").read_text().replace("\0", " ")
            except (FileNotFoundError, ProcessLookupError):
                continue  # It ended meanwhile.
            found.append((command, int(status["Uid"].split()[0]), int(status["CapEff"], 16), group.name))
    return found


def run_under_the_unit(code, *changes):
    """A run's report, started with the unit's settings in place of the service."""
    (HERE / "under-the-unit.py").write_text(code)
    required = " ".join(f"--require {wall}" for wall in REQUIRED)
    command = f"{CODEMODE} run --json --memory 64M --outputs /var/lib/codemode {required} {HERE}/under-the-unit.py"
    kept = [
        line for line in (HERE / "codemode.service").read_text().splitlines()
        if not line.startswith(("ExecStart=", "Type=", "Restart", "StartLimit"))
    ]
    begin = kept.index("[Service]") + 1
    output = pathlib.Path("/run/under-the-unit.json")
    output.unlink(missing_ok=True)
    kept[begin:begin] = ["Type=oneshot", f"ExecStart={command}", f"StandardOutput=file:{output}", *changes]
    (SYSTEM / "under-the-unit.service").write_text("\n".join(kept) + "\n")
    call(["systemctl", "daemon-reload"])
    call(["systemctl", "start", "under-the-unit"])
    text = output.read_text()
    if text.startswith("{"):
        return json.loads(text)
    said = call(["journalctl", "-u", "under-the-unit", "-o", "cat", "--no-pager", "-n", "5"])[1]
    print("       no report:", text, said, flush=True)
    return None


@check
def unit_starts_and_stops():
    install()
    status, _, err = call(["systemctl", "start", "codemode"])
    expect("it starts", status == 0, (status, err))
    def waiting():
        """The sandboxes made ahead: the launcher has given up by then what it started with. Not the
        interpreter that they are forked from, which is in no run's group."""
        return [row for row in processes() if "guest.pyc" in row[0] and row[3].startswith("run-")]

    wait_for(lambda: len(waiting()) > 1)
    guests = waiting()
    front = [row for row in processes() if " serve " in row[0]]
    expect("the network side is nobody, with no capability",
           len(front) == 1 and front[0][1] != 0 and front[0][2] == 0, front)
    expect("each waiting sandbox has a user id of its own, and no capability",
           len({row[1] for row in guests}) == len(guests) > 0 and not any(row[2] for row in guests), guests)
    call(["systemctl", "stop", "codemode"])
    after = shown("codemode", "ActiveState", "Result")
    expect("it stops when told", after == {"ActiveState": "inactive", "Result": "success"}, after)


@check
def unit_leaves_every_wall_standing():
    code = 'open("/outputs/left", "w").write("kept"); import os; print(os.getpid(), sorted(os.listdir("/proc"))[:2])'
    report = run_under_the_unit(code)
    expect("a run ends well", report and report["verdict"] == "ok", report and brief(report))
    absent = [name for name, wall in walls(report).items() if not wall["standing"]]
    expect("no wall is absent but what this kernel's Landlock lacks",
           not [name for name in absent if not name.startswith("landlock_")], absent)
    left = pathlib.Path("/var/lib/codemode/left")
    expect("its file is kept", left.exists() and left.read_text() == "kept", left)
    report = run_under_the_unit("b = []\nwhile True: b.append(bytearray(1 << 20))")
    expect("memory_limit by oom_kill", report and report["verdict"] == "memory_limit"
           and "oom_kill" in report["evidence"], report and brief(report))


@check
def unit_leaves_out_what_would_hinder():
    """The controls: settings that the unit says it leaves out do refuse the run."""
    for setting in ("ProtectControlGroups", "ProtectHostname", "PrivateUsers", "RestrictNamespaces"):
        report = run_under_the_unit("print('ran')", f"{setting}=yes")
        expect(f"{setting} refuses it", report is None or report["verdict"] == "refused",
               report and report["verdict"])


@check
def unit_does_not_restart_a_mistake():
    install()
    with open("/etc/codemode/codemode.env", "a", encoding="utf-8") as settings:
        settings.write("CODEMODE_SIDECAR_PORT=abc\n")
    call(["systemctl", "start", "codemode"])
    wait_for(lambda: shown("codemode", "ActiveState")["ActiveState"] == "failed")
    seen = shown("codemode", "ActiveState", "ExecMainStatus", "NRestarts")
    wanted = {"ActiveState": "failed", "ExecMainStatus": "2", "NRestarts": "0"}
    expect("failed at once, with exit code 2", seen == wanted, seen)
    said = call(["journalctl", "-u", "codemode", "-o", "cat", "--no-pager"])[1]
    expect("the log names the variable", "CODEMODE_SIDECAR_PORT" in said, said[-300:])
    install()
    call(["systemctl", "start", "codemode"])
    pid = shown("codemode", "MainPID")["MainPID"]
    call(["kill", "-KILL", pid])
    wait_for(lambda: shown("codemode", "NRestarts")["NRestarts"] == "1")
    wait_for(lambda: shown("codemode", "ActiveState")["ActiveState"] == "active")
    seen = shown("codemode", "ActiveState", "NRestarts")
    expect("control: killed, it is restarted", seen == {"ActiveState": "active", "NRestarts": "1"}, seen)
    call(["systemctl", "stop", "codemode"])

"""Checks on a machine without systemd: everything by hand, in pure cgroup v2."""

import contextlib
import glob
import os
import pathlib
import signal
import subprocess
import time

import switches  # noqa: F401 (registers its checks)
from checks import (CGROUP_WALLS, CGROUPS, CODEMODE, KERNEL, USER, brief, call, call_for_json, check, delegated,
                    doctor, expect, expect_clean, expect_v2, groups, main, program, remove, run,
                    say_walls, wait_for, walls)

MIB = 1 << 20


@check
def the_machine():
    print("      ", os.uname().release)
    offered = (CGROUPS / "cgroup.controllers").read_text().split()
    expect("pure v2 with all controllers", {"memory", "pids", "cpu"} <= set(offered), offered)


@check
def root_doctor():
    status, report, err = doctor()
    expect("exit 0", status == 0, (status, report["refused"] if "refused" in report else "", err))
    expect_v2(report, "root")
    say_walls(report)
    for fact in report["host"]:
        print("      ", fact["name"], "=", fact["value"])
    expect_clean("doctor")


@check
def root_hello():
    status, out, err = call([CODEMODE, "run", program("print('hello')")])
    expect("hello is printed, exit 0", (status, out) == (0, "hello\n"), (status, out, err))


@check
def root_sees_the_root_group():
    report = run("print(open('/proc/self/cgroup').read())")
    expect("/proc/self/cgroup shows /", report["stdout"].split() == ["0::/"], report["stdout"])


@check
def root_memory_one_process():
    report = run("b = []\nwhile True: b.append(bytearray(1 << 20))", "--memory", "64M")
    seen = brief(report)
    expect("memory_limit by oom_kill", report["verdict"] == "memory_limit"
           and "oom_kill" in report["evidence"] and report["status"] == 137, seen)
    peak = report["usage"]["memory_peak"] or 0
    expect("its peak is near the limit", 56 * MIB <= peak <= 66 * MIB, peak)


@check
def root_memory_many_processes():
    report = run("""
import os, time
children = []
for _ in range(6):
    pid = os.fork()
    if pid == 0:
        data = bytearray(30 << 20)
        for i in range(0, len(data), 4096): data[i] = 1
        time.sleep(60)
        os._exit(0)
    children.append(pid)
for pid in children: os.waitpid(pid, 0)
print("survived")
""", "--memory", "96M")
    expect("memory_limit, and the group dies as one", report["verdict"] == "memory_limit"
           and "survived" not in report["stdout"] and report["usage"]["wall_ms"] < 25000, brief(report))
    expect_clean("after the kill")


@check
def root_memory_peak_and_files():
    report = run("data = bytearray(40 << 20)\nfor i in range(0, len(data), 4096): data[i] = 1\n"
                 "del data\nopen('/tmp/file', 'wb').write(b'x' * (10 << 20))", "--memory", "256M")
    usage = report["usage"]
    expect("ok", report["verdict"] == "ok", brief(report))
    expect("peak between 40 and 80 MiB", 40 * MIB <= (usage["memory_peak"] or 0) <= 80 * MIB, usage["memory_peak"])
    expect("10 MiB of scratch", 10 * MIB <= (usage["scratch_bytes"] or 0) <= 11 * MIB, usage["scratch_bytes"])
    expect("files count as memory", (usage["memory_file"] or 0) >= 10 * MIB, usage["memory_file"])
    report = run("f = open('/tmp/file', 'wb')\nwhile True: f.write(b'x' * (1 << 20))",
                 "--memory", "48M", "--scratch-size", "256M", "--file-size", "256M")
    expect("scratch files meet the memory limit", report["verdict"] == "memory_limit", brief(report))
    report = run("f = open('/tmp/file', 'wb')\nwhile True: f.write(b'x' * (1 << 20))", "--scratch-size", "16M")
    expect("scratch files meet the scratch limit", report["verdict"] == "scratch_limit", brief(report))


@check
def root_processes():
    report = run("import os, time\nwhile True:\n  if os.fork() == 0: time.sleep(60)", "--processes", "16")
    expect("process_limit", report["verdict"] == "process_limit" and "pids" in report["evidence"], brief(report))
    expect("peak is the limit", report["usage"]["processes_peak"] == 16, report["usage"]["processes_peak"])
    report = run("import os\nwhile True:\n  try: os.fork()\n  except OSError: pass",
                 "--processes", "32", "--timeout", "4")
    expect("a bomb that catches everything is ended", report["verdict"] in ("timeout", "process_limit"), brief(report))
    report = run("import threading, time\nfor _ in range(40): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
                 "--processes", "8")
    expect("threads meet the limit", report["verdict"] == "process_limit", brief(report))
    expect_clean("after bombs")


@check
def root_cpu_and_time():
    report = run("while True: pass", "--cpu-time", "1")
    expect("cpu_limit", report["verdict"] == "cpu_limit", brief(report))
    report = run("import os\nos.fork()\nos.fork()\nwhile True: pass", "--cpu-time", "2", "--timeout", "20")
    expect("cpu_limit of four processes", report["verdict"] == "cpu_limit"
           and 1900 <= report["usage"]["cpu_ms"] <= 3500, brief(report))
    report = run("import time; time.sleep(60)", "--timeout", "1")
    expect("timeout", report["verdict"] == "timeout" and report["status"] == 124, brief(report))
    expect_clean("after limits")


@check
def root_twenty_at_once():
    path = program("import os, time; time.sleep(0.5); print(sum(range(1000)))")
    begun = time.monotonic()
    command = [CODEMODE, "run", "--require", "cgroup_memory", "--require", "cgroup_pids", "--timeout", "120", path]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(20)]
    done = [(*p.communicate(timeout=300), p.returncode) for p in runs]
    odd = [d for d in done if d != ("499500\n", "", 0)]
    expect("all twenty answer, with their walls", not odd, (odd[:3], f"{time.monotonic() - begun:.1f} s"))
    expect_clean("after twenty")


def descendants(pid):
    """`pid` and all that live below it. Any of them may end meanwhile: `pathlib`'s glob would raise then."""
    found = [pid]
    for parent in found:
        for path in glob.glob(f"/proc/{parent}/task/*/children"):
            with contextlib.suppress(OSError):
                found += [int(child) for child in pathlib.Path(path).read_text().split()]
    return found


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def is_alive(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


@check
def root_killed_launcher():
    path = program("import time; time.sleep(60)")
    for victim in ("launcher", "front and launcher"):
        front = subprocess.Popen([CODEMODE, "run", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        # Launcher, init, guest.
        wait_for(lambda: len(descendants(front.pid)) == 4)
        time.sleep(1)
        family = descendants(front.pid)
        targets = family[1:2] if victim == "launcher" else family[:2]
        before = groups()
        for pid in reversed(targets):
            kill(pid)
        out, err = front.communicate(timeout=30)
        wait_for(lambda: not any(map(is_alive, family)), 20)
        left = [pid for pid in family if is_alive(pid)]
        expect(f"with the {victim} the run is gone", not left, (front.returncode, out, err, left))
        print("       groups before", before, "left", groups(), flush=True)
        call([CODEMODE, "run", program("print('hello')")])
        expect_clean(f"the next run sweeps after {victim}")


@check
def root_in_a_group_of_its_own():
    group = delegated("alone")
    status, report, err = doctor(group=group)
    expect_v2(report, "root alone in a group")
    below = remove(group)
    expect("only `service` was left below", below in ([], ["service"]), (status, err, below))


@check
def root_in_a_group_with_a_shell():
    group = delegated("shared")
    status, report, err = doctor(group=group, prefix=["sh", "-c", '"$@"; exit $?', "sh"])
    expect("runs all the same", status == 0, (status, err))
    say_walls(report, CGROUP_WALLS)
    wall = walls(report)["cgroup_memory"]
    expect("the fix tells root to be alone in a group", "alone" in (wall.get("fix") or ""), wall)
    print("       left below:", remove(group), flush=True)


@check
def root_in_a_cgroup_namespace():
    group = delegated("container")
    inner = f"umount /sys/fs/cgroup; mount -t cgroup2 cgroup /sys/fs/cgroup && exec {CODEMODE} doctor --json"
    status, report, err = call_for_json(["unshare", "-m", "-C", "sh", "-c", inner], group=group)
    if report:
        expect_v2(report, "root in a container's cgroup namespace")
    else:
        expect("doctor answers", False, (status, err))
    print("       left below:", remove(group), flush=True)


@check
def root_below_a_tighter_limit():
    """As in a container whose own limit is below the run's."""
    hog = "b = []\nwhile True: b.append(bytearray(1 << 20))"
    group = delegated("tight")
    (group / "memory.max").write_text(str(100 * MIB))
    report = run(hog, "--memory", "512M", group=group)
    expect("memory_limit, and codemode lives to tell", report["verdict"] == "memory_limit", brief(report))
    events = dict(line.split() for line in (group / "memory.events.local").read_text().splitlines())
    print("       memory.events.local of the outer group", events, flush=True)
    print("       left below:", remove(group), flush=True)
    expect_clean("below a tighter limit")
    group = delegated("few")
    (group / "pids.max").write_text("20")
    report = run("import os, time\nwhile True:\n  if os.fork() == 0: time.sleep(60)", "--processes", "64", group=group)
    # From Linux 6.11 on the kernel counts a refusal where the limit is, and that is not the run's group.
    known = "process_limit" if KERNEL < (6, 11) else "exception"
    expect(known, report["verdict"] == known and report["usage"]["processes_peak"] < 20, brief(report))
    remove(group)


@check
def root_with_swap():
    swap = pathlib.Path("/swap")
    with swap.open("wb") as file:
        for _ in range(192):
            file.write(bytes(MIB))
    swap.chmod(0o600)
    made = call(["mkswap", str(swap)]), call(["swapon", str(swap)])
    seen = pathlib.Path("/proc/swaps").read_text().splitlines()[1:]
    expect("swap is on", bool(seen), (made, seen))
    for user, group in ((None, None), (USER, delegated("swap", USER))):
        report = run("b = []\nwhile True: b.append(bytearray(1 << 20))", "--memory", "64M", user=user, group=group)
        expect("memory_limit by oom_kill, swap or not", report["verdict"] == "memory_limit"
               and "oom_kill" in report["evidence"], brief(report))
        peak = report["usage"]["memory_peak"] or 0
        expect("its peak is near the limit", 56 * MIB <= peak <= 66 * MIB, peak)
    remove(CGROUPS / "swap")
    call(["swapoff", str(swap)])


@check
def root_sweeps_beside_others():
    """Launchers that come and go while others are killed: nobody's group is swept away."""
    path, long = program("pass"), program("import time; time.sleep(60)")
    command = [CODEMODE, "run", "--require", "cgroup_memory", "--require", "cgroup_pids", path]
    odd = []
    for _ in range(4):
        victims = [subprocess.Popen([CODEMODE, "run", long], stderr=subprocess.DEVNULL) for _ in range(3)]
        time.sleep(3)
        for victim in victims:
            # Front, launcher and whatever is below.
            for pid in descendants(victim.pid):
                kill(pid)
        for victim in victims:
            victim.wait()
        runs = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(6)]
        done = [(p.communicate(timeout=120)[1], p.returncode) for p in runs]
        odd += [d for d in done if d != ("", 0)]
    expect("all runs have their walls", not odd, odd[:3])
    call([CODEMODE, "run", path])
    expect_clean("after sweeping")


@check
def root_with_read_only_groups():
    """As in a container with default settings."""
    inner = f"mount -o remount,bind,ro /sys/fs/cgroup && exec {CODEMODE} doctor --json"
    status, report, err = call_for_json(["unshare", "-m", "sh", "-c", inner], group=CGROUPS)
    expect("exit 0", status == 0, (status, err))
    say_walls(report, CGROUP_WALLS)
    wall = walls(report)["cgroup_memory"]
    expect("the fix speaks of the mount", "writable" in (wall.get("fix") or ""), wall)


def settled(pid, quiet=4, patience=90):
    """The processes below, once none has come or gone for a while: sandboxes are made ahead."""
    before, since = descendants(pid), time.monotonic()
    deadline = since + patience
    while time.monotonic() < min(since + quiet, deadline):
        time.sleep(0.3)
        if (now := descendants(pid)) != before:
            before, since = now, time.monotonic()
    return before


@check
def service_in_a_group():
    group = delegated("serve")
    env = dict(os.environ, CODEMODE_API_KEY="secret", MAIN_APP_GRPC_TARGET="localhost:50051")
    enter = ["sh", "-c", f'echo 0 >{group}/cgroup.procs && exec "$@"', "sh"]
    with open("/tmp/serve.log", "w") as log:
        front = subprocess.Popen([*enter, CODEMODE, "serve"], env=env, stdout=log, stderr=log)
    wait_for(groups)
    family = settled(front.pid)
    where = {p: pathlib.Path(f"/proc/{p}/cgroup").read_text().strip() for p in family}
    ours = [pid for pid, place in where.items() if place == "0::/serve/service"]
    runs = [place for place in where.values() if place.startswith("0::/serve/codemode-0/run-")]
    expect("front, keeper, launcher, interpreter and cradle stepped aside, sandboxes made ahead are in their groups",
           len(ours) == 5 and len(ours) + len(runs) == len(family), where)
    print("       groups", groups(), flush=True)
    print("       enabled", (group / "cgroup.subtree_control").read_text().strip(), flush=True)
    if len(ours) == 5:
        kill(ours[2])
        wait_for(lambda: len(descendants(front.pid)) < len(family))
        now = settled(front.pid)
        expect("another launcher takes over", ours[2] not in now and len(now) == len(family), now)
        left = [pid for pid in family if pid not in ours and is_alive(pid)]
        expect("the sandboxes of the one before are gone", not left, left)
        print("       groups", groups(), flush=True)
    front.terminate()
    front.wait(30)
    print(pathlib.Path("/tmp/serve.log").read_text()[-1500:])
    below = remove(group)
    expect("only `service` was left below", below == ["service"], below)


@check
def user_without_delegation():
    status, report, err = doctor(user=USER)
    expect("exit 0", status == 0, (status, err, report and report.get("refused")))
    found = walls(report)
    for name in CGROUP_WALLS:
        wall = found[name]
        expect(f"{name} absent, with a fix", not wall["standing"] and "Delegate" in (wall.get("fix") or ""), wall)
    report = run("b = []\nwhile True: b.append(bytearray(1 << 20))", "--memory", "64M", user=USER)
    expect("memory_limit by the watchdog or ENOMEM", report["verdict"] == "memory_limit", brief(report))
    report = run("while True: pass", "--cpu-time", "1", user=USER)
    expect("cpu_limit", report["verdict"] == "cpu_limit", brief(report))
    report = run("import os, time\nwhile True:\n  if os.fork() == 0: time.sleep(60)", "--processes", "16", user=USER)
    expect("process_limit", report["verdict"] == "process_limit", brief(report))


@check
def user_with_a_delegated_group():
    group = delegated("delegated", USER)
    status, report, err = doctor(user=USER, group=group)
    expect("exit 0", status == 0, (status, err, report and report.get("refused")))
    expect_v2(report, "user alone in his group")
    print("       left below:", [p.name for p in group.iterdir() if p.is_dir()], flush=True)
    remove(group)
    group = delegated("delegated2", USER)
    report = run("b = []\nwhile True: b.append(bytearray(1 << 20))", "--memory", "64M", user=USER, group=group)
    expect("memory_limit by oom_kill", report["verdict"] == "memory_limit" and "oom_kill" in report["evidence"], brief(report))
    remove(group)
    group = delegated("delegated3", USER)
    report = run("import os, time\nprint(open('/proc/self/cgroup').read().strip())\nwhile True:\n  if os.fork() == 0: time.sleep(60)", "--processes", "16", user=USER, group=group)
    expect("process_limit by pids.events", report["verdict"] == "process_limit" and "pids" in report["evidence"], brief(report))
    remove(group)


@check
def user_with_a_shell_in_his_group():
    group = delegated("shell", USER)
    status, report, err = doctor(user=USER, group=group, prefix=["sh", "-c", '"$@"; exit $?', "sh"])
    expect("nothing breaks", status == 0, (status, err, report and report.get("refused")))
    say_walls(report, CGROUP_WALLS)
    print("       left below:", remove(group), flush=True)


@check
def user_again_in_the_same_group():
    group = delegated("again", USER)
    for number in range(2):
        status, report, err = doctor(user=USER, group=group if number == 0 else group / "service")
        expect("exit 0", status == 0, (number, status, err))
        say_walls(report, CGROUP_WALLS)
    print("       left below:", remove(group), flush=True)


if __name__ == "__main__":
    main()

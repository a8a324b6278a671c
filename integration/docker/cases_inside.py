"""What a run is and sees inside the hardened container, and what it can't exceed there."""

from __future__ import annotations

import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from container import Container
from engine import succeed
from harness import KEY, Skip, case, check, equal
from site_under_test import the_site

NAMESPACES = ["user", "pid", "mnt", "net", "ipc", "uts", "cgroup"]
GUEST = b"/codemode/guest.pyc"


@contextmanager
def hardened():
    with Container(the_site(), env={"CODEMODE_MEMORY_LIMIT": "96M"}) as container:
        yield container


def namespaces(pid: int) -> dict[str, str]:
    return {kind: os.readlink(f"/proc/{pid}/ns/{kind}") for kind in NAMESPACES}


def running(container: Container, code: str, seconds: float = 10):
    """Starts `code`, and finds its process among those of the container once it computes."""
    future = container.client.start(code)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for pid in container.processes():
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as cmdline:
                    guest = GUEST in cmdline.read()
                with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
                    ticks = int(stat.read().rsplit(")", 1)[1].split()[11])
            except OSError:
                continue
            # The standing ones wait; this one is busy.
            if guest and ticks > 30:
                return future, pid
        time.sleep(0.05)
    raise AssertionError("the run's process was not found")


BUSY = "import time\nend = time.monotonic() + 4\nwhile time.monotonic() < end: pass\nresult = 1"


@case(hardened, timeout=120)
def a_run_has_its_own_seven_namespaces(w):
    if os.geteuid() != 0:
        raise Skip("reading another user's namespaces takes root")
    service = namespaces(w.site.engine.inspect(w.name)["State"]["Pid"])
    future, pid = running(w, BUSY)
    own = namespaces(pid)
    check(future.result().success, "the run fails")
    for kind in NAMESPACES:
        check(own[kind] != service[kind], f"the run shares the {kind} namespace of the service")
        check(own[kind] != os.readlink(f"/proc/self/ns/{kind}"), f"and that of the host: {kind}")


@case(hardened)
def the_container_has_no_added_capability_and_no_privilege(w):
    inspected = w.site.engine.inspect(w.name)
    host = inspected["HostConfig"]
    check(not host["Privileged"], "it is privileged")
    check(not host["CapAdd"], f"added capabilities: {host['CapAdd']}")
    equal(host["CapDrop"], ["ALL"], "dropped capabilities")
    equal(inspected["Config"]["User"], "1000:1000", "user")
    check(host["ReadonlyRootfs"], "its root is writable")
    check("no-new-privileges:true" in host["SecurityOpt"], f"{host['SecurityOpt']}")


@case(hardened)
def every_wall_but_those_of_a_host_stands_and_the_answer_says_so(w):
    report = w.execute("codemode", "doctor", "--json")
    import json

    walls = {wall["wall"]: wall["standing"] for wall in json.loads(report)["walls"]}
    missing = {name for name, standing in walls.items() if not standing}
    equal(
        missing,
        {"distinct_uid", "proc", "cgroup_memory", "cgroup_pids", "cgroup_cpu"},
        "walls that don't stand",
    )


@case(hardened)
def a_run_sees_no_process_of_the_service(w):
    code = """
import os
pids = []
for pid in range(1, 400):
    try:
        os.kill(pid, 0)
        pids.append(pid)
    except ProcessLookupError:
        pass
    except PermissionError:
        pids.append(pid)
result = [pids, os.getpid(), os.listdir('/proc')]
"""
    pids, own, proc = w.client.value(code)
    check(set(pids) <= {1, own}, f"processes in reach: {pids}")
    equal(proc, [], "entries of /proc")
    check(len(w.processes()) > 3, "the service has no processes either")


@case(hardened)
def a_run_sees_no_file_of_the_container(w):
    w.execute("sh", "-c", "echo canary >/tmp/canary")
    places = ["/tmp/canary", "/etc/debian_version", "/app", "/usr/local/bin/codemode", "/root", "/sys"]
    code = f"""
import os
def look(path):
    try:
        os.listdir(path) if os.path.isdir(path) else open(path).close()
        return 'seen'
    except OSError as error:
        return type(error).__name__
result = {{path: look(path) for path in {places!r}}}
"""
    seen = w.client.value(code)
    check(all(what == "FileNotFoundError" for what in seen.values()), f"{seen}")
    equal(w.execute("cat", "/tmp/canary"), "canary", "the canary")


@case(hardened)
def a_run_sees_no_variable_and_no_descriptor_of_the_service(w):
    code = """
import os
def is_open(fd):
    try:
        os.fstat(fd)
        return True
    except OSError:
        return False
result = [sorted(os.environ), [fd for fd in range(4096) if is_open(fd)]]
"""
    variables, descriptors = w.client.value(code)
    equal(variables, ["HOME", "LANG", "PATH", "TMPDIR", "USER"], "variables")
    equal(descriptors, [0, 1, 2, 3], "descriptors")
    check(KEY in w.execute("sh", "-c", "echo $CODEMODE_API_KEY"), "the service has no key")


@contextmanager
def listener():
    """Accepts on every address of this host, and counts."""
    accepted = []
    server = socket.create_server(("0.0.0.0", 0))

    def accept():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            accepted.append(connection)
            connection.close()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1], accepted
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def connecting(targets: list[tuple[str, int]]) -> str:
    return f"""
import socket
def attempt(host, port):
    try:
        socket.create_connection((host, port), 2).close()
        return 'connected'
    except OSError as error:
        return type(error).__name__
result = [attempt(*target) for target in {targets!r}]
"""


def gateway(container: Container) -> str:
    networks = container.site.engine.inspect(container.name)["NetworkSettings"]["Networks"]
    return next(iter(networks.values()))["Gateway"]


@case(hardened)
def a_run_has_no_network(w):
    with listener() as (port, accepted):
        targets = [(gateway(w), port), ("127.0.0.1", 8001), ("169.254.169.254", 80)]
        seen = w.client.value(connecting(targets))
        check("connected" not in seen, f"{seen}")
        equal(len(accepted), 0, "connections that arrived")
        with Container(the_site(), env={"EXECUTOR_NETWORK_MODE": "all"}) as open_one:
            seen = open_one.client.value(connecting(targets[:1]))
            equal(seen, ["connected"], "the same with the network mode `all`")


MEMORY = "data = bytearray({mib} << 20)\nresult = len(data)"
FORKS = """
import os, time
for _ in range({count}):
    if os.fork() == 0:
        time.sleep(30)
result = 'done'
"""
DISK = """
with open('/tmp/f', 'wb') as f:
    for _ in range({mib}):
        f.write(bytes(1 << 20))
result = 'done'
"""
OUTPUT = "print('x' * {count})\nresult = 'done'"


def limited(w: Container, over: str, within: str, error_type: str) -> None:
    """The one goes over a limit and is ended for it; the other stays within and is not."""
    response = w.client.execute(over)
    equal(response.error_type, error_type, f"error_type ({response.error})")
    control = w.client.execute(within)
    check(control.success, f"the control fails: {control.error} {control.stderr[-300:]}")


@case(hardened)
def memory_is_limited(w):
    limited(w, MEMORY.format(mib=300), MEMORY.format(mib=32), "MemoryLimit")


@case(hardened)
def processes_are_limited(w):
    limited(w, FORKS.format(count=400), FORKS.format(count=20), "ProcessLimit")


@case(hardened)
def the_scratch_space_is_limited(w):
    env = {"CODEMODE_SCRATCH_SIZE": "16M"}
    with Container(the_site(), env=env) as small:
        limited(small, DISK.format(mib=40), DISK.format(mib=8), "ScratchLimit")


@case(hardened)
def output_is_limited(w):
    limited(w, OUTPUT.format(count=3 << 20), OUTPUT.format(count=1000), "OutputLimit")


# Each of these leads round RLIMIT_AS, if it is there: memory that no address space shows.
HIDDEN = {
    "memfd": "import os\nfd = os.memfd_create('x')\nfor _ in range(300): os.write(fd, bytes(1 << 20))",
    "shared memory files": "f = open('/dev/shm/x', 'wb')\nfor _ in range(300): f.write(bytes(1 << 20))",
    "pipes": """
import fcntl, os
ends = []
while len(ends) < 300:
    reader, writer = os.pipe()
    ends.append((reader, writer))
    fcntl.fcntl(writer, 1031, 1 << 20)
    os.set_blocking(writer, False)
    os.write(writer, bytes(1 << 20))
""",
    "many processes": """
import os, time
for _ in range(12):
    if os.fork() == 0:
        data = bytearray(40 << 20)
        time.sleep(20)
time.sleep(20)
""",
    "a first thread that has ended": """
import ctypes, threading, time
def go_on():
    kept = []
    for _ in range(60):
        kept.append(bytearray(5 << 20))
        time.sleep(0.02)
    time.sleep(30)
threading.Thread(target=go_on).start()
ctypes.CDLL(None).syscall(60, 0)
""",
    "pages that are shared and in no address space": """
import mmap
kept = []
for _ in range(30):
    pages = mmap.mmap(-1, 10 << 20)
    pages.write(bytes(10 << 20))
    pages.madvise(mmap.MADV_DONTNEED)
    kept.append(pages)
""",
    "the device of zeros": """
import mmap
with open('/dev/zero', 'r+b') as zeros:
    kept = [mmap.mmap(zeros.fileno(), 300 << 20)]
    kept[0].write(bytes(300 << 20))
""",
    "sockets": """
import socket
pairs = []
while len(pairs) < 120:
    a, b = socket.socketpair()
    pairs.append((a, b))
    a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    a.setblocking(False)
    try:
        while True: a.send(bytes(1 << 16))
    except BlockingIOError: pass
""",
}


@case(hardened, timeout=120)
def ways_round_the_address_space_limit_end_as_well(w):
    for name, code in HIDDEN.items():
        response = w.client.execute(code, timeout=15)
        check(not response.success, f"{name}: 300 MiB with a limit of 96: {response}")
        check(response.error_type != "Timeout", f"{name}: it went on until its time was over")
    check(w.client.execute("result = 1").success, "an ordinary run fails afterwards")


@contextmanager
def twenty():
    env = {"CODEMODE_MEMORY_LIMIT": "32M", "CODEMODE_PROCESS_LIMIT": "12"}
    with Container(the_site(), env=env) as container:
        yield container


@case(twenty, timeout=180)
def twenty_at_once_are_each_held_to_their_own_limits(w):
    programs = {
        "MemoryLimit": MEMORY.format(mib=200),
        "ProcessLimit": FORKS.format(count=30),
        "OutputLimit": OUTPUT.format(count=3 << 20),
        "": MEMORY.format(mib=4),
    }
    wanted = [kind for kind in programs for _ in range(5)]
    with ThreadPoolExecutor(len(wanted)) as pool:
        answers = list(
            pool.map(lambda kind: w.client.execute(programs[kind], timeout=60, deadline=120), wanted)
        )
    got = [(kind, answer.error_type) for kind, answer in zip(wanted, answers)]
    check(all(kind == seen for kind, seen in got), f"{got}")


@case(hardened, timeout=120)
def nothing_is_left_of_runs_that_were_ended(w):
    before = len(w.processes())
    for code in (FORKS.format(count=50), MEMORY.format(mib=300), "while True: pass"):
        w.client.execute(code, timeout=2)
    deadline = time.monotonic() + 10
    while len(w.processes()) > before and time.monotonic() < deadline:
        time.sleep(0.2)
    check(len(w.processes()) <= before, f"{len(w.processes())} processes, {before} before")
    zombies = succeed(["docker", "top", w.name, "-eo", "pid,stat,comm"])
    check(" Z" not in zombies, f"zombies:\n{zombies}")

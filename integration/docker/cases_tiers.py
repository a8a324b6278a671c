"""What the service makes of other flags than the guide's: it starts with what can stand, or says what to add."""

from __future__ import annotations

import json
from contextlib import contextmanager

import grpc

from container import HARDENED, Container
from harness import KEY, case, check, equal
from site_under_test import the_site

PLAIN = [flag for flag in HARDENED]
PROFILE_FLAG = "--security-opt seccomp=seccomp.json"


@contextmanager
def default_profile():
    with Container(the_site(), flags=PLAIN) as container:
        yield container


@contextmanager
def accepted():
    with Container(the_site(), flags=PLAIN, env={"CODEMODE_ACCEPT_TIER": "container"}) as container:
        yield container


def walls(container: Container) -> dict[str, dict]:
    report = json.loads(container.execute("codemode", "doctor", "--json"))
    return {wall["wall"]: wall for wall in report["walls"]}


@case(default_profile)
def dockers_own_profile_starts_and_refuses_with_the_one_flag(w):
    response = w.client.execute("result = 2 + 2")
    check(not response.success, "it ran")
    check(PROFILE_FLAG in response.error, response.error)
    check("user_namespace" in response.error, response.error)
    equal(w.client.ready().status, "refusing", "Ready")
    log = w.log()
    check(PROFILE_FLAG in log and "user_namespace" in log, log)


@case(default_profile)
def its_health_is_told_to_orchestrators(w):
    from google.protobuf import empty_pb2  # noqa: F401
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    stub = health_pb2_grpc.HealthStub(w.client.channel)
    request = health_pb2.HealthCheckRequest(service="codemode.ExecutorService")
    equal(stub.Check(request).status, health_pb2.HealthCheckResponse.NOT_SERVING, "the executor")
    request = health_pb2.HealthCheckRequest(service="")
    equal(stub.Check(request).status, health_pb2.HealthCheckResponse.SERVING, "the server")


@case(accepted)
def the_least_tier_runs_if_it_is_accepted_and_every_answer_says_so(w):
    response = w.client.execute("import json, threading\nresult = 2 + 2")
    check(response.success, response.error)
    # The published client's generated code doesn't know the report; its bytes are there all the same.
    check(b"user_namespace" in response.SerializeToString(), "the answer names no wall")
    standing = {name: wall["standing"] for name, wall in walls(w).items()}
    for name in ("user_namespace", "pid_namespace", "network_namespace", "root", "proc"):
        check(not standing[name], f"{name} is said to stand")
    for name in ("landlock", "seccomp", "exec_gate", "capabilities", "no_new_privs", "rlimits"):
        check(standing[name], f"{name} does not stand")


CONFINED = """
import fcntl, os, socket, subprocess
def attempt(what):
    try:
        return ['done', repr(what())[:80]]
    except BaseException as error:
        return [type(error).__name__, str(error)[:80]]
result = {
    'key': attempt(lambda: open('/proc/1/environ').read()),
    'command line': attempt(lambda: open('/proc/1/cmdline').read()),
    'canary': attempt(lambda: open('/tmp/canary').read()),
    'listing': attempt(lambda: os.listdir('/tmp')),
    'write': attempt(lambda: open('/tmp/mine', 'w')),
    'outputs': attempt(lambda: open('/outputs/mine', 'w')),
    'mode': attempt(lambda: os.chmod('/outputs', 0)),
    'times': attempt(lambda: os.utime('/outputs', (1, 1))),
    'signal': attempt(lambda: os.kill(1, 9)),
    'priority': attempt(lambda: os.setpriority(os.PRIO_PROCESS, 1, 19)),
    'affinity': attempt(lambda: os.sched_setaffinity(1, {0})),
    'limits': attempt(lambda: __import__('resource').prlimit(1, 7, (1, 1))),
    'fork': attempt(os.fork),
    'program': attempt(lambda: subprocess.run(['true'])),
    'socket': attempt(lambda: socket.create_connection(('127.0.0.1', 8001), 2)),
    'unix': attempt(lambda: socket.socket(socket.AF_UNIX)),
    'datagrams': attempt(lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)),
    'another address': attempt(lambda: socket.socketpair()[0].bind('\\0name')),
    'owner': attempt(lambda: fcntl.fcntl(socket.socketpair()[0], fcntl.F_SETOWN, 1)),
    'owner by structure': attempt(lambda: fcntl.fcntl(socket.socketpair()[0], 15, bytes(8))),
    'its signal': attempt(lambda: fcntl.fcntl(socket.socketpair()[0], 10, 9)),
    'lock': attempt(lambda: fcntl.flock(open(os.__file__), fcntl.LOCK_EX)),
    'lock of a part': attempt(lambda: fcntl.lockf(open(os.__file__), fcntl.LOCK_SH)),
    'emptied': attempt(lambda: os.open(os.__file__, os.O_RDONLY | os.O_TRUNC)),
}
"""


@case(accepted)
def a_confined_run_reaches_nothing_of_the_service(w):
    w.execute("sh", "-c", "echo canary >/tmp/canary")
    before = w.execute("stat", "--format", "%a %Y", "/outputs")
    seen = w.client.value(CONFINED)
    done = {name: what for name, what in seen.items() if what[0] == "done"}
    equal(done, {}, "what a confined run could do")
    equal(w.execute("cat", "/tmp/canary"), "canary", "the canary")
    equal(w.execute("stat", "--format", "%a %Y", "/outputs"), before, "/outputs")
    equal(w.execute("sh", "-c", "ls /tmp/mine /outputs/mine 2>/dev/null | wc -l"), "0", "files")
    check(w.client.health().status == "healthy", "the service was hit")
    # The same program in a sandbox may write, fork and signal: to itself.
    with Container(the_site()) as sandboxed:
        seen = sandboxed.client.value(CONFINED)
        for name in ("write", "outputs", "fork"):
            equal(seen[name][0], "done", f"{name} in a sandbox")
        equal(seen["key"][0], "FileNotFoundError", "the key in a sandbox")


@case(accepted)
def a_confined_run_is_limited_and_leaves_nothing(w):
    with Container(
        the_site(),
        flags=PLAIN,
        env={
            "CODEMODE_ACCEPT_TIER": "container",
            "CODEMODE_MEMORY_LIMIT": "96M",
            "CODEMODE_PROCESS_LIMIT": "8",
        },
    ) as small:
        before = len(small.processes())
        response = small.client.execute("data = bytearray(300 << 20)\nresult = 1")
        equal(response.error_type, "MemoryLimit", response.error)
        threads = "import threading, time\nfor _ in range(40):\n    threading.Thread(target=time.sleep, args=(20,), daemon=True).start()\ntime.sleep(20)"
        response = small.client.execute(threads, timeout=15)
        equal(response.error_type, "ProcessLimit", response.error)
        response = small.client.execute("while True: pass", timeout=1)
        equal(response.error_type, "Timeout", response.error)
        equal(small.client.value("result = 2 + 2"), 4, "a run within its limits")
        import time

        deadline = time.monotonic() + 10
        while len(small.processes()) > before and time.monotonic() < deadline:
            time.sleep(0.2)
        check(len(small.processes()) <= before, "processes are left")


@case(timeout=120)
def unmasked_paths_give_runs_a_proc():
    flags = [*HARDENED, *the_site().seccomp, "--security-opt", "systempaths=unconfined"]
    with Container(the_site(), flags=flags) as container:
        pids = container.client.value(
            "import os\nresult = sorted(int(p) for p in os.listdir('/proc') if p.isdigit())"
        )
        check(pids and set(pids) <= {1, 2, 3}, f"processes in /proc: {pids}")
        check(walls(container)["proc"]["standing"], "the wall does not stand")


VARIATIONS = {
    "another user": ["--user", "12345:12345"],
    "few processes": ["--pids-limit", "20"],
    "no network": ["--network", "none"],
    "a writable root": None,
    "without a writable /tmp": "no tmpfs",
    "little memory": ["--memory", "48m", "--memory-swap", "48m"],
}


@case(timeout=240)
def other_flags_start_with_what_can_stand():
    site = the_site()
    for name, change in VARIATIONS.items():
        flags = [*HARDENED, *site.seccomp]
        if change is None:
            flags.remove("--read-only")
        elif change == "no tmpfs":
            at = flags.index("--tmpfs")
            del flags[at : at + 2]
        else:
            flags += change
        code, out, err = site.once(flags, "run", "-", stdin="print(6 * 7)")
        check(code == 0 and out.strip() == "42", f"{name}: {code} {out} {err}")
        if "none" in flags:
            continue
        with Container(site, flags=flags) as container:
            equal(container.client.value("result = 6 * 7"), 42, name)


@case(timeout=120)
def what_cannot_stand_is_refused_with_the_flag():
    site = the_site()
    root = [*site.seccomp, "--user", "0", "--security-opt", "no-new-privileges:true"]
    drop = ["--cap-drop", "ALL"]
    code, _, err = site.once([*root, *drop], "run", "-", stdin="print(1)")
    check(code == 125 and "--user 1000:1000" in err, f"{code} {err}")
    few = [*HARDENED, *site.seccomp, "--pids-limit", "3"]
    code, _, err = site.once(few, "run", "-", stdin="print(1)")
    check(code in (2, 125) and err, f"{code} {err}")


@case(timeout=120)
def mistakes_exit_with_2_and_a_sentence():
    site = the_site()
    flags = [*HARDENED, *site.seccomp]
    for variables, named in [
        ({"CODEMODE_API_KEY": ""}, "CODEMODE_API_KEY"),
        ({"CODEMODE_SIDECAR_PORT": "abc"}, "CODEMODE_SIDECAR_PORT"),
        ({"CODEMODE_TLS_ENABLED": "true", "CODEMODE_TLS_CERT_FILE": "/x"}, "tls"),
        ({"MAIN_APP_GRPC_TARGET": "main-app.invalid:50051"}, "MAIN_APP_GRPC_TARGET"),
    ]:
        env = {"CODEMODE_API_KEY": KEY, "MAIN_APP_GRPC_TARGET": "127.0.0.1:50051", **variables}
        given = [part for item in env.items() for part in ("--env", "=".join(item))]
        code, _, err = site.once([*flags, *given], "serve")
        check(code == 2 and named.lower() in err.lower(), f"{variables}: {code} {err}")
        check(KEY not in err, "the key is shown")


@case(default_profile)
def a_wrong_key_is_refused_here_too(w):
    outcome = w.client.outcome("result = 1", key="wrong")
    equal(outcome.status, grpc.StatusCode.UNAUTHENTICATED, "status")

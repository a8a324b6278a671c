"""Many callers, cancelled calls, restarts, shutdown, and the standard gRPC services."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from google.protobuf import descriptor_pb2, empty_pb2

from apps import PackageApp, World
from harness import Failure, Stopwatch, case, check, equal, wait_until
from rpc import RawClient, field, still_works
from sidecar import Sidecar

HEALTH = "/grpc.health.v1.Health/Check"
REFLECTION = "/grpc.reflection.{}.ServerReflection/ServerReflectionInfo"
SERVING = b"\x08\x01"


class Ticks:
    """Counts the calls of the tool `tick`."""

    def __init__(self) -> None:
        self.count = 0

    def tick(self) -> str:
        self.count += 1
        return "tock"


def register(registry):
    ticks = Ticks()
    registry.register_tool("tick", ticks.tick)
    return ticks


@contextmanager
def ticking():
    with PackageApp(register) as app, Sidecar(app.target) as sidecar:
        yield World(app, sidecar)


# Calls the main app for as long as it lives, which is how a run is seen from outside.
TICK_FOREVER = "import time\nwhile 1:\n  tools['tick'].run()\n  time.sleep(0.05)"
TICK_ONCE = "import time\nprint('in')\ntools['tick'].run()\ntime.sleep(2)\nresult = 'whole'"


@case(ticking, timeout=240)
def eight_callers_get_their_own_output(w):
    def caller(number):
        client = w.sidecar.executor_client()
        for turn in range(20):
            mark = f"caller {number} turn {turn}"
            result = client.execute(
                f"import sys\nprint('{mark} out')\nprint('{mark} err', file=sys.stderr)\n"
                f"result = '{mark}'",
                [],
                {},
                correlation_id=mark,
            )
            check(result.success, f"{mark}: {result.error}")
            equal(result.result, f'"{mark}"', "result")
            equal(result.stdout.splitlines()[0], f"{mark} out", "stdout")
            equal(result.stderr, f"{mark} err\n", "stderr")

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(caller, number) for number in range(8)]:
            done.result()


@case(ticking, beyond_reference="it lets a cancelled run go on")
def a_cancelled_call_ends_its_run(w):
    call = w.raw.start(TICK_FOREVER, tools=["tick"], timeout=25)
    start = w.app.seen.count
    wait_until(lambda: w.app.seen.count >= start + 5, 10, "the run's ticking")
    call.cancel()
    ticks_stop(w.app.seen, "the call was cancelled")
    still_works(w.raw)


@case(ticking, beyond_reference="it lets the run of a client that went away go on")
def a_client_that_goes_away_ends_its_run(w):
    client = RawClient(w.sidecar.host_port)
    start = w.app.seen.count
    # Kept in a name: a call that is dropped is cancelled.
    call = client.start(TICK_FOREVER, tools=["tick"], timeout=25)
    wait_until(lambda: w.app.seen.count >= start + 5, 10, "the run's ticking")
    client.close()
    ticks_stop(w.app.seen, "the client went away")
    check(call.done(), "the call did not end with its channel")
    still_works(w.raw)


@case(ticking)
def a_run_that_timed_out_is_gone(w):
    start = w.app.seen.count
    response = w.raw.execute(TICK_FOREVER, tools=["tick"], timeout=2)
    equal(response.error, "Execution timeout after 2 seconds", "error")
    check(w.app.seen.count > start, "the run never ticked")
    ticks_stop(w.app.seen, "the run timed out")


def ticks_stop(ticks, after):
    """No tick for a whole second, within 4 s."""
    deadline = time.monotonic() + 4
    last, since = ticks.count, time.monotonic()
    while time.monotonic() - since < 1:
        if ticks.count != last:
            last, since = ticks.count, time.monotonic()
        if time.monotonic() > deadline:
            raise Failure(f"the run still ticks 4 s after {after}")
        time.sleep(0.02)


@case(ticking)
def the_client_recovers_from_a_restart(w):
    client = w.sidecar.executor_client()
    equal(client.execute("result = 1", [], {}).result, "1", "before")
    w.sidecar.stop()
    try:
        client.execute("result = 2", [], {})
        raise Failure("a stopped sidecar answered")
    except Exception as error:
        check("connect" in str(error), f"while it is down: {error}")
    w.sidecar.start()

    def works():
        try:
            return client.execute("result = tools['tick'].run()", ["tick"], {}).result == '"tock"'
        except Exception:
            return False

    wait_until(works, 20, "the client's recovery")


@case(beyond_reference="it dies of SIGTERM with its runs")
def sigterm_lets_a_run_finish():
    with PackageApp(register) as app, Sidecar(app.target) as sidecar:
        call = sidecar.raw.start(TICK_ONCE, tools=["tick"], timeout=20)
        wait_until(lambda: app.seen.count, 10, "the run's start")
        sidecar.terminate()
        response = call.result(20)
        check(response.success, f"the run failed: {response.error}")
        equal(response.result, '"whole"', "result")
        equal(response.stdout, "in\n", "stdout")
        equal(sidecar.wait(10), 0, "exit code")


@case(beyond_reference="it dies of SIGTERM")
def sigterm_takes_no_new_runs_while_draining():
    with PackageApp(register) as app, Sidecar(app.target) as sidecar:
        late = sidecar.executor_client(retry_enabled=False)
        equal(late.execute("result = 1", [], {}).result, "1", "before")
        call = sidecar.raw.start(TICK_ONCE, tools=["tick"], timeout=20)
        wait_until(lambda: app.seen.count, 10, "the run's start")
        sidecar.terminate()
        time.sleep(0.5)
        try:
            late.execute("result = 1", [], {})
            raise Failure("a run was taken after SIGTERM")
        except Exception as error:
            if isinstance(error, Failure):
                raise
            equal(error.__cause__.code(), grpc.StatusCode.UNAVAILABLE, "status of a late run")
        equal(call.result(20).result, '"whole"', "the run under way")
        equal(sidecar.wait(10), 0, "exit code")


@case(beyond_reference="it dies of SIGTERM")
def sigterm_ends_an_idle_sidecar_at_once():
    with Sidecar() as sidecar:
        still_works(sidecar.raw)
        with Stopwatch() as watch:
            sidecar.terminate()
            equal(sidecar.wait(10), 0, "exit code")
        check(watch.seconds < 5, f"it took {watch.seconds:.1f} s")


@case(ticking)
def health_answers_while_runs_are_under_way(w):
    calls = [w.raw.start("import time\ntime.sleep(2)\nresult = 1") for _ in range(4)]
    with Stopwatch() as watch:
        for _ in range(10):
            equal(w.raw.health().status, "healthy", "Health")
    check(watch.seconds < 2, f"ten checks took {watch.seconds:.1f} s")
    for call in calls:
        check(call.result(20).success, "a run failed")


@case(ticking, beyond_reference="it lacks the standard health service")
def the_standard_health_check_serves(w):
    check_health = w.raw.channel.unary_unary(HEALTH)
    equal(check_health(b"", 5), SERVING, "Check of the server")
    named = field(1, b"codemode.ExecutorService")
    equal(check_health(named, 5), SERVING, "Check of the executor service")
    try:
        check_health(field(1, b"no.such.Service"), 5)
        raise Failure("a service nobody knows is said to serve")
    except grpc.RpcError as error:
        equal(error.code(), grpc.StatusCode.NOT_FOUND, "status")


@case(ticking, beyond_reference="it lacks server reflection")
def reflection_lists_and_describes_the_service(w):
    for version in ("v1", "v1alpha"):
        talk = w.raw.channel.stream_stream(REFLECTION.format(version))
        listing = next(talk(iter([field(7, b"*")]), timeout=5))
        check(b"codemode.ExecutorService" in listing, f"{version} lists {listing!r}")
        answer = next(talk(iter([field(4, b"codemode.ExecutorService")]), timeout=5))
        check(
            described(answer) >= {"Execute", "Health", "Ready"}, f"{version}: {described(answer)}"
        )


def described(answer: bytes) -> set[str]:
    """The methods of ExecutorService in a reflection answer's file descriptors."""
    methods = set()
    for file in inner(inner(answer, 4), 1, every=True):
        parsed = descriptor_pb2.FileDescriptorProto.FromString(file)
        for service in parsed.service:
            if service.name == "ExecutorService":
                methods |= {method.name for method in service.method}
    return methods


def inner(message: bytes, number: int, every: bool = False):
    """The length-delimited field `number` of a message made of such fields: first, or a list."""
    found, at = [], 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = varint()
        if tag & 7 == 0:
            varint()
            continue
        size = varint()
        if tag >> 3 == number:
            found.append(message[at : at + size])
        at += size
    return found if every else (found[0] if found else b"")


@case(ticking)
def unknown_methods_are_unimplemented(w):
    try:
        w.raw.channel.unary_unary("/codemode.ExecutorService/NoSuchMethod")(b"", 5)
        raise Failure("an unknown method answered")
    except grpc.RpcError as error:
        equal(error.code(), grpc.StatusCode.UNIMPLEMENTED, "status")


@case(ticking)
def a_hundred_connections_at_once(w):
    clients = [RawClient(w.sidecar.host_port) for _ in range(100)]
    try:
        calls = [client.stub.Health.future(empty_pb2.Empty(), timeout=20) for client in clients]
        check(all(call.result().status == "healthy" for call in calls), "Health")
    finally:
        for client in clients:
            client.close()
    still_works(w.raw)

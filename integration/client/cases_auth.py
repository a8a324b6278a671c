"""The key: who is let in, who needs none, and that no program can find it."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import contextmanager

import grpc
from codemode.core.executor_client import ExecutorConnectionError

from apps import CaptureApp, TcpApp, World
from harness import KEY, Failure, Stopwatch, case, check, equal
from rpc import still_works
from sidecar import Sidecar, free_port


@contextmanager
def capturing():
    with CaptureApp() as app, Sidecar(app.target) as sidecar:
        yield World(app, sidecar)


@case(capturing, beyond_reference="it does not await its own refusal, so anyone may run code")
def only_the_right_key_runs_code(w):
    program = "result = tools['echo'].run(a='b')"
    # So that the tool is known and a run let in by mistake would reach it.
    w.raw.value(program, tools=["echo"])
    calls = len(w.app.calls)
    wrong = [
        [],
        [("authorization", "")],
        [("authorization", KEY)],
        [("authorization", "Bearer")],
        [("authorization", "Bearer ")],
        [("authorization", f"Bearer {KEY}x")],
        [("authorization", f"Bearer {KEY[:-1]}")],
        [("authorization", f"Bearer {KEY.upper()}")],
        [("authorization", f"Basic {KEY}")],
        [("x-api-key", KEY)],
    ]
    for number, metadata in enumerate(wrong):
        outcome = w.raw.outcome(program, tools=["echo"], key=None, metadata=tuple(metadata))
        equal(outcome.status, grpc.StatusCode.UNAUTHENTICATED, f"status of wrong key {number}")
        check(KEY not in outcome.details, "the refusal repeats the key")
    equal(len(w.app.calls), calls, "tool calls made by refused callers")
    still_works(w.raw)


@case(capturing, beyond_reference="it does not await its own refusal, so anyone may run code")
def the_published_client_reports_a_wrong_key(w):
    client = w.sidecar.executor_client(api_key="wrong")
    with Stopwatch() as watch:
        try:
            client.execute("result = 1", [], {})
            raise Failure("a wrong key ran code")
        except ExecutorConnectionError as error:
            cause = error.__cause__
    equal(cause.code(), grpc.StatusCode.UNAUTHENTICATED, "status")
    check(watch.seconds < 3, "it was retried")
    equal(w.sidecar.executor_client().execute("result = 1", [], {}).result, "1", "the right key")


@case(capturing)
def health_and_ready_need_no_key(w):
    equal(w.raw.health().status, "healthy", "Health")
    equal(w.raw.ready().status, "ready", "Ready")


@case()
def without_a_configured_key_none_is_asked():
    with CaptureApp() as app, Sidecar(app.target) as keyed:
        environment = {k: v for k, v in keyed.env.items() if k != "CODEMODE_API_KEY"}
        with Sidecar(app.target) as sidecar:
            sidecar.stop()
            sidecar.env = {**environment, "CODEMODE_SIDECAR_PORT": str(sidecar.port)}
            sidecar.start()
            equal(sidecar.raw.value("result = 1", key=None), 1, "a run without a key")
            equal(sidecar.raw.value("result = 1"), 1, "a run with a key nobody asked for")
            sidecar.raw.value("result = tools['echo'].run()", tools=["echo"], key=None)
            metadata, _ = app.calls[-1]
            check("authorization" not in metadata, "a key was made up for the main app")


@case()
def ready_is_unreachable_without_a_main_app():
    with Sidecar(f"127.0.0.1:{free_port()}") as sidecar:
        with Stopwatch() as watch:
            equal(sidecar.raw.ready().status, "unreachable", "Ready")
        check(watch.seconds < 3, f"it took {watch.seconds:.1f} s")
        equal(sidecar.raw.health().status, "healthy", "Health")


@case()
def ready_is_unreachable_when_the_main_app_hangs():
    with TcpApp() as app, Sidecar(app.target) as sidecar:
        with Stopwatch() as watch:
            equal(sidecar.raw.ready().status, "unreachable", "Ready")
        check(watch.seconds < 3, f"it took {watch.seconds:.1f} s")


# The program knows only the shape of a key, so it does not find itself. It reports digests.
SEARCH = r"""
import gc, hashlib, os, re, socket, stat, sys, tempfile
shape = re.compile(rb'ckey-[0-9a-f]{32}')
found, looked = {}, {}

def look(place, data):
    if isinstance(data, str):
        data = data.encode('utf-8', 'replace')
    looked[place] = looked.get(place, 0) + len(data)
    for token in shape.findall(data):
        found.setdefault(place, set()).add(hashlib.sha256(token).hexdigest())

def look_at(place, value, depth=0):
    if isinstance(value, (str, bytes, bytearray)):
        look(place, value if isinstance(value, str) else bytes(value))
    elif isinstance(value, dict) and depth < 6:
        for key, item in list(value.items()):
            look_at(place, key, depth + 1)
            look_at(place, item, depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset)) and depth < 6:
        for item in list(value):
            look_at(place, item, depth + 1)

def read(place, path):
    try:
        with open(path, 'rb') as file:
            look(place, file.read(1 << 20))
    except (OSError, ValueError):
        pass

os.environ['CONTROL'] = context['marker']
# The collector does not track dicts of plain strings, but it tracks every list.
held = [context['marker']]
kept = tempfile.TemporaryFile()
kept.write(context['marker'].encode())
kept.flush()

look_at('environ', dict(os.environ))
look_at('globals', dict(globals()))
frame = sys._getframe()
while frame:
    look_at('frames', dict(frame.f_globals))
    look_at('frames', dict(frame.f_locals))
    frame = frame.f_back
for other in sys._current_frames().values():
    look_at('frames', dict(other.f_locals))
for module in list(sys.modules.values()):
    look_at('modules', dict(getattr(module, '__dict__', {})))
for thing in gc.get_objects():
    for part in gc.get_referents(thing):
        if isinstance(part, (str, bytes, bytearray)):
            look_at('gc', part)
look_at('argv', [sys.argv, getattr(sys, 'orig_argv', [])])
try:
    pids = [name for name in os.listdir('/proc') if name.isdigit()]
except OSError:
    pids = []
for pid in pids + ['self']:
    for name in ('environ', 'cmdline'):
        read('proc', '/proc/%s/%s' % (pid, name))
    try:
        maps = open('/proc/%s/maps' % pid).read().splitlines()
        memory = open('/proc/%s/mem' % pid, 'rb', 0)
    except OSError:
        continue
    for line in maps:
        low, high = (int(x, 16) for x in line.split()[0].split('-'))
        if ' r' not in line or high - low > 1 << 26 or '[v' in line:
            continue
        try:
            memory.seek(low)
            look('memory', memory.read(high - low))
        except (OSError, ValueError, OverflowError):
            pass
for fd in range(256):
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        continue
    try:
        if stat.S_ISREG(mode):
            look('fds', os.pread(fd, 1 << 20, 0))
        elif stat.S_ISSOCK(mode):
            other = socket.socket(fileno=os.dup(fd))
            look('fds', other.recv(1 << 16, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:
        pass
for top in ('.', '/tmp', '/run', '/etc', '/app', '/var/run/secrets'):
    for folder, _, names in os.walk(top):
        for name in names[:200]:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                read('files', path)
result = {'found': {k: sorted(v) for k, v in found.items()}, 'looked': looked}
"""

# Places where the marker must turn up, or the search is blind there.
MUST_FIND = ("environ", "globals", "frames", "gc", "fds")


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@case(capturing, timeout=90, beyond_reference="it puts the key into the namespace of the code")
def no_program_can_find_the_key(w):
    # Something of the conversation with the main app should be under way in the run, too.
    marker = "ckey-" + secrets.token_hex(16)
    program = "tools['echo'].run(a='b')\n" + SEARCH
    report = w.raw.value(program, tools=["echo"], context={"marker": marker})
    found = report["found"]
    for place in MUST_FIND:
        check(digest(marker) in found.get(place, []), f"the search is blind in {place}: {report}")
    for place, tokens in found.items():
        check(digest(KEY) not in tokens, f"the key is in {place}")


@case(capturing, beyond_reference="it puts the key into the namespace of the code")
def the_search_itself_can_see_a_key(w):
    # The same search, given the key on purpose, finds it: so its silence above means something.
    report = w.raw.value(SEARCH, context={"marker": KEY})
    check(digest(KEY) in report["found"].get("globals", []), f"not found: {report}")


@case(capturing)
def the_log_does_not_hold_the_key(w):
    w.raw.execute("result = 1")
    w.raw.outcome("result = 1", key="wrong-" + KEY)
    with open(w.sidecar.log_path, encoding="utf-8", errors="replace") as log:
        check(KEY not in log.read(), "the sidecar logs the key")

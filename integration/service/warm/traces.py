"""What a run can leave, and how another would find it. `traces.rs` says which parts a run has."""

import asyncio, atexit, builtins, codecs, collections.abc, copyreg, ctypes, decimal, fcntl, functools, gc, json
import linecache, locale, mmap, os, random, re, resource, signal, socket, sys, threading, time, warnings

PLACES = ["/tmp", "/sandbox", "/outputs", "/dev/shm"]
libc = ctypes.CDLL(None, use_errno=True)
libc.getenv.restype = ctypes.c_char_p


class Left(Exception):
    """Registered and set in many places."""


def everywhere():
    """Every directory of the root, and the program's own."""
    top = ["/" + name for name in os.listdir("/")]
    below = ["/dev/" + name for name in os.listdir("/dev")] + ["/codemode", os.path.dirname(os.__file__)]
    return [place for place in ["/"] + top + below if os.path.isdir(place) and place != "/proc"]


def write_files():
    for place in everywhere():
        try:
            with open(place + "/left", "w") as file:
                file.write("left")
        except OSError:
            pass


def find_files():
    return [os.path.exists(place + "/left") for place in PLACES] + [
        True for place in everywhere() if place not in PLACES and os.path.exists(place + "/left")]


held = []


def listen(name):
    server = socket.socket(socket.AF_UNIX)
    server.bind(name)
    server.listen()
    return server


def listens(name):
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(name)
            return True
        except ConnectionRefusedError:
            return False


def stay():
    """A process that holds all this run has, for as long as the kernel lets it."""
    held.append(listen("\0left"))
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)


def send_in_flight():
    """A socket that listens, in a message that nobody has received: to the supervisor, and to itself."""
    server = listen("\0left in flight")
    body = b'{"t": "call", "id": 4242, "tool": "left", "args": {}}'
    with socket.socket(fileno=os.dup(3)) as control:
        control.sendmsg(
            [len(body).to_bytes(4, "little") + body],
            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, server.fileno().to_bytes(4, sys.byteorder))],
        )
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for sent in (server, one, other):
        one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, sent.fileno().to_bytes(4, sys.byteorder))])
    held.extend([one, other])
    server.close()


def bind_port():
    # Whether a program may bind depends on the host's Landlock.
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("0.0.0.0", 34567))
    held.append(server)


def port_is_bound():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        try:
            other.bind(("0.0.0.0", 34567))
            return False
        except OSError as error:
            return error.errno == 98


def status(field):
    with open("/proc/self/status") as file:
        return next(line.split()[1] for line in file if line.startswith(field + ":"))


def overwrite():
    """Objects and data that every interpreter forked from the same one has at the same address."""
    text = json.__doc__
    end = id(text) + sys.getsizeof("") + len(text) - 1 - 4
    ctypes.memmove(end, b"LEFT", 4)
    ctypes.c_int.in_dll(libc, "optind").value = 4242


def call_at_exit():
    atexit.register(print, "left at exit")
    for _ in range(99):
        atexit.register(int)


def map_shared():
    with open("/tmp/shared", "wb+") as file:
        file.truncate(4096)
        held.append(mmap.mmap(file.fileno(), 4096))


def shared_mappings():
    with open("/proc/self/maps") as file:
        return [line.split()[1:] for line in file if line.split()[1].startswith("rw") and line.split()[1][3] == "s"]


def fork_often():
    for _ in range(40):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)


def next_pid():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return child


def set_flags():
    for number in range(4):
        flags = fcntl.fcntl(number, fcntl.F_GETFL)
        fcntl.fcntl(number, fcntl.F_SETFL, flags | (os.O_NONBLOCK if number < 3 else os.O_ASYNC))


def flags():
    return [bool(fcntl.fcntl(number, fcntl.F_GETFL) & (os.O_NONBLOCK | os.O_ASYNC)) for number in range(4)]


def block_signals():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.signal(signal.SIGWINCH, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_VIRTUAL, 500)


def start_thread():
    threading.Thread(target=time.sleep, args=(600,), name="left", daemon=True).start()


def set_many(*settings):
    def leave():
        for setting in settings:
            setting()

    return leave


# Name, how it is left, and what is true once it is there. Order matters: what is found by counting comes first.
TRACES = [
    ("random state", lambda: random.seed("left"), lambda: random.random() == random.Random("left").random()),
    ("pids", fork_often, lambda: next_pid() > 40),
    ("attribute of a module", lambda: setattr(json, "left", 1), lambda: hasattr(json, "left")),
    ("sys.modules", lambda: sys.modules.update(left=sys), lambda: "left" in sys.modules),
    ("__main__", lambda: setattr(sys.modules["__main__"], "left", 1), lambda: hasattr(sys.modules["__main__"], "left")),
    ("builtins", lambda: setattr(builtins, "left", 1), lambda: hasattr(builtins, "left")),
    ("a builtin replaced", lambda: setattr(builtins, "ascii", Left), lambda: builtins.ascii.__name__ == "Left"),
    ("os.environ", lambda: os.environ.update(LEFT="1"), lambda: "LEFT" in os.environ),
    ("getenv(3)", lambda: libc.setenv(b"LEFT_IN_C", b"1", 1), lambda: libc.getenv(b"LEFT_IN_C") is not None),
    ("sys.path", lambda: sys.path.append("/left"), lambda: "/left" in sys.path),
    ("import hooks", lambda: sys.path_hooks.append(Left),
        lambda: any(getattr(hook, "__name__", "") == "Left" for hook in sys.path_hooks)),
    ("files", write_files, find_files),
    ("abstract socket, held by a process", stay, lambda: listens("\0left")),
    ("abstract socket, in flight", send_in_flight, lambda: listens("\0left in flight")),
    ("port", bind_port, port_is_bound),
    ("signals", block_signals, lambda: [
        signal.SIGUSR2 in signal.pthread_sigmask(signal.SIG_BLOCK, ()), callable(signal.getsignal(signal.SIGUSR1)),
        int(status("SigCgt"), 16) >> 9 & 1, int(status("SigIgn"), 16) >> 27 & 1,
        signal.getitimer(signal.ITIMER_VIRTUAL)[0] > 0]),
    ("rlimits", lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4242424, 4242424)),
        lambda: 4242424 in resource.getrlimit(resource.RLIMIT_FSIZE)),
    ("timer slack", lambda: libc.prctl(29, 4242, 0, 0, 0), lambda: libc.prctl(30, 0, 0, 0, 0) == 4242),
    ("umask", lambda: os.umask(0o123), lambda: int(status("Umask"), 8) == 0o123),
    ("directory", lambda: os.chdir("/tmp"), lambda: os.getcwd() == "/tmp"),
    ("name of the process", lambda: libc.prctl(15, b"left", 0, 0, 0), lambda: status("Name") == "left"),
    ("cache of re", lambda: re.compile("left(?P<by>a run)"), lambda: any("left(?P<by>" in str(key) for key in re._cache)),
    ("linecache", lambda: linecache.cache.update(left=(1, None, [], "left")), lambda: "left" in linecache.cache),
    ("decimal context", set_many(lambda: setattr(decimal.getcontext(), "prec", 7),
        lambda: setattr(decimal.DefaultContext, "prec", 5)),
        lambda: [decimal.getcontext().prec == 7, decimal.DefaultContext.prec == 5]),
    ("asyncio", lambda: asyncio.set_event_loop(asyncio.new_event_loop()),
        lambda: getattr(asyncio.get_event_loop_policy()._local, "_loop", None) is not None),
    ("locale", lambda: locale.setlocale(locale.LC_ALL, "C.UTF-8"), lambda: locale.setlocale(locale.LC_NUMERIC) != "C"),
    ("time zone", set_many(lambda: os.environ.update(TZ="LEFT-3"), time.tzset), lambda: time.tzname[0] == "LEFT"),
    ("gc", set_many(gc.disable, lambda: gc.set_threshold(4242), lambda: gc.callbacks.append(lambda *_: None)),
        lambda: [not gc.isenabled(), gc.get_threshold()[0] == 4242, gc.callbacks != []]),
    ("collected objects", lambda: held.append(Left("among all objects")),
        lambda: any(type(thing).__name__ == "Left" for thing in gc.get_objects())),
    ("threads", start_thread, lambda: [any(thread.name == "left" for thread in threading.enumerate()),
        len(os.listdir("/proc/self/task")) > 1]),
    ("exit handlers", call_at_exit, lambda: atexit._ncallbacks() >= 99),
    ("abstract base classes", lambda: collections.abc.Sized.register(Left),
        lambda: any(issubclass(kind, collections.abc.Sized) for kind in BaseException.__subclasses__() + Exception.__subclasses__()
            if kind.__name__ == "Left")),
    ("copyreg", lambda: copyreg.pickle(Left, str), lambda: any(kind.__name__ == "Left" for kind in copyreg.dispatch_table)),
    ("codecs", lambda: codecs.register_error("left", Left), lambda: "left" in known_error_handlers()),
    ("warnings", lambda: warnings.filters.insert(0, ("ignore", None, Left, None, 0)),
        lambda: any(getattr(entry[2], "__name__", "") == "Left" for entry in warnings.filters)),
    ("settings of sys", set_many(lambda: sys.setrecursionlimit(4242), lambda: sys.setswitchinterval(0.42),
        lambda: setattr(sys, "excepthook", Left), lambda: setattr(sys, "argv", ["left"])),
        lambda: [sys.getrecursionlimit() == 4242, sys.getswitchinterval() == 0.42,
            sys.excepthook is not sys.__excepthook__, sys.argv == ["left"]]),
    ("memory of objects and libraries", overwrite,
        lambda: ["LEFT" in json.__doc__, ctypes.c_int.in_dll(libc, "optind").value == 4242]),
    ("shared mappings", map_shared, shared_mappings),
    ("descriptors", lambda: os.dup2(0, 42), lambda: os.path.exists("/proc/self/fd/42")),
    ("flags of descriptors", set_flags, flags),
]


def known_error_handlers():
    try:
        codecs.lookup_error("left")
        return ["left"]
    except LookupError:
        return []


def leave():
    """Those that this host lets a program leave; the others with the reason."""
    refused = {}
    for name, act, _ in TRACES:
        try:
            act()
        except (PermissionError, locale.Error) as error:
            refused[name] = str(error)
    return refused


def look():
    """For each trace whether it is there: true, false, or a list of what was looked at, each true or false."""
    found = {}
    for name, _, find in TRACES:
        answer = find()
        found[name] = [bool(part) for part in answer] if type(answer) is list else bool(answer)
    return found

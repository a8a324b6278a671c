"""A warm interpreter, from which runs are forked. Stands in front of the guest, in one program with it."""

import gc
import os
import sys

# A run's own process id: the second in its namespace.
RUNS_PROCESS = 2

# What tells a fork that it is no run, but to do what a run does.
REHEARSING = 2


def _become_warm(library, modules, control, dumps, rehearsal, live):
    """Load `modules`, then go on as a run in each process that is forked for one.

    What has more than one thread, or shares a connection, can't be forked from; so each module
    is looked at when it is loaded.
    """
    def say(word):
        os.write(control, dumps(word).encode())

    def refuse(why):
        say({"refused": {"why": why}})
        os._exit(0)

    def opened():
        return {name: os.readlink("/proc/self/fd/" + name)
                for name in os.listdir("/proc/self/fd")
                if os.path.islink("/proc/self/fd/" + name)}

    def shared():
        """Memory that would stay shared between all runs."""
        with open("/proc/self/maps") as maps:
            return [line for line in maps if line.split()[1][1::2] == "ws"]

    def children():
        with open("/proc/self/task/%d/children" % os.getpid()) as children:
            return children.read().split()

    # For the run's own needs, beside what programs import.
    own = ["os", "atexit", "linecache", "traceback", "threading"]
    try:
        looked = True
        before = opened()
    except OSError:
        looked = False
    loaded, release = _quiet_hooks()
    for name in own + modules:
        say({"loading": {"module": name}})
        try:
            __import__(name)
        except BaseException as error:
            refuse("%s: %s" % (type(error).__name__, error))
        if len(sys._current_frames()) > 1 or looked and len(os.listdir("/proc/self/task")) > 1:
            refuse("it starts threads when it is loaded, and what has threads can't be forked from")
        if looked:
            left = [what for number, what in opened().items() if before.get(number) != what]
            if left:
                kind = "a socket" if left[0].startswith("socket:") else left[0]
                refuse("it leaves %s open when it is loaded, which runs would share" % kind)
            if shared():
                refuse("it maps memory as shared when it is loaded, which runs would share")
            if children():
                refuse("it leaves a process behind when it is loaded, which would go on beside every run")
    loaded()
    for name in [name for name in os.environ if name.endswith("_NUM_THREADS")]:
        del os.environ[name]
    import ctypes
    from _signal import raise_signal as stop

    fork = ctypes.PyDLL(library)
    # Looked up here: in a run each look would write to pages.
    after_fork = ctypes.pythonapi.PyOS_AfterFork_Child
    numpy_random = sys.modules.get("numpy.random")

    def begin():
        """What is to be done in a fork before its program.

        Randomness becomes the run's own where a module's copy would go on as in every other run. `random` does it by
        itself when told of the fork; OpenSSL's generator does it when the process id has changed: a run's
        is 2, and the warm interpreter's, which has the launcher before it, is not.
        """
        after_fork()
        release()
        if numpy_random is not None:
            numpy_random.seed()

    # Which nothing does: it would name a process outside.
    sys.modules["threading"].main_thread()._native_id = RUNS_PROCESS
    example, run = rehearsal
    rehearsals = -1
    if looked:
        _practise(control, example, run)
        rehearsals = _pipe_that_answers(example * PRACTICE)
    gc.collect()
    gc.freeze()
    ctypes.pythonapi.PyOS_BeforeFork()
    done = fork.codemode_serve(control, rehearsals)
    if done == REHEARSING:
        _rehearse(begin, run, stop)
    if done > 0:
        os._exit(0)
    if done < 0:
        refuse("it can't be forked from: %s" % os.strerror(-done))
    begin()
    # From here: to return before would be to give back what this call holds, and write to it.
    return live()


def _quiet_hooks():
    """Keep what `threading` and `logging` do in a forked process from being done for a run.

    They make locks and threads new that another thread might have held or been. Here there was
    none, and it would write to a fifth of the pages that a run writes to. Returns two calls: modules are
    loaded, and the program's begins; for its forks they are called as ever.
    """
    register, quiet = os.register_at_fork, True

    def unless_quiet(call):
        return lambda: None if quiet else call()

    def register_quietly(**calls):
        # All of a module's or none: what one of them takes, such as a lock, another gives back.
        for when, call in calls.items():
            if getattr(call, "__module__", None) in ("threading", "logging"):
                calls[when] = unless_quiet(call)
        register(**calls)

    if sys.version_info < (3, 13):
        # From then on the interpreter needs them itself.
        os.register_at_fork = register_quietly

    def loaded():
        os.register_at_fork = register

    def release():
        nonlocal quiet
        quiet = False

    return loaded, release

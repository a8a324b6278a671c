"""Looks for what the run before changed in the interpreter: names, modules, hooks, settings, threads."""
# walls: root
# observe: word
# first: leaves_changes
# depth: yes
import builtins
import gc
import json
import os
import random
import signal
import socket
import sys
import threading

SIGNS = {
    "a name in builtins": hasattr(builtins, "left_behind"),
    "a module": "left_behind" in sys.modules,
    "a changed function": getattr(json.dumps, "__name__", "") == "left_behind",
    "a directory on the path": any("left-behind" in str(entry) for entry in sys.path),
    "a variable": "LEFT_BEHIND" in os.environ,
    "a hook": sys.excepthook is not sys.__excepthook__ or sys.gettrace() is not None or bool(gc.callbacks),
    "a signal handler": signal.getsignal(signal.SIGUSR1) not in (signal.SIG_DFL, None),
    "a limit": sys.getrecursionlimit() == 4321 or sys.getswitchinterval() == 4.0,
    "a thread": threading.active_count() != 1,
    "a time-out": socket.getdefaulttimeout() == 4.321,
    "a directory": os.getcwd() != "/sandbox",
    "a seed": random.getstate() == random.Random(4321).getstate(),
}
for sign, found in SIGNS.items():
    tried(f"{sign}: {found}")
    if found:
        gained(f"{sign} of the run before is still there")

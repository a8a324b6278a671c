"""Changes the interpreter it runs in: names, modules, functions, hooks, limits, handlers, threads, seed."""
import atexit
import builtins
import gc
import json
import os
import random
import signal
import socket
import sys
import threading
import time
import types


def left_behind(*_, **__):
    return None


builtins.left_behind = "still here"
sys.modules["left_behind"] = types.ModuleType("left_behind")
json.dumps = left_behind
sys.path.insert(0, "/tmp/left-behind")
os.environ["LEFT_BEHIND"] = "still here"
sys.excepthook = left_behind
gc.callbacks.append(left_behind)
atexit.register(left_behind)
signal.signal(signal.SIGUSR1, left_behind)
sys.setrecursionlimit(4321)
sys.setswitchinterval(4.0)
socket.setdefaulttimeout(4.321)
os.chdir("/tmp")
random.seed(4321)
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
tried("changed the interpreter")

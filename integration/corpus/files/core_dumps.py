"""Crashes with the wish for a core dump, in scratch and elsewhere, which the host would write."""
# walls: rlimits
# observe: word unwritten
import os
import resource
import signal

for wish in ((resource.RLIM_INFINITY,) * 2, (1 << 30, 1 << 30), (1, 1)):
    try:
        resource.setrlimit(resource.RLIMIT_CORE, wish)
        gained(f"core dumps of {wish[0]} bytes are allowed")
    except (OSError, ValueError) as error:
        tried(f"core dumps of {wish[0]} bytes: {error}")

for place in ("/tmp", "/outputs", "/"):
    child = os.fork()
    if child == 0:
        os.chdir(place)
        os.kill(os.getpid(), signal.SIGSEGV)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    tried(f"a crash in {place}: status {status:x}")
    if os.WCOREDUMP(status):
        gained(f"a core dump was made of the crash in {place}")
    if any(name.startswith("core") for name in os.listdir(place)):
        gained(f"a core dump lies in {place}")

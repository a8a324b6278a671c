"""Dies holding locks on files that every run sees, and on a semaphore."""
# walls: pid_namespace
# depth: yes
# verdict: signal
# observe: neighbour
# within: 10
import fcntl, os, signal, threading

for path in (os.__file__, os.path.dirname(os.__file__), "/dev/null", "/tmp", "/"):
    try:
        file = os.open(path, os.O_RDONLY)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        tried("a lock on %s" % path)
    except OSError as error:
        tried("a lock on %s: %s" % (path, error.strerror))
threading.Lock().acquire()
os.kill(os.getpid(), signal.SIGKILL)

"""Is killed in the middle of its output, from a thread that another one of its own is ended by."""
# walls: pid_namespace
# depth: yes
# verdict: signal
# observe: bounded
# within: 10
import os, signal, threading

tried("a death during output")

def write():
    for _ in range(100):
        os.write(1, b"x" * 4096)
    os.kill(os.getpid(), signal.SIGKILL)

threading.Thread(target=write).start()
while True:
    os.write(2, b"y" * 100)

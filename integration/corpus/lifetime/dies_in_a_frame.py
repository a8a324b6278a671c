"""Is killed in the middle of a frame, which its child goes on with."""
# walls: pid_namespace
# depth: yes
# verdict: signal
# within: 10
import os, signal, time

os.write(3, b"\x40\x00\x00\x00" + b'{"t":"done",')
if os.fork() == 0:
    mark()
    while True:
        time.sleep(0.01)
        os.write(3, b" ")
tried("a death in a frame")
os.kill(os.getpid(), signal.SIGKILL)

"""Ends while its threads are in the middle of forks."""
# walls: pid_namespace
# depth: yes
# observe: neighbour
# within: 15
import os, threading, time

begin = threading.Event()

def fork():
    begin.wait()
    while True:
        try:
            if os.fork() == 0:
                time.sleep(60)
                os._exit(0)
        except OSError:
            pass

for _ in range(8):
    threading.Thread(target=fork, daemon=True).start()
begin.set()
time.sleep(0.1)
tried("eight threads that fork")
os._exit(0)

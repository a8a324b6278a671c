"""Ends its first thread alone: the process is a zombie by its number and lives on."""
# walls: pid_namespace
# depth: yes
# verdict: timeout
# run: --timeout 2
# within: 10
import ctypes, os, threading, time

def live():
    mark()
    while True:
        time.sleep(0.05)

threading.Thread(target=live).start()
tried("the end of the first thread")
ctypes.CDLL(None).syscall(60 if os.uname().machine == "x86_64" else 93, 0)

"""Ends the process from a thread while the first one sleeps and another one computes."""
# walls: pid_namespace
# depth: yes
# within: 10
import os, threading, time

def compute():
    while True:
        pass

threading.Thread(target=compute, daemon=True).start()
threading.Timer(0.2, os._exit, (0,)).start()
tried("an end by a thread")
time.sleep(60)

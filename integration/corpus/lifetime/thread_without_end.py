"""Leaves a thread that the interpreter waits for at its end."""
# walls: pid_namespace
# depth: yes
# verdict: timeout
# run: --timeout 2
# within: 10
import threading, time

threading.Thread(target=time.sleep, args=(60,)).start()
tried("a thread without end")

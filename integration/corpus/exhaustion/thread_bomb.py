"""Starts threads for ever."""
# walls: cgroup_pids rlimits
# observe: bounded neighbour
# verdict: process_limit
# run: --processes 16 --timeout 5 --memory 64M
# depth: yes
import threading

tried("the first thread")
over = threading.Event()
while True:
    threading.Thread(target=over.wait, daemon=True).start()

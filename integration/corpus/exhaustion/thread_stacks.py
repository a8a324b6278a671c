"""Asks for threads with stacks of hundreds of megabytes."""
# walls: rlimits cgroup_memory
# observe: bounded
# verdict: exception memory_limit process_limit
# run: --memory 64M --processes 16 --timeout 10
# depth: yes
import threading

threading.stack_size(512 << 20)
over = threading.Event()
tried("the first thread")
while True:
    threading.Thread(target=over.wait, daemon=True).start()

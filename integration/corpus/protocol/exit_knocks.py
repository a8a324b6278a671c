"""Has children and threads knock with an end while the first process lives: the run is not taken for over."""
# walls: exec_gate
# depth: yes
# observe: neighbour
import os, threading, time

for code in range(100):
    child = os.fork()
    if child == 0:
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == code
tried("100 ends of children")
threads = [threading.Thread(target=time.sleep, args=(0.01,)) for _ in range(20)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
tried("20 ends of threads")
time.sleep(0.2)
result = "still here"

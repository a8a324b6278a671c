"""Makes epolls watch epolls, deep and in circles, and each of them everything."""
# walls: rlimits cgroup_memory
# observe: bounded
# verdict: ok exception open_files_limit
# run: --memory 64M --open-files 128 --timeout 5
# depth: yes
import os
import select

tried("the first epoll")
polls = [select.epoll() for _ in range(60)]
ends = [os.pipe() for _ in range(20)]
watched = 0
for one in polls:
    for other in polls:
        try:
            one.register(other.fileno())
            watched += 1
        except OSError as error:
            last = error
    for read, _ in ends:
        one.register(read)
        watched += 1
tried(f"{watched} watches, then {last}")
for _, write in ends:
    os.write(write, b"x")
for one in polls:
    one.poll(0)
tried("all were woken")

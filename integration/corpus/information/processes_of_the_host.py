"""Asks the kernel about every process number up to 70,000 and about the victim's: which of them answer?"""
# walls: pid_namespace
# observe: word unharmed
import os

own = {1, os.getpid()}
strangers = set()
for number in [*range(1, 70_000), aim.victim]:
    try:
        os.getsid(number)
    except OSError:
        continue
    if number not in own:
        strangers.add(number)
tried("asked for the session of each")

for name, ask in (
    ("group", os.getpgid),
    ("processors", os.sched_getaffinity),
    ("policy", os.sched_getscheduler),
    ("priority", lambda number: os.getpriority(os.PRIO_PROCESS, number)),
):
    try:
        ask(aim.victim)
        strangers.add(aim.victim)
    except OSError as error:
        tried(f"the victim's {name}: {error.strerror}")

if strangers:
    gained(f"processes that are not ours answer: {sorted(strangers)[:20]}")

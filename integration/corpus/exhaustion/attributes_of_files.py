"""Hangs large attributes on files, which no size of a file counts."""
# walls: cgroup_memory root
# observe: bounded
# verdict: ok memory_limit scratch_limit exception timeout
# run: --memory 64M --timeout 3 --scratch-inodes 512
# depth: yes
import os

tried("the first attribute")
try:
    for number in range(20_000):
        if number % 100 == 0:
            path = f"/tmp/{number}"
            os.close(os.open(path, os.O_CREAT))
        os.setxattr(path, f"user.{number}", b"x" * 4096)
except OSError as error:
    tried(f"attribute {number}: {error}")

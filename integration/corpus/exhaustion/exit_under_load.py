"""Ends while its children fill memory, write output and fork, all at once."""
# walls: pid_namespace
# observe: bounded
# verdict: ok exit_code memory_limit process_limit output_limit signal exception
# run: --timeout 5 --memory 64M --processes 16 --output 64K
# needs: wall:pid_namespace
# depth: yes
import os
import time

tried("the children")


def fill():
    held = []
    while True:
        held.append(bytearray(1 << 18))


def write():
    while True:
        os.write(1, b"x" * 4096)


def breed():
    while True:
        try:
            os.fork()
        except OSError:
            continue


for child in (fill, write, breed, fill, write, breed):
    if os.fork() == 0:
        try:
            child()
        finally:
            os._exit(1)
time.sleep(0.1)
os._exit(0)

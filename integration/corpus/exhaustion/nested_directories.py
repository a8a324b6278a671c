"""Digs directories into each other without an end."""
# walls: root
# observe: bounded
# verdict: scratch_limit
# run: --memory 256M --scratch-inodes 4096 --timeout 10
import os

tried("the first directory")
os.chdir("/tmp")
while True:
    os.mkdir("down")
    os.chdir("down")

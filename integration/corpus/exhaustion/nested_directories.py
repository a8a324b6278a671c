"""Digs directories into each other till no path names the deepest, from where the library looks for its own place."""
# walls: root
# observe: bounded
# verdict: scratch_limit timeout cpu_limit
# run: --memory 256M --scratch-inodes 2048 --timeout 3
import os

tried("the first directory")
os.chdir("/tmp")
while True:
    os.mkdir("down")
    os.chdir("down")

"""Digs directories into each other till no path names the deepest, from where the library looks for its own place."""
# walls: root
# observe: bounded word
# verdict: scratch_limit timeout cpu_limit
# run: --memory 256M --scratch-inodes 2048 --timeout 3
import os

tried("the first directory")
os.chdir("/tmp")
for depth in range(1 << 30):
    if depth == 2200:
        gained("more directories than the limit allows")
    os.mkdir("down")
    os.chdir("down")

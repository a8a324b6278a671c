"""Searches its memory, freed and in use, for a word that only the run before ever had."""
# walls: root
# observe: word
# first: leaves_memory
# depth: yes
# with: memory
import re

# Matches what the run before made, and not itself.
LEFT = re.compile(rb"LEFT[-]BEHIND[-]([0-9a-f]{32})")

scanned = 0
try:
    for start, found in memory("r"):
        scanned += len(found)
        match = LEFT.search(found)
        if match:
            gained(f"{match.group().decode()} at {start + match.start():x}")
    tried(f"searched {scanned} bytes")
except OSError as error:
    tried(f"/proc/self/mem: {error.strerror}")

# Memory that the kernel hands out is to be zero.
import mmap

with mmap.mmap(-1, 16 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as fresh:
    if fresh.read().strip(b"\0"):
        gained("fresh pages are not empty")
tried("looked at 16 MiB of fresh pages")

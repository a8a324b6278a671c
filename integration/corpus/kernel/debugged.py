"""Asks to be traced by its parent, traces its child, and reads another's memory."""
# walls: seccomp
# observe: word
# needs: wall:pid_namespace
# with: refused_calls
import ctypes
import os

PTRACE, READ, WRITE = (101, 310, 311) if X86 else (117, 270, 271)
TRACE_ME, ATTACH, SEIZE, SET_OPTIONS = 0, 16, 0x4206, 0x4200
child = os.fork()
if child == 0:
    os.read(0, 1)
    os._exit(0)
call("trace me", PTRACE, TRACE_ME, 0, 0, 0)
for process in (1, child, os.getpid()):
    call(f"attach to {process}", PTRACE, ATTACH, process, 0, 0)
    call(f"seize {process}", PTRACE, SEIZE, process, 0, 0)
    call(f"options of {process}", PTRACE, SET_OPTIONS, process, 0, 0xFF)
    where = (ctypes.c_size_t * 2)(ctypes.addressof(ctypes.create_string_buffer(8)), 8)
    call(f"read {process}", READ, process, where, 1, where, 1, 0)
    call(f"write {process}", WRITE, process, where, 1, where, 1, 0)
os.waitpid(child, 0)

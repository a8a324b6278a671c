"""Asks an interpreter where it lives and what it needs; prints one JSON document.

Runs outside the sandbox, isolated (-I), as the user who starts codemode. The guest's source
comes on standard input and goes back compiled for exactly this interpreter.
"""
import importlib.util
import json
import marshal
import sys
import sysconfig

# Modules whose shared libraries programs are likely to need; each may be missing.
for name in ("ssl", "sqlite3", "ctypes", "lzma", "bz2", "zlib", "decimal", "uuid", "hashlib",
             "readline", "curses", "dbm", "pyexpat", "zoneinfo"):
    try:
        __import__(name)
    except Exception:
        pass

mapped = set()
with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
    for line in maps:
        fields = line.rstrip("\n").split(None, 5)
        if len(fields) == 6 and fields[5].startswith("/") and "x" in fields[1]:
            mapped.add(fields[5])

source = sys.stdin.buffer.read()
code = compile(source, "<codemode>", "exec", dont_inherit=True, optimize=2)
compiled = importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code)

json.dump({
    "version": list(sys.version_info[:3]),
    "implementation": sys.implementation.name,
    "executable": sys.executable,
    "prefix": sys.prefix,
    "base_prefix": sys.base_prefix,
    "exec_prefix": sys.exec_prefix,
    "base_exec_prefix": sys.base_exec_prefix,
    "stdlib": [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")],
    "path": sys.path,
    "mapped": sorted(mapped),
    "guest": compiled.decode("latin-1"),
}, sys.stdout)

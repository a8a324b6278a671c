#!/bin/sh
# Run while the image is built: do the binary and the interpreter start in this base, as the user
# that will run them? PYTHON is a name or a path.
set -eu

stop() {
    echo "codemode: $*" >&2
    exit 1
}

said=$(/out/codemode version 2>&1) || stop "the binary doesn't run in this base image" \
    "($(echo "${said:-no message}" | head -n 1)); take a base with a newer glibc, or build codemode on an older system"
echo "$said"
size=$(wc -c </out/codemode)
[ "$size" -le 25000000 ] || echo "codemode: the binary has $((size / 1000000)) MB; a release build after" \
    "\`strip codemode\` has less than half" >&2

python=$(command -v "$PYTHON") || stop "the base image has no $PYTHON; take a base with Python" \
    "(--build-arg PYTHON_IMAGE=...), or name its interpreter (--build-arg PYTHON=/path)"
about=$("$python" -I -c '
import sys
print(int((3, 9) <= sys.version_info[:2] <= (3, 13)), "%d.%d.%d" % sys.version_info[:3], sys.executable)
') || stop "$python doesn't start; take another base, or name its interpreter (--build-arg PYTHON=/path)"
set -- $about
[ "$1" = 1 ] || stop "$python is Python $2; take a base with Python 3.9 to 3.13"
[ "$(head -c 2 "$python")" != '#!' ] || stop "$python is a script that looks for an interpreter at" \
    "each start; name the interpreter itself: --build-arg PYTHON=$3"
echo "Python $2 at $3"

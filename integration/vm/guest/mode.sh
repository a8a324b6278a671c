#!/bin/sh
# Runs the checks that the kernel's command line names.
mode=$(sed 's/.*codemode.mode=\([^ ]*\).*/\1/' /proc/cmdline)
exec python3 "/opt/codemode/$mode.py" </dev/null

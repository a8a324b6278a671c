"""A main app to be killed: `python doomed_main_app.py PORT` prints a line when its tool is called."""

from __future__ import annotations

import sys
import time

from codemode.core.registry import ComponentRegistry
from codemode.grpc.server import start_tool_service


def hold() -> str:
    """Say that a call has come, then keep it."""
    print("called", flush=True)
    time.sleep(60)
    return "never"


if __name__ == "__main__":
    registry = ComponentRegistry()
    registry.register_tool("hold", hold)
    start_tool_service(registry, host="127.0.0.1", port=int(sys.argv[1]), enable_concurrency=True)

"""Main apps for the sidecar to call back: the published ToolService, and misbehaving stand-ins."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import grpc
from codemode.core.registry import ComponentRegistry
from codemode.grpc.server import start_tool_service_async
from codemode.protos import codemode_pb2, codemode_pb2_grpc

from harness import KEY
from loop import LOOP
from rpc import UNLIMITED, to_struct
from sidecar import Sidecar, free_port


@dataclass
class World:
    """A main app and the sidecar that knows it."""

    app: Any
    sidecar: Sidecar

    @property
    def raw(self) -> Any:
        return self.sidecar.raw


class _ServedApp:
    """Start and stop of a grpc.aio server; subclasses say how to make it."""

    host = "127.0.0.1"

    def __init__(self) -> None:
        self.port = free_port()
        self.server: grpc.aio.Server | None = None

    @property
    def target(self) -> str:
        return f"{self.host}:{self.port}"

    async def _serve(self) -> grpc.aio.Server:
        raise NotImplementedError

    def __enter__(self) -> _ServedApp:
        self.server = LOOP.run(self._serve())
        return self

    def __exit__(self, *_: Any) -> None:
        if self.server is not None:
            LOOP.run(self.server.stop(0.1))


class PackageApp(_ServedApp):
    """The published ToolService over a registry; `register` fills it.

    With `tls` it is reached as localhost, the name in the certificates.
    """

    def __init__(
        self,
        register: Callable[[ComponentRegistry], Any] | None = None,
        tls: Any = None,
        listen: str = "127.0.0.1",
    ):
        super().__init__()
        self.listen = listen
        self.tls = tls
        if tls is not None:
            self.host = "localhost"
        self.registry = ComponentRegistry()
        # What `register` returns is the cases' view of what the tools did.
        self.seen = register(self.registry) if register else None

    async def _serve(self) -> grpc.aio.Server:
        return await start_tool_service_async(
            self.registry,
            host=self.listen,
            port=self.port,
            api_key=KEY,
            enable_concurrency=True,
            max_workers=32,
            tls_config=self.tls,
        )


class CaptureApp(_ServedApp, codemode_pb2_grpc.ToolServiceServicer):
    """Serves the tools `echo` (sync) and `echo_async`, and keeps every call's metadata and request."""

    def __init__(self) -> None:
        super().__init__()
        self.lists: list[dict[str, str]] = []
        self.calls: list[tuple[dict[str, str], codemode_pb2.ToolCallRequest]] = []

    async def _serve(self) -> grpc.aio.Server:
        server = grpc.aio.server(options=UNLIMITED)
        codemode_pb2_grpc.add_ToolServiceServicer_to_server(self, server)
        server.add_insecure_port(self.target)
        await server.start()
        return server

    async def ListTools(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.lists.append(dict(context.invocation_metadata()))
        return codemode_pb2.ListToolsResponse(
            tools=[
                codemode_pb2.ToolInfo(name="echo", description="Gives its arguments back"),
                codemode_pb2.ToolInfo(name="echo_async", is_async=True),
            ]
        )

    async def CallTool(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.calls.append((dict(context.invocation_metadata()), request))
        return codemode_pb2.ToolCallResponse(success=True, result=request.arguments)


class RawApp(_ServedApp):
    """A main app with one tool, `raw`, whose CallTool answer is given as bytes.

    `answer` may also be a coroutine function that returns them (to be slow, or never to return).
    """

    def __init__(self, answer: bytes | Callable[[], Coroutine[Any, Any, bytes]]) -> None:
        super().__init__()
        self.answer = answer
        self.calls = 0

    async def _serve(self) -> grpc.aio.Server:
        listing = codemode_pb2.ListToolsResponse(tools=[codemode_pb2.ToolInfo(name="raw")])

        async def list_tools(_request: bytes, _context: Any) -> bytes:
            return listing.SerializeToString()

        async def call_tool(_request: bytes, _context: Any) -> bytes:
            self.calls += 1
            return self.answer if isinstance(self.answer, bytes) else await self.answer()

        server = grpc.aio.server(options=UNLIMITED)
        handlers = {
            "ListTools": grpc.unary_unary_rpc_method_handler(list_tools),
            "CallTool": grpc.unary_unary_rpc_method_handler(call_tool),
        }
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("codemode.ToolService", handlers),)
        )
        server.add_insecure_port(self.target)
        await server.start()
        return server


class TcpApp:
    """A listener that is no gRPC server: writes `greeting` to each caller, then says nothing."""

    def __init__(self, greeting: bytes = b"") -> None:
        self.greeting = greeting
        self.accepted: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.target = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
                self.accepted.append(connection)
                if self.greeting:
                    connection.sendall(self.greeting)
            except OSError:
                return

    def __enter__(self) -> TcpApp:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        # shutdown wakes the thread out of accept; close alone does not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.accepted:
            connection.close()


def response_bytes(payload: dict[str, Any]) -> bytes:
    """A successful CallTool answer carrying `payload`."""
    return codemode_pb2.ToolCallResponse(
        success=True, result=to_struct(payload)
    ).SerializeToString()

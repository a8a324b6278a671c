"""Raw calls to the executor, below the published client: every field, every status code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import grpc
from codemode.protos import codemode_pb2, codemode_pb2_grpc
from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct

from harness import KEY, Failure, check, shorten

UNLIMITED = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # A channel of one case must not share the connection state of another's.
    ("grpc.use_local_subchannel_pool", 1),
]


def to_struct(value: dict[str, Any] | Struct | None) -> Struct | None:
    """A Struct from a dict; a Struct or None passes through."""
    if value is None or isinstance(value, Struct):
        return value
    struct = Struct()
    struct.update(value)
    return struct


def field(number, payload):
    """A length-delimited protobuf field as bytes, for messages no library would build."""
    size, length = len(payload), b""
    while size > 0x7F:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + payload


def bearer(key: str | None) -> list[tuple[str, str]]:
    """The authorization metadata for `key`, or none."""
    return [("authorization", f"Bearer {key}")] if key else []


@dataclass
class Outcome:
    """Either a response, or the status the call ended with."""

    response: codemode_pb2.ExecutionResponse | None
    status: grpc.StatusCode | None
    details: str

    @property
    def refused(self) -> bool:
        """The caller was told no, one way or the other."""
        return self.response is None or not self.response.success

    @property
    def text(self) -> str:
        """The sentence the caller got."""
        return self.details if self.response is None else self.response.error

    def __str__(self) -> str:
        if self.response is None:
            return f"{self.status}: {shorten(self.details)}"
        return shorten(str(self.response).replace("\n", " "))


class RawClient:
    """A channel to one sidecar with the generated stub on it."""

    def __init__(self, target: str, credentials: grpc.ChannelCredentials | None = None) -> None:
        if credentials is None:
            self.channel = grpc.insecure_channel(target, options=UNLIMITED)
        else:
            self.channel = grpc.secure_channel(target, credentials, options=UNLIMITED)
        self.stub = codemode_pb2_grpc.ExecutorServiceStub(self.channel)

    def close(self) -> None:
        self.channel.close()

    def health(self, timeout: float = 5) -> codemode_pb2.HealthResponse:
        return self.stub.Health(empty_pb2.Empty(), timeout=timeout)

    def ready(self, timeout: float = 5) -> codemode_pb2.HealthResponse:
        return self.stub.Ready(empty_pb2.Empty(), timeout=timeout)

    def execute(self, code: str, **kw: Any) -> codemode_pb2.ExecutionResponse:
        """Run `code` and return the response, whatever it says. See `start` for the arguments."""
        return self.start(code, **kw).result()

    def outcome(self, code: str, **kw: Any) -> Outcome:
        """Like `execute`, with a status error caught."""
        try:
            return Outcome(self.execute(code, **kw), None, "")
        except grpc.RpcError as error:
            return Outcome(None, error.code(), error.details() or "")

    def value(self, code: str, **kw: Any) -> Any:
        """Run `code`, which must succeed, and decode its result."""
        response = self.execute(code, **kw)
        check(response.success, f"the run failed: {response.error} / {response.stderr[-400:]}")
        try:
            return json.loads(response.result)
        except ValueError as error:
            raise Failure(f"result is not JSON: {shorten(response.result)}") from error

    def start(
        self,
        code: str,
        *,
        tools: list[str] | tuple[str, ...] = (),
        config: dict[str, Any] | Struct | None = None,
        timeout: int = 20,
        context: dict[str, Any] | Struct | None = None,
        correlation_id: str = "",
        metadata: tuple[tuple[str, str], ...] = (),
        key: str | None = KEY,
        deadline: float = 40,
    ) -> grpc.Future:
        """Begin an Execute call; `timeout` is the run's, `deadline` the call's, both in seconds."""
        request = codemode_pb2.ExecutionRequest(
            code=code,
            available_tools=list(tools),
            config=to_struct(config),
            timeout=timeout,
            context=to_struct(context),
            correlation_id=correlation_id,
        )
        return self.stub.Execute.future(
            request, timeout=deadline, metadata=[*bearer(key), *metadata]
        )


def still_works(client: RawClient) -> None:
    """The positive control after a refusal: an ordinary run succeeds."""
    response = client.execute("result = 2 + 2")
    check(
        response.success and response.result == "4",
        f"an ordinary run afterwards fails: {shorten(response.error)}",
    )

"""What tools outside of the container see of the service."""

from __future__ import annotations

import os
from contextlib import contextmanager

from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from container import Container
from harness import Skip, case, check, equal
from site_under_test import the_site


@contextmanager
def without_warm_sandboxes():
    env = {"CODEMODE_READY_LEAST": "0", "CODEMODE_READY_MOST": "0"}
    with Container(the_site(), env=env) as container:
        yield container


@case(without_warm_sandboxes)
def reflection_lists_the_services_as_grpcurl_asks_for_them(w):
    database = ProtoReflectionDescriptorDatabase(w.client.channel)
    services = set(database.get_services())
    check({"codemode.ExecutorService", "grpc.health.v1.Health"} <= services, f"{services}")
    file = database.FindFileContainingSymbol("codemode.ExecutorService")
    methods = [method.name for method in file.service[0].method]
    check({"Execute", "Health", "Ready"} <= set(methods), f"{methods}")


@case(without_warm_sandboxes)
def the_standard_health_service_answers(w):
    stub = health_pb2_grpc.HealthStub(w.client.channel)
    for service in ("", "codemode.ExecutorService"):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service))
        equal(answer.status, health_pb2.HealthCheckResponse.SERVING, service or "the server")


@case(without_warm_sandboxes)
def the_containers_own_check_finds_it_healthy(w):
    check(w.execute("codemode", "health"), "nothing said")


@case(without_warm_sandboxes)
def the_idle_service_is_small(w):
    if os.geteuid() != 0:
        raise Skip("the memory of another user's processes takes root to read")
    check(w.client.execute("result = 1").success, "a run fails")
    total = 0
    for pid in w.processes():
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as rollup:
            fields = dict(line.split(":", 1) for line in rollup if ":" in line and "kB" in line)
        total += int(fields["Rss"].split()[0])
    print(f"    the idle service has {total / 1024:.1f} MiB resident, all its processes together", flush=True)
    check(total < 30 * 1024, f"{total} KiB resident")

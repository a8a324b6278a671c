"""The guide's ways to a running service, followed as they are written, to a client's call with tools."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import grpc
from codemode import Codemode
from codemode.config import ClientConfig

from apps import PackageApp
from container import IMAGE
from engine import run, succeed
from harness import KEY, Failure, Skip, case, check, equal, wait_until
from rpc import RawClient
from site_under_test import the_site

NAME = "codemode-executor"


def register(registry):
    def weather(location: str) -> str:
        return f"sunny in {location}"

    registry.register_tool("weather", weather)


@contextmanager
def project():
    """An empty directory, a main application on every address of this host, and port 8001."""
    if not the_site().private:
        raise Skip(
            "takes the name codemode-executor and port 8001, so only on an engine of the test's own, or with "
            "CODEMODE_TEST_LITERAL=1"
        )
    with tempfile.TemporaryDirectory() as directory, PackageApp(register, listen="0.0.0.0") as app:
        try:
            yield Path(directory), app
        finally:
            run(["docker", "rm", "--force", "--volumes", NAME])
            run(["docker", "network", "prune", "--force"])


def compose() -> str:
    if shutil.which("docker-compose"):
        return "docker-compose"
    if run(["docker", "compose", "version"]).returncode == 0:
        return "docker compose"
    raise Skip("there is neither docker-compose nor `docker compose`")


def shell(directory: Path, script: str, timeout: float = 300, **variables: str) -> str:
    """Lines of the guide, in a shell that stops at the first that fails."""
    done = run_shell(directory, script, timeout, **variables)
    if done.returncode != 0:
        raise Failure(f"exit code {done.returncode} of{script}\n{done.stdout}{done.stderr}"[-4000:])
    return done.stdout


def run_shell(directory: Path, script: str, timeout: float = 300, **variables: str):
    path = f"{Path(the_site().binary).parent}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, **variables}
    return run(["bash", "-euc", script], timeout, cwd=directory, env=env)


def call_with_tools(app: PackageApp) -> None:
    """What an application does: the published client on port 8001, with a tool."""
    raw = RawClient("127.0.0.1:8001")

    def healthy() -> bool:
        try:
            return raw.health(timeout=1).status == "healthy"
        except grpc.RpcError:
            return False

    wait_until(healthy, 60, "Health")
    raw.close()
    config = ClientConfig(executor_url="http://localhost:8001", executor_api_key=KEY)
    client = Codemode.from_client_config(config, registry=app.registry)
    answer = client.execute("result = tools['weather'].run(location='Bern')")
    equal(answer, '"sunny in Bern"', "the client's answer")


def without_privilege() -> None:
    host = the_site().engine.inspect(NAME)["HostConfig"]
    equal((host["Privileged"], host["CapAdd"] or []), (False, []), "privilege and capabilities")


@case(timeout=400)
def option_1_compose():
    with project() as (directory, app):
        option_1_compose_in(directory, app)


def option_1_compose_in(directory, app):
    shell(
        directory,
        f"""
        codemode docker assets --dest ./executor-sidecar
        cd executor-sidecar
        export CODEMODE_API_KEY={KEY}
        {compose()} up -d
        {compose()} ps
        {compose()} logs executor
        """,
        CODEMODE_MAIN_APP_TARGET=f"host.docker.internal:{app.port}",
    )
    call_with_tools(app)
    without_privilege()
    host = the_site().engine.inspect(NAME)["HostConfig"]
    equal(host["CapDrop"], ["ALL"], "dropped")
    check(host["ReadonlyRootfs"], "its root is writable")
    equal((host["Memory"], host["NanoCpus"]), (512 << 20, 10**9), "memory and processors")


@case(timeout=400)
def option_2_build_and_run():
    with project() as (directory, app):
        option_2_build_and_run_in(directory, app)


def option_2_build_and_run_in(directory, app):
    run_it = f"""
        docker run -d \\
          --name {NAME} \\
          --add-host=host.docker.internal:host-gateway \\
          -p 8001:8001 \\
          -e CODEMODE_API_KEY={KEY} \\
          -e MAIN_APP_GRPC_TARGET=host.docker.internal:{app.port} \\
    """
    shell(
        directory,
        f"""
        codemode docker assets --dest ./executor-sidecar
        cd executor-sidecar
        docker build -t codemode-executor --build-arg CODEMODE_VERSION=0.2.0 .
        {run_it} --security-opt seccomp=seccomp.json codemode-executor
        """,
    )
    call_with_tools(app)
    without_privilege()
    version = succeed(
        ["docker", "inspect", "--format", '{{index .Config.Labels "org.opencontainers.image.version"}}',
         "codemode-executor"]
    )  # fmt: skip
    equal(version, "0.2.0", "the version's label")
    # The same without the profile starts, refuses, and names the one flag.
    shell(directory, f"docker rm -f {NAME}; {run_it} codemode-executor")
    client = RawClient("127.0.0.1:8001")
    wait_until(lambda: answers(client), 60, "Health")
    response = client.execute("result = 2 + 2")
    check(not response.success, "a run without a sandbox")
    check("--security-opt seccomp=seccomp.json" in response.error, response.error)
    check("--security-opt seccomp=seccomp.json" in the_site().engine.logs(NAME), "the log names no flag")


def answers(client: RawClient) -> bool:
    try:
        return client.health(timeout=1).status == "healthy"
    except grpc.RpcError:
        return False


CLIENT_FILE = """\
executor_url: http://localhost:8001
executor_api_key: {key}
"""


@case(timeout=400)
def option_3_compose_from_the_clients_configuration():
    with project() as (directory, app):
        option_3_compose_from_the_clients_configuration_in(directory, app)


def option_3_compose_from_the_clients_configuration_in(directory, app):
    (directory / "codemode.yaml").write_text(CLIENT_FILE.format(key=KEY))
    shell(
        directory,
        f"""
        codemode docker assets --dest docker_sidecar
        codemode docker env --config codemode.yaml --output .env
        echo MAIN_APP_GRPC_TARGET=host.docker.internal:{app.port} >>.env
        {compose()} --env-file .env -f docker_sidecar/docker-compose.yml up -d
        """,
    )
    call_with_tools(app)
    without_privilege()
    equal((directory / ".env").stat().st_mode & 0o777, 0o600, "who may read .env")


@case(timeout=400)
def with_codemode_alone():
    with project() as (directory, app):
        with_codemode_alone_in(directory, app)


def with_codemode_alone_in(directory, app):
    (directory / "custom.yaml").write_text(CLIENT_FILE.format(key=KEY))
    said = shell(
        directory,
        """
        codemode init client
        codemode docker build
        codemode docker start --config custom.yaml --port 8001
        codemode docker status
        """,
        MAIN_APP_GRPC_TARGET=f"host.docker.internal:{app.port}",
    )
    check("healthy" in said, said)
    call_with_tools(app)
    shell(directory, "codemode docker stop")
    check(not the_site().engine.inspect(NAME)["State"]["Running"], "it still runs after `stop`")
    shell(directory, "codemode docker remove")
    check(run(["docker", "container", "inspect", NAME]).returncode != 0, "it is still there after `remove`")


@case(timeout=120)
def check_finds_everything_once_it_is_there():
    with project() as (directory, _):
        script = "codemode docker assets --dest . && cp .env.template .env && codemode docker check"
        missing = run_shell(directory, script)
        check(missing.returncode == 1 and "CODEMODE_API_KEY is not set" in missing.stdout, missing.stdout)
        said = shell(directory, f"sed -i s/^CODEMODE_API_KEY=.*/CODEMODE_API_KEY={KEY}/ .env; codemode docker check")
        check("Everything is there." in said, said)


@case(timeout=300)
def a_mistake_ends_with_a_sentence_and_is_not_restarted_for_ever():
    with project() as (directory, _):
        a_mistake_ends_with_a_sentence_and_is_not_restarted_for_ever_in(directory, _)


def a_mistake_ends_with_a_sentence_and_is_not_restarted_for_ever_in(directory, _):
    shell(
        directory,
        f"""
        codemode docker assets --dest .
        export CODEMODE_API_KEY={KEY} CODEMODE_CODE_TIMEOUT=abc
        {compose()} up -d
        """,
    )
    state = lambda: the_site().engine.inspect(NAME)  # noqa: E731
    wait_until(lambda: state()["State"]["Status"] == "exited", 60, "the end of the service")
    equal(state()["State"]["ExitCode"], 2, "exit code")
    check(state()["RestartCount"] <= 3, "it was restarted again and again")
    log = the_site().engine.logs(NAME)
    check("CODEMODE_CODE_TIMEOUT" in log and '"abc"' in log, log)
    # Without a key compose itself refuses.
    env = {**os.environ, "CODEMODE_API_KEY": ""}
    refused = subprocess.run(
        [*compose().split(), "up", "-d"], cwd=directory, env=env, capture_output=True, text=True
    )
    check(refused.returncode != 0 and "CODEMODE_API_KEY" in refused.stderr, refused.stderr)


@case(timeout=120)
def the_image_is_small_and_holds_what_it_should():
    site = the_site()
    if os.path.getsize(site.binary) > 50_000_000:
        raise Skip("the figure is for a release build; name one in CODEMODE_TEST_BINARY")
    size = lambda image: int(  # noqa: E731
        succeed(["docker", "image", "inspect", "--format", "{{.Size}}", image])
    )
    added = size(IMAGE) - size(site.base)
    print(f"    the image adds {added / 1e6:.1f} MB to its base", flush=True)
    check(added <= 25_000_000, f"{added} bytes")
    config = succeed(["docker", "image", "inspect", "--format", "{{json .Config}}", IMAGE])
    for part in ('"8001/tcp"', '"1000:1000"', '["codemode"]', "Healthcheck", "image.licenses"):
        check(part in config, f"{part} is not in {config}")
    code, out, err = site.once(["--entrypoint", "sh"], "-c", "grep --version; find --version; ls -ld /outputs")
    check(code == 0 and "GNU grep" in out and "GNU find" in out.replace("findutils", "find"), out + err)

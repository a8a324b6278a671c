#!/usr/bin/env python3
"""Holds docker/kubernetes/*.yaml against Kubernetes' own schemas, strictly: unknown fields are refused.

Needs a package registry once: the schemas come with a pinned package, in an environment made beside
the build (target/kubernetes-venv). Exits with 0 only if every manifest passes and every control, a
manifest that is wrong in one place, is refused.

    python3 integration/kubernetes.py
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

PACKAGE = "kubernetes-validate==1.37.0"
# The oldest that the manifests are for, and the newest that the package knows.
VERSIONS = ("1.33", "1.37")

ROOT = Path(__file__).resolve().parent.parent
MANIFESTS = ROOT / "docker" / "kubernetes"
PLACE = ROOT / "target" / "kubernetes-venv"

# One spelling mistake each, in fields that matter.
CONTROLS = (
    ("sidecar.yaml", "hostUsers:", "hostUser:"),
    ("sidecar.yaml", "procMount:", "procmount:"),
    ("sidecar.yaml", "restartPolicy: Always", "restartPolicy: [Always]"),
    ("shared-service.yaml", "readOnlyRootFilesystem:", "readOnlyRootFileSystem:"),
    ("shared-service.yaml", "service: codemode.ExecutorService", "serviceName: codemode.ExecutorService"),
    ("network-policy.yaml", "podSelector:", "podSelectors:"),
    ("autoscaler.yaml", "averageUtilization: 70", "averageUtilization: seventy"),
    ("node-profile.yaml", "allowPrivilegeEscalation:", "allowPrivilegesEscalation:"),
)

# What a container of ours must say of itself; a default would be weaker.
HARDENED = {
    "runAsUser": 1000,
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "procMount": "Unmasked",
    "seccompProfile": {"type": "Localhost", "localhostProfile": "codemode/seccomp.json"},
}


def restart_in_environment():
    """Makes the environment if it isn't there, and goes on in it."""
    python = PLACE / "bin" / "python"
    if Path(sys.prefix) == PLACE:
        return
    stamp = PLACE / PACKAGE
    if not stamp.exists():
        venv.create(PLACE, with_pip=True, clear=True)
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]
        if subprocess.run(command, check=False).returncode != 0:
            sys.exit(f"kubernetes.py: {PACKAGE} can't be installed; a package registry must be reachable")
        stamp.touch()
    os.execv(python, [python, __file__])


def documents(text):
    import yaml

    return list(yaml.safe_load_all(text))


def faults_of(document, version):
    """What the schemas say against it; empty if nothing."""
    import kubernetes_validate

    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        where = ".".join(str(part) for part in error.path) or "the top"
        return [f"{where}: {error.message}"]
    return []


def pods_of(document):
    if document["kind"] in ("Deployment", "DaemonSet"):
        yield document["spec"]["template"]["spec"]


def weaknesses_of(document):
    """Settings of a codemode container that are weaker than they should be."""
    for pod in pods_of(document):
        for container in pod.get("initContainers", []) + pod["containers"]:
            if container["name"] != "codemode":
                continue
            for key, wanted in HARDENED.items():
                found = container["securityContext"].get(key)
                if found != wanted:
                    yield f"codemode.securityContext.{key} is {found}, not {wanted}"
            if "limits" not in container.get("resources", {}):
                yield "codemode has no limits"
            if pod.get("hostUsers") is not False:
                yield "the pod isn't in a user namespace (hostUsers: false)"
            if pod.get("automountServiceAccountToken") is not False:
                yield "the pod gets a token (automountServiceAccountToken: false)"


def missing_files():
    import yaml

    kustomization = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())
    named = list(kustomization["resources"])
    for generator in kustomization["configMapGenerator"]:
        named += generator["files"]
    return [name for name in named if not (MANIFESTS / name).is_file()]


def main():
    problems, passed = [], 0
    for path in sorted(MANIFESTS.glob("*.yaml")):
        if path.name == "kustomization.yaml":
            continue
        for document in documents(path.read_text()):
            found = [f"{version}: {fault}" for version in VERSIONS for fault in faults_of(document, version)]
            found += weaknesses_of(document)
            problems += [f"{path.name}, {document['kind']}: {fault}" for fault in found]
            passed += not found
    problems += [f"kustomization.yaml names {name}, which isn't there" for name in missing_files()]

    for name, right, wrong in CONTROLS:
        text = (MANIFESTS / name).read_text()
        changed = documents(text.replace(right, wrong))
        refused = right in text and any(faults_of(document, VERSIONS[-1]) for document in changed)
        if refused:
            passed += 1
        else:
            problems.append(f"{name} with `{wrong}` should be refused")

    for problem in problems:
        print(problem)
    print(f"{passed} passed, {len(problems)} failed")
    return bool(problems)


if __name__ == "__main__":
    restart_in_environment()
    sys.exit(main())

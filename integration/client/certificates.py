"""Throw-away certificates, made with the openssl command."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path

from harness import Failure, Skip

EXTENSIONS = """
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
"""


class Certificates:
    """Two authorities (`ca`, `other`), a server's and two clients' certificates, as PEM files."""

    @cached_property
    def directory(self) -> Path:
        """Where the files are; made on first use."""
        if shutil.which("openssl") is None:
            raise Skip("the openssl command is not installed")
        directory = Path(tempfile.mkdtemp(prefix="codemode-tls-"))
        (directory / "openssl.cnf").write_text(EXTENSIONS)
        for authority in ("ca", "other"):
            self._openssl(
                directory,
                *"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(),
                *f"-config openssl.cnf -extensions ca -subj /CN={authority}".split(),
                *f"-keyout {authority}.key -out {authority}.pem".split(),
            )
        for name, kind, authority in [
            ("server", "server", "ca"),
            ("client", "client", "ca"),
            ("stranger", "client", "other"),
        ]:
            self._signed(directory, name, kind, authority)
        return directory

    def _signed(self, directory: Path, name: str, kind: str, authority: str) -> None:
        self._openssl(
            directory,
            *"req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes".split(),
            *f"-config openssl.cnf -subj /CN={name} -keyout {name}.key -out {name}.csr".split(),
        )
        self._openssl(
            directory,
            *f"x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}.key".split(),
            *"-CAcreateserial -days 2 -extfile openssl.cnf".split(),
            *f"-extensions {kind} -out {name}.pem".split(),
        )

    @staticmethod
    def _openssl(directory: Path, *arguments: str) -> None:
        done = subprocess.run(
            ["openssl", *arguments], cwd=directory, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Failure(f"openssl {' '.join(arguments[:2])}: {done.stderr[-400:]}")

    def path(self, name: str) -> str:
        """The path of a file such as `ca.pem` or `server.key`."""
        return str(self.directory / name)

    def read(self, name: str) -> bytes:
        """The content of such a file."""
        return (self.directory / name).read_bytes()

    def remove(self) -> None:
        """Delete the files, if they were made."""
        if "directory" in self.__dict__:
            shutil.rmtree(self.__dict__.pop("directory"), ignore_errors=True)


CERTIFICATES = Certificates()

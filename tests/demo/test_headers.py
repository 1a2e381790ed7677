"""What an independent scanner says of the app's headers, by HTTPS as people will meet it."""
from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT, demo

SCANNER = ROOT / ".deps/observatory/node_modules"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, with its key in the same file; nobody else trusts it."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out", f"{path}.crt"],
                   check=True, capture_output=True, timeout=20)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


@pytest.fixture(scope="module")
def https_port(certificate: Path, address: str) -> Iterator[int]:
    port, trust = free_port(), ssl.create_default_context(cafile=str(certificate))
    env = {**os.environ, **dict(line.split("=", 1) for line in demo("env").splitlines())}
    app = subprocess.Popen([sys.executable, "-m", "uvicorn", "--factory", "lessons.app:create", "--log-level", "warning",
                            "--host", "127.0.0.1", "--port", str(port), "--ssl-certfile", str(certificate)], env=env)
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"https://127.0.0.1:{port}/", timeout=2, context=trust).close()
                break
            except urllib.error.URLError:
                time.sleep(0.05)
        yield port
    finally:
        app.terminate()
        app.wait(15)


@pytest.mark.parametrize("path", ["/", "/security.html", "/auth/session"])
def test_mozillas_observatory_gives_its_top_grade(https_port: int, certificate: Path, path: str) -> None:
    node = shutil.which("node")
    if node is None or not SCANNER.exists():
        pytest.skip("the scanner is not installed: it needs Node.js 20 (`make setup`)")
    done = subprocess.run([node, ROOT / "tests/demo/observatory/grade.mjs", SCANNER, str(free_port()), str(https_port), path],
                          env={**os.environ, "NODE_EXTRA_CA_CERTS": str(certificate)}, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["grade"] == "A+", done.stdout
    assert [name for name, test in found["tests"].items() if not test["pass"]] == []

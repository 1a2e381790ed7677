"""Where the stack lives: directories, ports, secrets and what it remembers between two commands."""
import base64
import contextlib
import fcntl
import json
import os
import secrets
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_PORT_BASE = 27400
PORTS = 100     # from the base on: 0 Kafka, 1 its controller, 2 PostgreSQL, 3 Redis, 10 the demo, 20-99 admin listeners


class StackError(Exception):
    """Something the user should read; no traceback helps."""


def write_if_changed(path: Path, text: str, mode: int = 0o644) -> None:
    """Replaces the file in one step, and only if it says something else: services watch some of them."""
    if path.exists() and path.read_text() == text:
        return
    new = path.with_name(path.name + ".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as out:
        out.write(text)
    new.replace(path)


class Run:
    """A run directory (HLIDKA_RUN) and the block of PORTS from HLIDKA_PORT_BASE on that belongs to it."""

    def __init__(self):
        self.dir = Path(os.environ.get("HLIDKA_RUN") or ROOT / ".run").absolute()
        self.prefix = "hlidka."
        self._load()

    def prepare(self) -> None:
        self.dir.mkdir(parents=True, exist_ok=True)
        for name, mode in (("pid", 0o755), ("log", 0o755), ("keys", 0o700), ("secrets", 0o700)):
            (self.dir / name).mkdir(mode=mode, exist_ok=True)

    # ---- what is remembered -------------------------------------------------------------------------

    def _load(self) -> None:
        try:
            self.state = json.loads((self.dir / "stack.json").read_text())
        except FileNotFoundError:
            self.state = {}
        base = os.environ.get("HLIDKA_PORT_BASE") or str(self.state.get("port_base", DEFAULT_PORT_BASE))
        if not base.isdecimal() or not 1024 <= int(base) <= 65535 - PORTS:
            raise StackError(f"HLIDKA_PORT_BASE is a number from 1024 to {65535 - PORTS}, not {base!r}")
        self.port_base = int(base)
        self.flavour = os.environ.get("HLIDKA_FLAVOUR") or self.state.get("flavour", "release")

    def save_state(self) -> None:
        self.state |= {"port_base": self.port_base, "flavour": self.flavour}
        write_if_changed(self.dir / "stack.json", json.dumps(self.state, indent=1, sort_keys=True) + "\n")

    def forget(self) -> None:
        self.state = {}
        for name in ("stack.json", "env"):
            (self.dir / name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def lock(self):
        """One change at a time; the lock goes with the process, however it ends."""
        self.dir.mkdir(parents=True, exist_ok=True)
        with open(self.dir / "lock", "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("stack: waiting for another stack command to finish", flush=True)
                fcntl.flock(file, fcntl.LOCK_EX)
            self._load()
            yield

    # ---- places -------------------------------------------------------------------------------------

    def binary(self, name: str) -> Path:
        return ROOT / "build" / self.flavour / "bin" / name

    def need_binary(self, name: str) -> Path:
        path = self.binary(name)
        if not os.access(path, os.X_OK):
            raise StackError(f"{path} is not built (`make`; HLIDKA_FLAVOUR chooses the flavour)")
        return path

    def log(self, name: str) -> Path:
        return self.dir / "log" / f"{name}.log"

    def port(self, offset: int) -> int:
        return self.port_base + offset

    def secret(self, name: str, make) -> Path:
        """The file of a secret, mode 0600; made by calling make() the first time."""
        path = self.dir / "secrets" / name
        if not path.exists():
            write_if_changed(path, make() + "\n", 0o600)
        return path


def random_password() -> str:
    return secrets.token_urlsafe(24)


def random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()

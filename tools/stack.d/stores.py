"""PostgreSQL and Redis, from Debian's packages, with data, ports and passwords of the stack's own."""
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from process import Process, fingerprint, plain_environment, proc_stat, run_tool, user_of, wait_for
from run import ROOT, Run, StackError, random_password, write_if_changed

SCHEMAS = ("auth", "crypto", "audit")
ROLES = ROOT / "deploy" / "postgres" / "roles.sql"


def ask(port: int, question: bytes, length: int) -> bytes:
    """The first bytes that 127.0.0.1:port answers; none when it does not."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as peer:
            peer.settimeout(2)
            peer.sendall(question)
            return peer.recv(length)
    except OSError:
        return b""


def need_free(port: int, name: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise StackError(f"{name}: port {port} is taken by another program; HLIDKA_PORT_BASE moves the "
                             f"stack's ports") from None


class Redis:
    name = "redis"

    def __init__(self, run: Run):
        self.run, self.port = run, run.port(3)
        self.dir, self.data = run.dir / "redis", run.dir / "redis"
        self.process = Process(run, self.name)
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def secrets(self) -> None:
        write_if_changed(self.run.dir / "secrets" / "redis.url", self.url + "\n", 0o600)

    def ready(self) -> bool:
        return ask(self.port, b"PING\r\n", 7) == b"+PONG\r\n"

    def start(self) -> bool:
        """True if it had to be started."""
        self.secrets()
        if self.process.pid() is not None:
            return False
        need_free(self.port, self.name)
        self.dir.mkdir(mode=0o700, exist_ok=True)
        config = self.dir / "redis.conf"
        write_if_changed(config, "\n".join([
            "bind 127.0.0.1", f"port {self.port}", f"dir {self.dir}", "daemonize no", 'save ""',
            "appendonly yes", "appendfsync everysec",
            # a limit whose account was evicted would be no limit
            "maxmemory 512mb", "maxmemory-policy noeviction",
        ]) + "\n")
        self.process.spawn([need_program("redis-server"), config], plain_environment())
        self.process.must(self.ready, 10, "answering")
        return True

    def stop(self) -> None:
        self.process.stop()


def need_program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise StackError(f"{name} is not installed (`make setup`)")
    return path


class Postgres:
    """One database, a role for its owner and one for each service, which owns the schema of its name.

    The server refuses to run as root; then it runs as Debian's user postgres, or as nobody.
    """
    name = "postgres"

    def __init__(self, run: Run):
        self.run, self.port = run, run.port(2)
        self.dir, self.data = run.dir / "postgres", run.dir / "postgres" / "data"
        self.provided = self.dir / "provided"
        self.process = Process(run, self.name)
        self.user = self._other_user() if os.geteuid() == 0 else None

    @staticmethod
    def _other_user() -> str:
        known = {entry.pw_name for entry in pwd.getpwall()}
        return "postgres" if "postgres" in known else "nobody"

    def _program(self, name: str) -> Path:
        """Debian keeps each major version's programs apart and off the PATH."""
        found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: int(p.parts[4]))
        if not found:
            raise StackError("PostgreSQL is not installed (`make setup`)")
        return found[-1]

    def secrets(self) -> dict:
        """{role: password}; beside each password lies the URL file that a service or a test is given."""
        roles = {"postgres": "postgres", "hlidka": "owner"} | {f"hlidka_{s}": s for s in SCHEMAS}
        passwords = {}
        for role, file in roles.items():
            passwords[role] = self.run.secret(f"{file}.password", random_password).read_text().strip()
            url = f"postgresql://{role}:{passwords[role]}@127.0.0.1:{self.port}/hlidka"
            write_if_changed(self.run.dir / "secrets" / f"{file}.pg", url + "\n", 0o600)
        return passwords

    def ready(self) -> bool:
        asked = [self._program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, env=plain_environment(), check=False).returncode == 0

    def start(self) -> bool:
        passwords = self.secrets()
        if self.process.pid() is not None:
            self._provide(passwords)
            return False
        need_free(self.port, self.name)
        if self.data.exists():
            self._settle()
        else:
            self._initialise(passwords["postgres"])
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "",
            "max_connections": 200, "shared_buffers": "128MB",
            # a statement or the DETAIL of an error can hold what must not be in a log
            "log_min_error_statement": "panic", "log_error_verbosity": "terse",
        }
        argv = [self._program("postgres"), "-D", self.data]
        for key, value in settings.items():
            argv += ["-c", f"{key}={value}"]
        self.process.spawn(argv, plain_environment(), user=self.user)
        self.process.must(self.ready, 20, "accepting connections")
        self._provide(passwords)
        return True

    def stop(self) -> None:
        self.process.stop(signal.SIGINT)        # "fast": clients are cut off, the data is made safe

    def _settle(self) -> None:
        """After a crash of the server: waits for its last children, which still hold its shared memory, and
        for its own entry in the process table, which a lazy init may keep and the next server takes for life.
        """
        record = self.process.record()
        if record is None:
            return
        if not wait_for(lambda: not self._working_in_data() and proc_stat(record["pid"]) is None, 10):
            raise StackError("postgres: processes of a server that crashed are still there")

    def _working_in_data(self) -> bool:
        for link in Path("/proc").glob("[0-9]*/cwd"):
            with contextlib.suppress(OSError):          # it ended, or is somebody else's
                if os.readlink(link) == str(self.data):
                    return True
        return False

    def _initialise(self, password: str) -> None:
        self.dir.mkdir(mode=0o700, exist_ok=True)
        self._give_away(self.dir)
        if subprocess.run(["test", "-w", self.dir], check=False, **user_of(self.user)).returncode != 0:
            raise StackError(f"{self.user}, as whom PostgreSQL runs for root, cannot reach {self.dir}: a "
                             "directory above it is closed to others. Set HLIDKA_RUN to a place that is not")
        self.provided.unlink(missing_ok=True)
        new, password_file = self.dir / "data.new", self.dir / "password"
        shutil.rmtree(new, ignore_errors=True)
        write_if_changed(password_file, password + "\n", 0o600)
        self._give_away(password_file)
        argv = [self._program("initdb"), "-D", new, "-U", "postgres", "-A", "scram-sha-256",
                "--pwfile", password_file, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
        try:
            with open(self.run.log(self.name), "ab") as log:
                done = subprocess.run(argv, env=plain_environment(), cwd=self.dir, stdout=log, stderr=log,
                                      check=False, **user_of(self.user))
        finally:
            password_file.unlink()
        if done.returncode != 0:
            raise self.process.failure("initdb failed")
        new.rename(self.data)

    def _give_away(self, path: Path) -> None:
        if self.user is not None:
            shutil.chown(path, self.user)

    def _provide(self, passwords: dict) -> None:
        """Roles, database and schemas (deploy/postgres/roles.sql): once, or again if an earlier start got no further."""
        variables = {"OWNER_PASSWORD": passwords["hlidka"]} | {f"{s.upper()}_PASSWORD": passwords[f"hlidka_{s}"] for s in SCHEMAS}
        mark = fingerprint(ROLES.read_text(), variables)
        if self.provided.exists() and self.provided.read_text() == mark:
            return
        run_tool("making PostgreSQL's roles and schemas", [
            self._program("psql"), "-X", "-q", "-h", "127.0.0.1", "-p", self.port, "-U", "postgres", "-d", "postgres", "-f", ROLES],
            {"PGPASSWORD": passwords["postgres"], **variables})
        write_if_changed(self.provided, mark)

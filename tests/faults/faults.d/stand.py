"""The stack under test: a directory and ports of its own, its processes by pid, what they say of themselves."""
import contextlib
import ctypes
import fcntl
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools/stack.d"))

from process import wait_for                                        # noqa: E402
from run import Run                                                 # noqa: E402
from services import Instance, Services                             # noqa: E402,F401

PARTITIONS = 12
PR_SET_CHILD_SUBREAPER = 36


class StandError(Exception):
    """The stack did not do what the test needs, so that nothing can be said of the service."""


class Stand:
    def __init__(self, bus: str, full: bool, port_base: int | None):
        # the soak has its own of both, so that `make test` may run beside it
        self.dir = ROOT / (".run/soak" if full else ".run/faults")
        os.environ |= {"HLIDKA_RUN": str(self.dir), "HLIDKA_PORT_BASE": str(port_base or (31400 if full else 30400)),
                       "HLIDKA_FLAVOUR": "release",
                       "HLIDKA_POLICIES": str(ROOT / "tests/faults/policies.yaml")}
        self.bus, self.full = bus, full
        self.loads: list = []
        # services outlive the command that starts them, and become ours: so their exit codes can be read
        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
            raise StandError("prctl(PR_SET_CHILD_SUBREAPER)")
        self.dir.mkdir(parents=True, exist_ok=True)
        self.lock = open(self.dir / "faults.lock", "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StandError(f"another run is at work in {self.dir}") from None

    def pick(self, smoke, full):
        """The volume of this run."""
        return full if self.full else smoke

    # ---- the stack ----------------------------------------------------------------------------------

    def stack(self, *words, seconds: float = 120) -> str:
        argv = [ROOT / "tools/stack", *map(str, words)]
        done = subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=seconds, check=False)
        text = done.stdout.decode(errors="replace")
        if done.returncode != 0:
            raise StandError(f"tools/stack {' '.join(map(str, words))}: exit {done.returncode}\n{text}")
        return text

    def up(self) -> None:
        """Empty: what an earlier run left could be taken for this one's."""
        with contextlib.suppress(StandError):
            self.stack("down")
        failed = self.dir / "failed"
        for entry in self.dir.iterdir() if self.dir.exists() else ():
            if entry.is_dir() and entry != failed:
                shutil.rmtree(entry)
        shutil.rmtree(failed, ignore_errors=True)
        self.stack("up", "--bus", self.bus, "--services", "ratelimit")
        self.env = dict(line.split("=", 1) for line in (self.dir / "env").read_text().splitlines() if "=" in line)
        self.run = Run()

    def down(self) -> None:
        for load in self.loads:
            load.abandon()
        self.stack("down")

    def scale(self, count: int, service: str = "ratelimit") -> None:
        """Instances 1 to count, each with its share of the partitions."""
        self.stack("start", service, count)
        self.await_shares(count, service=service)

    def await_shares(self, count: int, seconds: float = 30, service: str = "ratelimit") -> float:
        """Waits until these instances hold all partitions between them; how long that took."""
        begun = time.monotonic()

        def shared() -> bool:
            held = [self.metric(n, "hlidka_bus_partitions_assigned", service) for n in range(1, count + 1)]
            return sum(held) == PARTITIONS and min(held) >= PARTITIONS // count
        if not wait_for(shared, seconds, 0.05):
            raise StandError(f"{count} instances did not share the partitions within {seconds:g} s")
        return time.monotonic() - begun

    def end_service(self, service: str = "ratelimit") -> None:
        self.stack("stop", service)

    # ---- its processes ------------------------------------------------------------------------------

    def pid(self, number: int = 1, service: str = "ratelimit") -> int:
        pid = Instance(self.run, service, number).process.pid()
        if pid is None:
            raise StandError(f"{service}-{number} does not run")
        return pid

    def pids(self) -> list:
        services = (self.dir / "pid").glob("ratelimit-*.json")
        return [Instance(self.run, "ratelimit", int(p.stem.rpartition("-")[2])).process.pid() for p in sorted(services)]

    def signal(self, number: int, what: int, service: str = "ratelimit") -> int:
        pid = self.pid(number, service)
        os.kill(pid, what)
        return pid

    def exit_code(self, pid: int, seconds: float) -> int | None:
        """Its exit code, negative for a signal; None when it has not ended within that time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            got, status = os.waitpid(pid, os.WNOHANG)
            if got:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        return None

    def rss_mib(self, number: int = 1) -> float:
        text = Path(f"/proc/{self.pid(number)}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024

    # ---- what they say ------------------------------------------------------------------------------

    def ask(self, path: str, number: int = 1, seconds: float = 2, service: str = "ratelimit") -> tuple[int, str]:
        peer = http.client.HTTPConnection(Instance(self.run, service, number).admin, timeout=seconds)
        try:
            peer.request("GET", path)
            answer = peer.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException) as e:
            return 0, str(e)
        finally:
            peer.close()

    def metrics(self, number: int = 1, service: str = "ratelimit") -> dict:
        """{name{labels}: value}; empty when nobody answers."""
        lines = (line.rpartition(" ") for line in self.ask("/metrics", number, service=service)[1].splitlines() if line[:1].isalpha() and " " in line)
        found = {}
        for name, _, value in lines:
            with contextlib.suppress(ValueError):
                found[name] = float(value)
        return found

    def metric(self, number: int, name: str, service: str = "ratelimit") -> float:
        """The sum over its labels."""
        return sum(v for k, v in self.metrics(number, service).items() if k.partition("{")[0] == name)

    def log_marks(self) -> dict:
        return {p: p.stat().st_size for p in (self.dir / "log").glob("*.log")}

    def log_since(self, marks: dict, path: Path) -> str:
        with open(path, "rb") as log:
            log.seek(marks.get(path, 0))
            return log.read().decode(errors="replace")

    def keep(self, name: str, marks: dict, reports: list) -> Path:
        """The logs of a scenario that failed, and its loads' reports."""
        kept = self.dir / "failed" / name
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        for path in (self.dir / "log").glob("*.log"):
            (kept / path.name).write_text(self.log_since(marks, path))
        for path in reports:
            if path.exists():
                shutil.copy(path, kept)
        return kept


class Load:
    """tests/faults/load at work beside the faults."""

    def __init__(self, stand: Stand, name: str, **options):
        (stand.dir / "load").mkdir(exist_ok=True)
        self.stand, self.name, self.path = stand, name, stand.dir / "load" / f"{name}.json"
        self.path.unlink(missing_ok=True)
        argv = [ROOT / "build/release/tests/faults/load", "--run", stand.dir, "--report", self.path]
        for option, value in options.items():
            argv += [f"--{option.replace('_', '-')}", str(value)]
        self.log = stand.dir / "log" / f"load-{name}.log"
        with open(self.log, "ab") as log:
            begun = log.tell()
            self.process = subprocess.Popen([str(a) for a in argv], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        stand.loads.append(self)
        wait_for(lambda: self.process.poll() is not None or "loading" in self.log.read_text()[begun:], 25)
        if self.process.poll() is not None:
            raise StandError(f"load {name} ended at once: {self.log.read_text()[-500:]}")

    def ended(self) -> bool:
        return self.process.poll() is not None

    def finish(self, seconds: float = 180) -> dict:
        """Stops asking, lets it settle; its report."""
        if not self.ended():
            self.process.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds: float) -> dict:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.abandon()
            raise StandError(f"load {self.name} did not end within {seconds:g} s") from None
        if self.process.returncode not in (0, 1) or not self.path.exists():
            raise StandError(f"load {self.name}: exit {self.process.returncode}: {self.log.read_text()[-500:]}")
        return json.loads(self.path.read_text())

    def abandon(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

"""One process of the stack: started detached, known again later, signalled only while it is the same one."""
import hashlib
import json
import os
import pwd
import signal
import subprocess
import time
from pathlib import Path

from run import Run, StackError

BOOT_ID = Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def wait_for(ready, seconds: float, pause: float = 0.02) -> bool:
    """Polls ready() until it is true or the time is over."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def proc_stat(pid: int) -> tuple[str, int] | None:
    """(state letter, start time in ticks since boot) of a process, from /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[19])


def fingerprint(*parts) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def plain_environment() -> dict:
    """The caller's environment without what would steer PostgreSQL's tools or tell a store of ours."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PG", "HLIDKA_"))}


def user_of(user: str | None) -> dict:
    """How subprocess is told to become that user; None is whoever we are."""
    return {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def run_tool(what: str, argv: list, env: dict | None = None, text: str | None = None) -> str:
    """What it printed; a tool that fails is reported with all that it said."""
    done = subprocess.run([str(a) for a in argv], env=plain_environment() | (env or {}), input=text,
                          text=True, capture_output=True, timeout=60, check=False)
    if done.returncode != 0:
        raise StackError(f"{what} failed:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


class Process:
    """Recorded in pid/<name>.json with its start time, so that a recycled pid is never taken for it."""

    def __init__(self, run: Run, name: str):
        self.run, self.name = run, name
        self.path = run.dir / "pid" / f"{name}.json"

    def record(self) -> dict | None:
        try:
            return json.loads(self.path.read_text())
        except FileNotFoundError:
            return None

    def pid(self) -> int | None:
        """Its pid while it lives. A zombie that nobody reaps (as in a container without an init) is dead."""
        record = self.record()
        if record is None or record["boot"] != BOOT_ID:
            return None
        stat = proc_stat(record["pid"])
        if stat is None or stat[0] in "ZX" or stat[1] != record["start"]:
            return None
        return record["pid"]

    def age(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self.record()["start"] / os.sysconf("SC_CLK_TCK")

    def spawn(self, argv: list, env: dict, spec: str = "", user: str | None = None,
              where: Path | None = None) -> None:
        """In a session of its own, so that it outlives this command and the terminal."""
        with open(self.run.log(self.name), "ab") as log:
            begun = log.tell()
            child = subprocess.Popen([str(a) for a in argv], env=env, cwd=where or self.run.dir,
                                     stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     start_new_session=True, **user_of(user))
        record = {"pid": child.pid, "start": proc_stat(child.pid)[1], "boot": BOOT_ID, "spec": spec,
                  "log_from": begun}
        self.path.write_text(json.dumps(record) + "\n")
        child.returncode = 0        # not ours to wait for: without this, Popen warns that it still runs

    def spec(self) -> str | None:
        return (self.record() or {}).get("spec")

    def send(self, number: int) -> bool:
        """False when there is nothing left to signal."""
        pid = self.pid()
        if pid is None:
            return False
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True

    def stop(self, number: int = signal.SIGTERM, seconds: float = 12) -> None:
        stop_all([self], number, seconds)

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)

    def tail(self, lines: int = 15) -> str:
        """The end of what it has said since it was started."""
        try:
            with open(self.run.log(self.name), "rb") as log:
                log.seek((self.record() or {}).get("log_from", 0))
                text = log.read().decode(errors="replace").splitlines()
        except FileNotFoundError:
            text = []
        return "\n".join(f"    {line}" for line in text[-lines:]) or "    (nothing)"

    def must(self, ready, seconds: float, what: str) -> None:
        """Waits until ready(); a process that dies or takes too long is reported with the end of its log."""
        wait_for(lambda: self.pid() is None or ready(), seconds)
        if self.pid() is None:
            raise self.failure("ended")
        if not ready():
            raise self.failure(f"not {what} after {seconds:g} s")

    def failure(self, what: str) -> StackError:
        return StackError(f"{self.name}: {what}; the end of {self.run.log(self.name)}:\n{self.tail()}")


def stop_all(processes: list, number: int = signal.SIGTERM, seconds: float = 12) -> None:
    """Asks all at once, waits, kills what does not listen, and says so. A stopped one is woken to hear it."""
    for process in processes:
        if process.send(number):
            process.send(signal.SIGCONT)
    wait_for(lambda: all(p.pid() is None for p in processes), seconds)
    for process in processes:
        if process.send(signal.SIGKILL):
            print(f"stack: {process.name} did not end within {seconds:g} s and was killed", flush=True)
    wait_for(lambda: all(p.pid() is None for p in processes), 5)
    for process in processes:
        process.forget()

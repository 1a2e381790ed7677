"""Secrets that were really used, searched for in everything that the stack keeps, core dumps included."""
import base64
import hashlib
import hmac
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgpack

from buses import BUSES
from outcome import Scenario
from services import Principals, Services
from stand import ROOT, Stand, StandError
from stores import Postgres, Redis
from wire import Wire, expel_dead, now_ms

SERVICES = ("crypto", "auth", "audit")
ALL = (*SERVICES, "ratelimit")
PART = 16384
NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


class Asker:
    def __init__(self, stand: Stand):
        self.wires = {name: Wire(stand, service=name) for name in ALL}
        self.ops = Wire(stand, name="ops", service="audit")

    def call(self, op: str, body: dict, status: int = 200, wire: Wire | None = None) -> dict:
        wire = wire or self.wires[op.partition(".")[0]]
        id, value = wire.seal(op, body)
        wire.send(value)
        answers = wire.collect({id: 1}, 10).get(id)
        if not answers or (answer := msgpack.unpackb(answers[0]))["status"] != status:
            raise StandError(f"{op}: expected {status}, got {answers and answer}")
        return answer.get("result", {})

    def close(self) -> None:
        for wire in (*self.wires.values(), self.ops):
            wire.close()


def _word(prefix: str) -> str:
    return f"{prefix}-{os.urandom(9).hex()}"


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _files(stand: Stand) -> dict:
    """What the operator gives the stack, which belongs into keys/ and secrets/ and nowhere else."""
    keys, secrets = stand.dir / "keys", stand.dir / "secrets"
    found = {f"{p.stem}'s key": base64.b64decode(p.read_text().split()[0]) for p in keys.glob("*.key") if p.stem in (*ALL, "backend")}
    found["audit's signing seed"] = base64.b64decode((keys / "audit.sign").read_text().split()[0])
    found["root key"] = base64.b64decode((secrets / "root.key").read_text().split()[0].rpartition(":")[2])
    found["bot token"] = (secrets / "telegram-token").read_text().strip().partition(":")[2].encode()
    found["PostgreSQL password"] = (secrets / "auth.password").read_text().strip().encode()
    return found


def _log_in(stand: Stand, ask: Asker, found: dict) -> None:
    """Two sessions of one person, one of them revoked; then what must be refused, since errors are what gets logged."""
    bot = hashlib.sha256(Path(stand.env["HLIDKA_TELEGRAM_TOKEN_FILE"]).read_text().strip().encode()).digest()
    person = {"id": str(10**17 + int.from_bytes(os.urandom(7), "big")), "first_name": _word("Jana"), "last_name": _word("Novakova"),
              "username": _word("jn").replace("-", "_")}
    device = {"type": "web", "info": _word("Opera"), "id": _word("device"), "ip": f"2001:db8:{os.urandom(2).hex()}:{os.urandom(2).hex()}::77"}
    tokens = []
    for ago in (5, 0):
        fields = person | {"auth_date": str(int(time.time()) - ago)}
        text = "\n".join(f"{k}={v}" for k, v in sorted(fields.items()))
        fields["hash"] = hmac.new(bot, text.encode(), hashlib.sha256).hexdigest()
        session = ask.call("auth.login.telegram_widget", {"fields": fields, "device": device})
        tokens.append(session["token"])
    if not ask.call("auth.session.introspect", {"token": tokens[0]})["active"]:
        raise StandError("the token of a new session is not good")
    ask.call("auth.session.revoke", {"user_id": session["user_id"], "session_id": session["session_id"]})
    ask.call("auth.session.introspect", {"token": tokens[1]})               # a dead token came back: an event
    stray = "hls_" + base64.urlsafe_b64encode(os.urandom(48)).decode()
    ask.call("auth.session.list", {"user_id": session["user_id"], "token": stray}, status=401)
    ask.call("auth.login.telegram_widget", {"fields": fields | {"hash": "0" * 64, "first_name": "Eva"}, "device": device}, status=401)
    found |= {"token": _raw(tokens[0][4:])[16:], "revoked token": _raw(tokens[1][4:])[16:], "stray token": _raw(stray[4:])[16:],
              "widget login": bytes.fromhex(fields["hash"])}
    found |= {f"Telegram {k}": v.encode() for k, v in person.items()}
    found |= {"device name": device["info"].encode(), "device id": device["id"].encode(), "address": device["ip"].encode()}


def _keep(ask: Asker, found: dict) -> None:
    sound = b"OggS" + os.urandom(2 * PART - 4)
    whole = {"media_type": "audio/ogg", "size": len(sound), "owner": "leaks"}
    object_id = ask.call("crypto.audio.put", whole | {"offset": 0, "data": sound[:PART]})["object_id"]
    ask.call("crypto.audio.put", whole | {"offset": PART, "data": sound[PART:], "object_id": object_id})
    if ask.call("crypto.audio.get", {"object_id": object_id, "offset": 0, "length": len(sound)})["data"] != sound:
        raise StandError("the recording is not what was put")
    column, text, context = os.urandom(40), _word("tajne"), {"row": "7"}
    sealed = [ask.call("crypto.encrypt", {"items": [{"plaintext": p, "context": context}], **how})["items"][0]["ciphertext"]
              for p, how in ((column, {}), (text.encode(), {"kind": "text", "owner": "leaks"}))]
    ask.call("crypto.decrypt", {"items": [{"ciphertext": c, "context": context} for c in sealed]
                                + [{"ciphertext": sealed[0], "context": {"row": "8"}}]})
    key = ask.call("crypto.datakey.create", {"context": {"service": "leaks"}})
    ask.call("crypto.datakey.rewrap", {"wrapped": key["wrapped"], "context": {"service": "leaks"}})
    found |= {"recording, first part": sound[100:164], "recording, last part": sound[-64:], "column": column, "owner's column": text.encode(),
              "data key": key["key"]}


def _happen(ask: Asker, found: dict) -> None:
    """An event with a person in all its fields, stored; and a decision about an address."""
    said = {"user_agent": _word("Agent"), "device_id": _word("tablet"), "ip": f"198.51.100.{os.urandom(1)[0]}"}
    attr = _word("Kozi 7")
    wire = ask.wires["audit"]
    body = {"type": "app.leaks", "time": now_ms(), "outcome": "denied", "user_id": "leaks", "attrs": {"street": attr}} | said
    wire.send(wire.seal("event", body, ttl=None, reply=None)[1], topic="hlidka.audit.events")
    wire.flush()
    for _ in range(50):
        events = ask.call("audit.query", {"from": now_ms() - 60_000, "to": now_ms() + 60_000, "type": "app.leaks"}, wire=ask.ops)["events"]
        if events:
            break
        time.sleep(0.1)
    if not events or events[0]["attrs"]["street"] != attr:
        raise StandError("the event was not recorded")
    limited = f"2001:db8:{os.urandom(2).hex()}:{os.urandom(2).hex()}:{os.urandom(2).hex()}:1:2:3"
    ask.call("ratelimit.check", {"user_id": "leaks", "tier": "free", "endpoint": "lessons.create", "ip": limited})
    found |= {"user agent": said["user_agent"].encode(), "device of an event": said["device_id"].encode(), "attribute": attr.encode(),
              "limited address": limited.encode()}


# ---- core dumps -------------------------------------------------------------------------------------------------------

def _core_directory(cwd: Path) -> Path:
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    return Path(pattern).parent if pattern.startswith("/") else cwd


def _ended(pid: int) -> int | None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        got, status = os.waitpid(pid, os.WNOHANG)
        if got:
            return status
        time.sleep(0.02)
    return None


def _abort_control(secret: bytes) -> tuple[bool, bool]:
    """A process like any other, with a secret in its memory: (dumped, and the secret stood in the dump)."""
    code = ("import os, resource, sys; kept = sys.stdin.buffer.read(); "
            "resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2); os.abort()")
    with tempfile.TemporaryDirectory() as place:
        directory = _core_directory(Path(place))
        before = set(directory.iterdir())
        process = subprocess.Popen([sys.executable, "-c", code], cwd=place, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdin.write(secret)
        process.stdin.close()
        status = _ended(process.pid)
        process.returncode = -signal.SIGABRT            # reaped above, for its core flag
        cores = set(directory.iterdir()) - before
        there = any(secret in p.read_bytes() for p in cores)
        for p in cores:
            p.unlink()
    return status is not None and os.WCOREDUMP(status), there


def _start_unlimited(stand: Stand) -> None:
    """All services as by an operator who wants core dumps: tools/stack would forbid them, and nothing be shown of ours."""
    run = stand.run
    services = Services(run, BUSES[stand.bus](run), Principals(run), Redis(run), Postgres(run))
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        for service in ALL:
            services.await_ready(services.scale(service, 1))
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
    services.write_env()


def _abort(stand: Stand, service: str, cores: Path) -> tuple[bool, bool, list, bool]:
    """(died of SIGABRT, dumped, files it left, which are moved to `cores`, its own limit on dumps was lifted first)"""
    pid, lifted = stand.pid(1, service), True
    directory = _core_directory(ROOT)
    before = {p.name for p in directory.iterdir() if p.name.startswith("core")}
    try:
        resource.prlimit(pid, resource.RLIMIT_CORE, NO_LIMIT)
    except PermissionError:                             # then both its defences stand, and are shown together
        lifted = False
    os.kill(pid, signal.SIGABRT)
    status = _ended(pid)
    left = [p for p in directory.iterdir() if p.name.startswith("core") and p.name not in before and p.is_file()]
    for p in left:
        shutil.move(p, cores / f"{service}-{p.name}")
    died = status is not None and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGABRT
    return died, died and os.WCOREDUMP(status), left, lifted


def _check_cores(stand: Stand, s: Scenario, cores: Path) -> None:
    dumped, there = _abort_control(os.urandom(32))
    if not dumped:
        s.note("this machine writes no core dumps: that ours are not written proves little")
    else:
        s.check("a process that takes no care leaves its secret in a core dump here", there or _is_piped(),
                Path("/proc/sys/kernel/core_pattern").read_text().strip())
    for service in ALL:
        died, dumped, left, lifted = _abort(stand, service, cores)
        s.check(f"{service}, started where dumps are allowed, dies of SIGABRT and leaves none", died and not dumped and not left,
                f"{'killed' if died else 'lives'}, {'dumped' if dumped else 'no dump'}, {len(left)} files"
                + (", its own limit lifted" if lifted else ""))


def _is_piped() -> bool:
    return Path("/proc/sys/kernel/core_pattern").read_text().startswith("|")


# ---- the search -------------------------------------------------------------------------------------------------------

def _search(stand: Stand, s: Scenario, found: dict, cores: Path) -> None:
    file = cores.parent / "canaries"
    file.write_text("".join(f"{name.replace(' ', '-')} {secret.hex()}\n" for name, secret in found.items()))
    argv = [ROOT / "tools/canaries", file, "--run", stand.dir, "--also", cores, "--also", stand.dir / "pid"]
    done = subprocess.run([str(a) for a in argv], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    s.check(f"none of {len(found)} secrets is readable in any file that the stack keeps", done.returncode == 0 and len(found) >= 20,
            (done.stderr or done.stdout).strip()[-600:])
    loose = [p.name for p in stand.dir.iterdir() if p.is_file() and any(secret in p.read_bytes() for secret in found.values())]
    s.check("nor in those beside them", not loose, ", ".join(loose))


def leaks(stand: Stand, s: Scenario) -> None:
    """over 20 secrets in use (tokens, keys, a person's names and addresses, a recording, columns) are readable in no file, and no core dump is written"""
    with tempfile.TemporaryDirectory() as place:
        cores = Path(place) / "cores"
        cores.mkdir()
        stand.end_service("ratelimit")
        try:
            _start_unlimited(stand)
            found = _files(stand)
            ask = Asker(stand)
            try:
                _log_in(stand, ask, found)
                _keep(ask, found)
                _happen(ask, found)
            finally:
                ask.close()
            _check_cores(stand, s, cores)
            _search(stand, s, found, cores)
        finally:
            for service in reversed(SERVICES):
                stand.end_service(service)
            if stand.bus == "kafka":                    # the aborted one's session lasts for seconds more
                expel_dead(stand.env["HLIDKA_BROKERS"], "ratelimit-1")
            stand.stack("start", "ratelimit")
    s.volume = f"{len(found)} secrets"

"""auth: introspection from the cache, logins of people nobody has seen before, and how long a revoked session is accepted."""
import hashlib
import hmac
import itertools
import json
import os
import pathlib
import re
import signal
import subprocess
import time

from bench import BIN, ENV, ROOT, RUN, call
from postgres import tool

LOGINS = 4000
IN_FLIGHT = 64
INSTANCES, STOPPED_S = 3, 6
_telegram_ids = itertools.count(7_000_000_000 + int.from_bytes(os.urandom(4), "big") % 900_000_000)


def login(bot):
    """The body of a login, signed as Telegram's widget does (HMAC-SHA256 under the SHA-256 of the bot's token)."""
    fields = {"auth_date": str(int(time.time())), "first_name": "Jana", "id": str(next(_telegram_ids))}
    text = "\n".join(f"{k}={v}" for k, v in sorted(fields.items()))
    fields["hash"] = hmac.new(bot, text.encode(), hashlib.sha256).hexdigest()
    return json.dumps({"fields": fields, "device": {"type": "web", "info": "Firefox"}})


def bot_of(bench):
    return hashlib.sha256(pathlib.Path(bench.env["HLIDKA_TELEGRAM_TOKEN_FILE"]).read_text().strip().encode()).digest()


def introspection(bench):
    got = json.loads(call([BIN / "bin/hlidkactl", "call", "auth", "auth.login.telegram_widget", login(bot_of(bench)), "--run", RUN]))
    token = json.dumps({"token": got.get("result", got)["token"]})
    count = bench.scaled(60_000)
    ours, echo = bench.beside(lambda: bench.ask("auth", "session.introspect", token, IN_FLIGHT, count), IN_FLIGHT, count)
    bench.row(f"introspection from the cache, {IN_FLIGHT} in flight", "1/s", ours["per_s"], echo["per_s"], 0.6, at_least=True)


def bare_transaction(seconds):
    """Sixteen connections, so that commits share their flushes as ours may."""
    said = tool("pgbench", "auth", ["-n", "-M", "prepared", "-c", 16, "-j", 1, "-T", seconds, "-f", ROOT / "tests/bench/login.sql"])
    return float(re.search(r"^tps = ([0-9.]+)", said, re.M).group(1))


def logins(bench):
    bodies, count = RUN / "logins.jsonl", bench.scaled(LOGINS)

    def ours():
        bot = bot_of(bench)
        bodies.write_text("\n".join(login(bot) for _ in range(count)))
        return bench.ask("auth", "login.telegram_widget", f"@{bodies}", IN_FLIGHT, count, warm_up=0)
    got, echo = bench.beside(ours, IN_FLIGHT, bench.scaled(20_000))
    bodies.unlink()
    bare = bench.median(lambda: bare_transaction(1 if bench.scale < 1 else 4))
    print(f"  echo {echo['per_s']:.0f}/s and bare transaction {bare:.0f}/s", flush=True)
    bench.row(f"logins, {IN_FLIGHT} in flight", "1/s", got["per_s"], 1 / (1 / echo["per_s"] + 1 / bare), 0.5, at_least=True)


def revocation(rounds, deadline_ms, meanwhile=lambda: None):
    """tests/bench/revocation.c: a session is used at all instances, and revoked; p99 in ms until its last use."""
    process = subprocess.Popen([BIN / "tests/bench/revocation", RUN, str(rounds), str(deadline_ms)], stdout=subprocess.PIPE, env=ENV, cwd=ROOT)
    meanwhile()
    said = process.communicate(timeout=600)[0]
    if process.returncode != 0:
        raise SystemExit(f"bench: revocation: exit {process.returncode}: {said.decode(errors='replace')[:500]}")
    return json.loads(said)


def sleep_one():
    """An instance is stopped and woken, so that what it holds has passed it by."""
    pid = int(json.loads((RUN / "pid/auth-2.json").read_text())["pid"])
    time.sleep(2)
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(STOPPED_S)
    finally:
        os.kill(pid, signal.SIGCONT)


def revocations(bench):
    call(["tools/stack", "start", "auth", INSTANCES])
    try:
        rounds = bench.scaled(300)
        found = revocation(rounds, 2000)
        bench.row(f"revoke to last accepted use, {INSTANCES} instances, p99", "ms", found["took_p99_ms"], None, 1000, at_least=False)
        # Asked of the one that sleeps, a revocation waits for it: the second is from its answer on.
        found = revocation(rounds, 30_000, sleep_one)
        bench.row("the same from the answer, one stopped and woken, p99", "ms", found["after_p99_ms"], None, 1000, at_least=False)
    finally:
        call(["tools/stack", "start", "auth", 1])


def run(bench):
    introspection(bench)
    logins(bench)
    revocations(bench)

"""auth: introspection from the cache, and logins of people nobody has seen before."""
import hashlib
import hmac
import itertools
import json
import os
import pathlib
import re
import time

from bench import BIN, ROOT, RUN, call
from postgres import tool

LOGINS = 4000
IN_FLIGHT = 64
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


def run(bench):
    introspection(bench)
    logins(bench)

"""What hlidka.fastapi costs an endpoint: against the same bare, and against the same with slowapi and a session store in Redis.

Each is uvicorn with one worker, asked by wrk: by one connection for what it adds to the time of a request, by 64 for how many
requests it serves. "Per core" is by the processor time of the app's own process.
"""
import contextlib
import json
import os
import statistics
import subprocess
import time
import urllib.error
import urllib.request

from auth import bot_of, login
from bench import BIN, ENV, ROOT, RUN, call

PORTS = {"bare": 11, "ours": 12, "pair": 13}        # of the stack's block
CONNECTIONS = 64
SECONDS, WARM_UP_S = 5, 1
TICKS = os.sysconf("SC_CLK_TCK")


class App:
    """One of web_apps.py, for as long as it is entered."""

    def __init__(self, bench, name):
        self.name, self.url = name, f"http://127.0.0.1:{int(ENV['HLIDKA_PORT_BASE']) + PORTS[name]}"
        self.cookie = ""
        stack = {k: v.strip("'") for k, v in bench.env.items()}
        self.env = {**ENV, **stack, "HLIDKA_KEY_FILE": f"{stack['HLIDKA_KEYS']}/backend.key", "BENCH_REDIS_URL": stack["HLIDKA_REDIS_URL"],
                    "PYTHONPATH": str(ROOT / "clients/python/src"), "PYTHONDONTWRITEBYTECODE": "1"}

    def __enter__(self):
        where = self.url.rpartition(":")[2]
        with open(RUN / f"web-{self.name}.log", "wb") as log:
            self.process = subprocess.Popen([ROOT / ".deps/venv/bin/python", "-m", "uvicorn", "--factory", "--app-dir", "tests/bench",
                                             f"web_apps:{self.name}", "--host", "127.0.0.1", "--port", where, "--no-access-log"],
                                            env=self.env, cwd=ROOT, stdout=log, stderr=log)
        for _ in range(400):
            with contextlib.suppress(OSError):
                if self.ask("/nothing-here") == 404:
                    return self
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.__exit__()
        raise SystemExit(f"bench: the web app {self.name} does not answer: {(RUN / f'web-{self.name}.log').read_text()[-1500:]}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(15)

    def ask(self, path, method="GET"):
        request = urllib.request.Request(self.url + path, method=method, headers={"Cookie": self.cookie})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                self.cookie = self.cookie or (answer.headers["Set-Cookie"] or "").partition(";")[0]
                return answer.status
        except urllib.error.HTTPError as e:
            return e.code

    def cpu_s(self):
        fields = (open(f"/proc/{self.process.pid}/stat").read()).rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def load(self, connections, seconds):
        """Every answer must have been a 200: what is quickly refused would be measured as fast."""
        before = self.cpu_s()
        said = call(["wrk", "-t", 1, "-c", connections, "-d", f"{seconds}s", "-s", ROOT / "tests/bench/wrk.lua", "-H", f"Cookie: {self.cookie}",
                     f"{self.url}/lesson"], seconds + 30)
        got = json.loads(said.splitlines()[-1])
        if got["failed"] or not got["requests"]:
            raise SystemExit(f"bench: the web app {self.name}: {got['failed']} of {got['requests']} requests failed")
        return {"p50_ms": got["p50"] / 1000, "p99_ms": got["p99"] / 1000, "per_s": got["requests"] / got["duration"] * 1e6,
                "per_core": got["requests"] / (self.cpu_s() - before)}


def measure(bench, apps, connections, token):
    """Medians of rounds in which each is asked in turn, and the bus with them: {name: {figure: value}}."""
    seconds = SECONDS if bench.scale == 1 else 1
    got = {name: [] for name in (*apps, "bus", "both")}
    for app in apps.values():
        app.load(connections, WARM_UP_S)
    for _ in range(bench.rounds):
        for name, app in apps.items():
            got[name].append(app.load(connections, seconds))
        got["bus"].append(bench.ask("auth", "session.introspect", json.dumps({"token": token}), 1, bench.scaled(3000)))
        got["both"].append(json.loads(call([BIN / "tests/bench/pair", bench.env["HLIDKA_BROKERS"], bench.env["HLIDKA_PRINCIPALS"],
                                            bench.env["HLIDKA_KEYS"], token, bench.scaled(2000)])))
    return {name: {what: statistics.median(r[what] for r in rounds) for what in rounds[0]} for name, rounds in got.items()}


def run(bench):
    said = json.loads(call([BIN / "bin/hlidkactl", "call", "auth", "auth.login.telegram_widget", login(bot_of(bench)), "--run", RUN]))
    token = said.get("result", said)["token"]
    with contextlib.ExitStack() as stack:
        apps = {name: stack.enter_context(App(bench, name)) for name in PORTS}
        apps["ours"].cookie = f"__Host-hlidka={token}"
        apps["pair"].ask("/login", "POST")
        for app in apps.values():
            if (status := app.ask("/lesson")) != 200:
                raise SystemExit(f"bench: the web app {app.name} answers {status}")
        alone, crowd = measure(bench, apps, 1, token), measure(bench, apps, CONNECTIONS, token)

    for what in ("p50_ms", "p99_ms"):
        added = {name: alone[name][what] - alone["bare"][what] for name in ("ours", "pair")}
        print(f"  bare {alone['bare'][what]:.3f} ms, the pair adds {added['pair']:.3f} ms, a round trip is {alone['bus'][what]:.3f} ms", flush=True)
        goal = 1.5 if what == "p50_ms" else None
        bench.row(f"a session and a limit, added {what.partition('_')[0]}, beside a round trip", "ms", added["ours"], alone["bus"][what], goal,
                  at_least=False)
        bench.row(f"the same two questions at once from C, {what.partition('_')[0]}, beside a round trip", "ms", alone["both"][what], alone["bus"][what],
                  None, at_least=False)
    for what, name in (("per_s", f"protected requests, {CONNECTIONS} connections"), ("per_core", "protected requests per second of the app's core")):
        print(f"  bare {crowd['bare'][what]:.0f} 1/s", flush=True)
        bench.row(f"{name}, beside slowapi + Redis", "1/s", crowd["ours"][what], crowd["pair"][what], 1.0, at_least=True)

"""From an event to its alert: ten forged logins of one person, and the alert that says so on its topic."""
import json
import pathlib
import statistics
import subprocess
import threading
import time

from auth import bot_of, login
from bench import BIN, ENV, ROOT, RUN, call

RULE, FAILURES = "brute-force-user", 10


class Alerts:
    """What `hlidkactl tail` prints of the topic, with the time at which it came."""

    def __init__(self):
        self.process = subprocess.Popen([BIN / "bin/hlidkactl", "tail", "audit.alerts", "--run", RUN], stdout=subprocess.PIPE, env=ENV, cwd=ROOT)
        self.came, self.news = {}, threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        time.sleep(2)                                               # until it reads

    def _read(self):
        for line in self.process.stdout:
            now, line = time.time(), json.loads(line)
            alert = line.get("alert", {})
            if line.get("verified") and alert.get("rule") == RULE:
                with self.news:
                    self.came[alert["user_id"]] = (now, alert["time"])
                    self.news.notify_all()

    def wait(self, user, seconds):
        with self.news:
            if not self.news.wait_for(lambda: user in self.came, seconds):
                raise SystemExit(f"bench: no alert of {user} within {seconds} s")
            return self.came[user]


def forged(body):
    """The same person's, each with another signature, none of them Telegram's."""
    for k in range(FAILURES):
        yield json.dumps({**body, "fields": {**body["fields"], "hash": f"{k:064x}"}})


def event_to_alert(bench, alerts):
    """ms from the time of the tenth failure, as audit counts it, to the alert in somebody's hands."""
    body, path = login(bot_of(bench)), RUN / "forged.jsonl"
    user = json.loads(call([BIN / "bin/hlidkactl", "call", "auth", "auth.login.telegram_widget", body, "--run", RUN]))
    user = user.get("result", user)["user_id"]
    path.write_text("\n".join(forged(json.loads(body))))
    # Refused, all of them: that is exit code 1.
    subprocess.run([BIN / "bin/hlidkactl", "bench", "auth", "auth.login.telegram_widget", f"@{path}", "--run", RUN, "--in-flight", "1",
                    "--count", str(FAILURES), "--json"], env=ENV, cwd=ROOT, stdout=subprocess.DEVNULL)
    came, happened_ms = alerts.wait(user, 30)
    pathlib.Path(path).unlink()
    return came * 1000 - happened_ms


def run(bench):
    alerts = Alerts()
    try:
        event_to_alert(bench, alerts)                               # warm
        found = [event_to_alert(bench, alerts) for _ in range(max(3, bench.rounds * 2))]
    finally:
        alerts.process.terminate()
        alerts.process.wait()
    bench.row("event to alert", "ms", statistics.median(found), None, 1000, at_least=False)
    bench.row("event to alert, slowest", "ms", max(found), None, 1000, at_least=False)

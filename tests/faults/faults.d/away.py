"""What the service stands on goes away for 10 s and comes back.

PostgreSQL is not among it: ratelimit does not use it, and tests/integration takes it away from common/db instead.
"""
import time

from outcome import Scenario, Timeline, ends_text
from stand import Load, Stand

AWAY_S = 10
POLICIES = {"deny": "lessons.create", "allow": "faults.allow", "local": "faults.local"}
STORELESS = ("storeless_allowed", "storeless_denied", "unavailable")


def recoveries(line: Timeline, away: list, lead: float, *ends: str) -> list:
    """For each absence, how long after its end there were still such ends. Those of requests sent less than `lead`
    seconds before the next absence are its own."""
    nexts = [begin - lead for begin, _ in away[1:]] + [float("inf")]
    return [line.last_after(end, *ends, until=until) for (_, end), until in zip(away, nexts)]


def redis(stand: Stand, s: Scenario) -> None:
    """Redis stopped for 10 s under load: each policy's own answer within the deadline, whole again without a restart"""
    rounds = stand.pick(1, 2)
    stand.scale(1)
    before = stand.pids()
    loads = {name: Load(stand, f"{s.name}-{name}", endpoint=where, rate=80, users=20) for name, where in POLICIES.items()}
    away = []
    for _ in range(rounds):
        time.sleep(2)
        begun = time.time()
        stand.stack("store", "redis", "stop")
        time.sleep(AWAY_S / 2)
        status, text = stand.ask("/readyz")
        time.sleep(AWAY_S / 2)
        stand.stack("store", "redis", "start")
        away.append((begun, time.time()))
        time.sleep(4)
    reports = {name: load.finish() for name, load in loads.items()}
    s.volume = f"{rounds} times {AWAY_S} s, {sum(r['sent'] for r in reports.values())} requests"
    s.check("it said so", status in (200, 503), f"/readyz: {status} {' '.join(text.split())[:80]}")
    for name, report in reports.items():
        line = Timeline(report)
        s.settled(loads[name], report, name)
        s.check(f"nobody waited past the deadline ({name})", report["ends"]["timeout"] == 0, ends_text(report))
        back = recoveries(line, away, 0.2, *STORELESS)
        last = away[-1][1]
        s.check(f"whole again ({name})", line.last_after(last, *STORELESS) < 3 and line.first_after(last, "allowed") is not None,
                f"decided without the store until {line.last_after(last, *STORELESS):.1f} s after it was back")
        s.note(f"{name}: {ends_text(report)}; without the store until {max(back):.1f} s after it was back")
    allow, deny, local = (reports[name]["ends"] for name in ("allow", "deny", "local"))
    s.check("allow: the policy allows", allow["storeless_allowed"] > 0 and allow["storeless_denied"] == 0, str(allow))
    s.check("deny: nobody is let in", deny["storeless_allowed"] == 0 and deny["unavailable"] + deny["storeless_denied"] > 0, str(deny))
    s.check("local: the instance counts by itself", local["storeless_allowed"] > 0, str(local))
    s.check("the same process serves on", stand.pids() == before)


def bus(stand: Stand, s: Scenario) -> None:
    """the broker stopped for 10 s under load: deadlines pass meanwhile, nothing is lost, whole again without a restart"""
    rounds = stand.pick(1, 2)
    stand.scale(2)
    before = stand.pids()
    load = Load(stand, s.name, rate=200, users=40)
    away = []
    for _ in range(rounds):
        time.sleep(3)
        begun = time.time()
        stand.stack("store", "bus", "stop")
        time.sleep(AWAY_S)
        stand.stack("store", "bus", "start")
        away.append((begun, time.time()))
        stand.await_shares(2, 45)
        time.sleep(8)
    report = load.finish()
    line = Timeline(report)
    back = recoveries(line, away, 4.2, "timeout")
    s.volume = f"{rounds} times {AWAY_S} s, {report['sent']} requests"
    s.settled(load, report)
    s.check("no error but deadlines", sum(report["ends"][e] for e in STORELESS) == 0, ends_text(report))
    # requests sent up to a deadline before the end
    windows = [(begin - 5, end + 12) for begin, end in away]
    s.check("whole again", not line.outside(windows, "timeout") and line.first_after(away[-1][1], "allowed", "denied") is not None,
            f"the last request without an answer was sent {max(back):.1f} s after the broker was back")
    s.check("the same processes serve on", stand.pids() == before)
    s.note(f"{ends_text(report)}; last failure sent {max(back):.1f} s after the broker was back")

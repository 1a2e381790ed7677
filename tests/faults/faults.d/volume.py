"""Many: races for the same limit, a million checks and the memory they leave behind."""
from accounts import Accounts
from outcome import Scenario, ends_text, latency_text
from stand import Load, Stand

GROWTH_MIB = 8


def race(stand: Stand, s: Scenario) -> None:
    """40 checks of a user at once, spread over two instances: exactly 30 are allowed, of each user"""
    users = stand.pick(10, 1000)
    stand.scale(2)
    load = Load(stand, s.name, users=1, each=40, count=40 * users, in_flight=256, scatter=1, deadline=5000, seconds=600)
    report = load.wait(900)
    s.volume = f"{users} users x 40 checks"
    s.settled(load, report)
    s.check("exactly 30 of each user allowed", report["ends"]["allowed"] == 30 * users and report["ends"]["denied"] == 10 * users,
            ends_text(report))
    accounts = Accounts(stand.env["HLIDKA_REDIS_URL"])
    s.check("no account over its limit", accounts.largest <= 30, f"the fullest holds {accounts.largest} of 30")
    s.note(f"{ends_text(report)}; {report['sent'] / max(0.001, seconds(report)):.0f}/s, {latency_text(report)}")


def seconds(report: dict) -> float:
    return (report["ended_unix_ms"] - report["begun_unix_ms"]) / 1000


def memory(stand: Stand, s: Scenario) -> None:
    """sustained load: the service's memory does not grow with what it has served"""
    n = stand.pick(10_000, 1_000_000)
    stand.scale(1)
    how = {"users": 64, "in_flight": 128, "seconds": 1200, "repeat_every": 100}
    warm = Load(stand, f"{s.name}-warm", count=n // 5, **how).wait(600)
    s.check("the warm-up went well", warm["breaches"] == 0, ends_text(warm))
    before = stand.rss_mib()
    load = Load(stand, s.name, count=n, **how)
    report = load.wait(1500)
    after = stand.rss_mib()
    s.volume = f"{n} checks after {n // 5}"
    s.settled(load, report)
    s.check("each was answered", report["sent"] == report["ends"]["allowed"] + report["ends"]["denied"], ends_text(report))
    s.check(f"memory is flat: under {GROWTH_MIB} MiB more", after - before < GROWTH_MIB, f"{before:.1f} MiB before, {after:.1f} after")
    s.note(f"{before:.1f} to {after:.1f} MiB; {report['sent'] / max(0.001, seconds(report)):.0f} checks/s, {latency_text(report)}")

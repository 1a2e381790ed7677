"""At least once in, one effect, one answer: redelivery, and copies at the same instant."""
import time

from accounts import Accounts
from outcome import Scenario
from stand import Stand, wait_for
from wire import TTL_S, Wire, offsets, rewind


def names(s: Scenario, n: int) -> list:
    return [f"{s.name}-{time.time_ns()}-{i}" for i in range(n)]


def expired(stand: Stand, count: int = 1) -> float:
    return sum(stand.metric(n, "hlidka_bus_expired_total") for n in range(1, count + 1))


def redelivery(stand: Stand, s: Scenario) -> None:
    """committed offsets set back and the service started again: replies repeat byte for byte, nothing is charged twice"""
    stand.scale(1)
    wire = Wire(stand)
    n = stand.pick(50, 1000)
    try:
        for attempt in range(3):                # a machine too busy to restart a service in 4 s proves nothing
            users = names(s, n)
            before = offsets(wire.brokers)
            sent = dict(wire.check(user, cost=3) for user in users)
            begun = time.monotonic()
            for (id, value), user in zip(sent.items(), users):
                wire.send(value, key=user.encode())
            wire.flush()
            first = wire.collect(dict.fromkeys(sent, 1), 4)
            stand.end_service()
            rewind(wire.brokers, before)
            stand.stack("start", "ratelimit", 1)
            second = wire.collect(dict.fromkeys(sent, 1), 5)
            took = time.monotonic() - begun
            if len(first) == n and len(second) >= n / 2:
                break
        again = [id for id in second if second[id] == first.get(id)]
        s.volume = f"{n} checks, redelivered twice"
        s.check("each was answered", len(first) == n, f"{len(first)} of {n}")
        s.check("each was redelivered: answered again, or dropped as past its deadline",
                len(second) + expired(stand) == n and len(second) >= n / 2,
                f"{len(second)} answered, {expired(stand):.0f} expired, attempt {attempt + 1}, all in {took:.1f} s")
        s.check("replies repeat byte for byte", len(again) == len(second) > 0, f"{len(again)} of {len(second)}")
        s.note(f"{len(again)} of {len(second)} replies the same bytes")
        held, peeked = wire.charged(users), time.monotonic()
        s.check("no second charge", held == dict.fromkeys(users, 3), f"{sum(held.values())} charged for {3 * n}")

        stand.end_service()
        rewind(wire.brokers, before)
        # the peeks came after the checks, so they come again too: when their deadline is over, every other one is
        time.sleep(max(0.0, peeked + TTL_S + 0.5 - time.monotonic()))
        stand.scale(1)
        wait_for(lambda: expired(stand) >= 2 * n, 10)
        late = wire.collect(dict.fromkeys(sent, 1), 1)
        s.check("past its deadline: dropped, counted, not answered", not late and expired(stand) == 2 * n,
                f"{len(late)} answered, {expired(stand):.0f} expired of {n} checks and {n} peeks")
        held = wire.charged(users)
        s.check("past its deadline: not charged", held == dict.fromkeys(users, 3), f"{sum(held.values())} charged for {3 * n}")
        s.note(f"all {n} dropped past their deadline; {sum(held.values())} charged for {3 * n}")
    finally:
        wire.close()


def copies(stand: Stand, s: Scenario) -> None:
    """two copies of a request at the same instant at two instances, as they are or in a fresh envelope: one effect, one answer"""
    stand.scale(2)
    wire = Wire(stand)
    n, batch = stand.pick(100, 5000), 50
    answered = lambda k: stand.metric(k, "hlidka_bus_requests_total")    # noqa: E731
    before = [answered(1), answered(2)]
    users, pairs = names(s, n), {}
    try:
        for begin in range(0, n, batch):
            want = {}
            for i, user in enumerate(users[begin:begin + batch], begin):
                id, value = wire.check(user, cost=2)
                copy = wire.check(user, cost=2, id=id)[1] if i % 2 else value
                # range assignment: the first half of the partitions is one instance's, the second the other's
                wire.send(value, partition=i % 6)
                wire.send(copy, partition=i % 6 + 6)
                want[id] = 2
            wire.flush()
            pairs |= wire.collect(want, 8)
        counts = [answered(1) - before[0], answered(2) - before[1]]
        s.volume = f"{n} pairs at 2 instances"
        s.check("both instances were asked", min(counts) >= n * 0.9, f"{counts[0]:.0f} and {counts[1]:.0f} requests answered")
        s.check("each copy was answered", len(pairs) == n and all(len(b) == 2 for b in pairs.values()),
                f"{sum(map(len, pairs.values()))} answers to {2 * n}")
        same = sum(len(b) == 2 and b[0] == b[1] for b in pairs.values())
        s.check("both got the same answer", same == n, f"{same} of {n} pairs")
        held = wire.charged(users)
        s.check("one effect", held == dict.fromkeys(users, 2), f"{sum(held.values())} charged for {2 * n}")
        s.check("no account over its limit", Accounts(stand.env["HLIDKA_REDIS_URL"]).largest <= 30)
        s.note(f"{same} of {n} pairs answered alike; {sum(held.values())} charged for {2 * n}")
    finally:
        wire.close()

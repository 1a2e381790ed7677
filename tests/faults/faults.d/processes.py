"""Processes that die, sleep, come and go under load."""
import random
import signal
import time

from accounts import Accounts, Effects
from outcome import Scenario, Timeline, ends_text, latency_text
from stand import Load, Stand
from wire import Wire, expel_dead

RATE = 250
DEADLINE_S = 4.0
SESSION_S = 8.0             # session.timeout.ms of the service: how long the group waits for a member that died


def over_limit(stand: Stand, s: Scenario) -> Accounts:
    accounts = Accounts(stand.env["HLIDKA_REDIS_URL"])
    s.check("no account over its limit", accounts.largest <= 30, f"the fullest holds {accounts.largest} of 30")
    return accounts


def crash(stand: Stand, s: Scenario) -> None:
    """kill -9 under load at random moments, started again at once: each request has its end, and no charge is lost or doubled"""
    kills, wait = stand.pick(2, 20), stand.pick((1.0, 2.0), (0.5, 3.5))
    stand.scale(2)
    load = Load(stand, s.name, rate=RATE, deadline=5000, users=40)
    back = []
    for i in range(kills):
        time.sleep(random.uniform(*wait))
        number = 1 + i % 2
        stand.signal(number, signal.SIGKILL)
        begun = time.monotonic()
        time.sleep(0.2)
        stand.stack("start", "ratelimit", 2)
        stand.await_shares(2)
        back.append(time.monotonic() - begun)
    time.sleep(2)
    report = load.finish()
    s.volume = f"{kills} kills of 2 instances, {report['sent']} requests"
    s.settled(load, report)
    over_limit(stand, s)
    s.check("it answers again", Timeline(report).of("allowed", "denied")[-1:] > Timeline(report).of("timeout")[-1:], ends_text(report))
    s.note(f"{ends_text(report)}; whole again after {min(back):.1f} to {max(back):.1f} s (a dead member's session: {SESSION_S:.0f} s)")


def _catch(stand: Stand, wire: Wire, users: list, effects: Effects, wait: float) -> tuple[dict, dict, int]:
    """Stops the service with effects in the store that it has not answered yet, and kills it: (sent, answered before, effects)."""
    pid = stand.pid(1)
    sent, before = dict(wire.check(user, cost=2) for user in users), effects.count()
    effects.hold()
    for (id, value), user in zip(sent.items(), users):
        wire.send(value, key=user.encode())
    wire.producer.flush(1)
    time.sleep(0.1)                         # now they lie at Redis, which goes through them in some 10 ms
    effects.go_on()
    time.sleep(wait)
    stand.signal(1, signal.SIGSTOP)
    answered = wire.collect(dict.fromkeys(sent, 1), 0.3)
    done = effects.count() - before
    stand.signal(1, signal.SIGKILL)
    stand.exit_code(pid, 5)
    return sent, answered, done


def crash_between(stand: Stand, s: Scenario) -> None:
    """killed between the effect and its reply: whoever takes over gives the reply of the effect that is there, once charged"""
    wanted, n = stand.pick(2, 10), 400
    stand.scale(1)
    wire, effects = Wire(stand), Effects(stand.env["HLIDKA_REDIS_URL"])
    between = unanswered = charged = wrong = 0
    try:
        # a round in which this process was not given the processor between the two comes too late, and proves nothing
        for i in range(wanted * 4):
            if i >= wanted and between > 0:
                break
            rounds = i + 1
            users = [f"{s.name}-{time.time_ns()}-{k}" for k in range(n)]
            sent, answered, done = _catch(stand, wire, users, effects, 0.002 * (i % wanted) / wanted)
            # the broker is told that the member is dead, or the deadlines would pass before its session does
            expel_dead(wire.brokers, "ratelimit-1")
            stand.stack("start", "ratelimit", 1)
            rest = wire.collect(dict.fromkeys(sent.keys() - answered.keys(), 1), 5)
            held = wire.charged(users)
            told = answered.keys() | rest.keys()
            between += max(0, done - len(answered))
            unanswered += n - len(told)
            charged += sum(held.values())
            wrong += sum(held.get(user) not in ((2,) if id in told else (0, 2)) for id, user in zip(sent, users))
            stand.await_shares(1)
        s.volume = f"{rounds} kills, {rounds * n} requests"
        s.check("it was killed between effect and reply", between > 0, f"{between} effects without a reply when it was killed")
        s.check("each request has its reply or was past its deadline", unanswered <= rounds * n / 4, f"{unanswered} of {rounds * n} past it")
        s.check("each is charged once", wrong == 0, f"{wrong} accounts are wrong; {charged} charged for {2 * rounds * n}")
        s.note(f"{between} effects without a reply at the kills; {rounds * n - unanswered} of {rounds * n} answered, {charged} charged")
    finally:
        wire.close()


def zombie(stand: Stand, s: Scenario) -> None:
    """one of two instances stopped for 15 s and woken under load: it changes nothing that is not its own any more"""
    rounds = stand.pick(1, 3)
    stand.scale(2)
    before = stand.pids()
    load = Load(stand, s.name, rate=RATE, users=40)
    for i in range(rounds):
        time.sleep(2)
        stand.signal(1 + i % 2, signal.SIGSTOP)
        time.sleep(15)
        stand.signal(1 + i % 2, signal.SIGCONT)
        if i < rounds - 1:
            stand.await_shares(2)
    time.sleep(4)
    report = load.finish()
    accounts = over_limit(stand, s)
    s.volume = f"{rounds} sleeps of 15 s, {report['sent']} requests"
    s.settled(load, report)
    agree, text = accounts.agree()
    s.check("the record of effects and the store agree", agree, text)
    stand.await_shares(2)
    s.check("both are the processes that they were", stand.pids() == before)
    s.note(f"{ends_text(report)}; {text}")


def scaling(stand: Stand, s: Scenario) -> None:
    """1 to 3 to 1 instances under load: no error but deadlines, and none of those beyond the rebalance"""
    stand.scale(1)
    load = Load(stand, s.name, rate=RATE, users=40)
    hold, windows, took = stand.pick(3, 8), [], []
    for count in (3, 1):
        time.sleep(hold)
        begun = time.time()
        stand.scale(count)
        took.append(time.time() - begun)
        # a request that was on its way then may have been fetched by the one that had to give its partition up
        windows.append((begun - DEADLINE_S, time.time() + 1))
    time.sleep(hold)
    report = load.finish()
    line = Timeline(report)
    s.volume = f"1 to 3 to 1, {report['sent']} requests"
    s.settled(load, report)
    over_limit(stand, s)
    s.check("no error but deadlines", report["ends"]["unavailable"] == 0, ends_text(report))
    late = line.outside(windows, "timeout")
    s.check("no deadline passed beyond the rebalance", not late, f"{len(late)} slots of 100 ms with such")
    slowest = line.slowest(windows[0][0], windows[-1][1])
    s.note(f"{ends_text(report)}; up in {took[0]:.1f} s, down in {took[1]:.1f} s; slowest answer {slowest} ms, {latency_text(report)}")


def drain(stand: Stand, s: Scenario) -> None:
    """SIGTERM under load: exit 0 in under 10 s, and no request is lost"""
    rounds, codes, times = stand.pick(1, 6), [], []
    stand.scale(2)
    load = Load(stand, s.name, rate=RATE * 2, users=40)
    for i in range(rounds):
        time.sleep(2)
        begun = time.monotonic()
        codes.append(stand.exit_code(stand.signal(1 + i % 2, signal.SIGTERM), 15))
        times.append(time.monotonic() - begun)
        stand.stack("start", "ratelimit", 2)
        stand.await_shares(2)
    time.sleep(1)
    report = load.finish()
    s.volume = f"{rounds} of 2 instances, {report['sent']} requests"
    s.settled(load, report)
    s.check("exit 0", codes == [0] * rounds, f"exit codes {codes}")
    s.check("in under 10 s", max(times) < 10, f"{max(times):.1f} s at most")
    s.check("no request is lost", report["sent"] == report["ends"]["allowed"] + report["ends"]["denied"], ends_text(report))
    s.note(f"exit {codes[0]} in {min(times):.2f} to {max(times):.2f} s; {ends_text(report)}; slowest {report['latency_ms']['max']:.0f} ms")

"""Those who mean harm, and files that are wrong."""
import os
import random
import time

import msgpack
import yaml

from outcome import Scenario, ends_text, latency_text
from stand import Load, Stand, wait_for
from wire import Wire, now_ms

GROWTH_MIB = 8
PEEK = {"user_id": "hostile", "tier": "free", "endpoint": "lessons.create", "cost": 1, "mode": "peek"}
REASONS = ("malformed", "too_large", "unknown_principal", "wrong_destination", "unknown_key", "not_authentic", "wrong_topic",
           "bad_reply_address")


def mutated(value: bytes) -> bytes:
    """A sound message with something broken: a few bytes changed, cut off, doubled, put in, or added."""
    raw = bytearray(value)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(raw)) if raw else 0
        kind = random.randrange(6)
        if kind == 0 and raw:
            raw[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            del raw[at:]
        elif kind == 2:
            raw[at:at] = raw[at:at + random.randint(1, 64)]
        elif kind == 3:
            raw[at:at] = os.urandom(random.randint(1, 16))
        elif kind == 4:
            raw[at:at + random.randint(1, 8)] = random.choice((b"\xdd\xff\xff\xff\xff", b"\xdf\x7f\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xc1"))
        else:
            raw += os.urandom(random.randint(1, 32))
    return bytes(raw)


def crafted(wire: Wire, edge: Wire) -> list:
    """(name, value) of a message of each class that the receiver tells apart."""
    check = lambda **how: wire.check("hostile", **how)[1]            # noqa: E731
    sound = check()
    return [
        ("malformed", os.urandom(random.randint(1, 400))),
        ("malformed", sound + b"\0"),
        ("malformed", check(nonce=os.urandom(24), trace=7)),
        ("unknown_principal", check(src="nobody")),
        ("wrong_destination", check(dst="audit")),
        ("unknown_key", check(skid=os.urandom(8))),
        ("not_authentic", sound[:-1] + bytes([sound[-1] ^ 1])),
        ("wrong_topic", wire.seal("auth.session.introspect", {"token": "x"})[1]),
        ("bad_reply_address", check(reply=["hlidka.replies.ops", 0])),
        ("stale_message", check(ts=now_ms() + 30_000)),
        ("unknown_op", wire.seal("ratelimit.nothing", {})[1]),
        ("invalid_request", wire.seal("ratelimit.check", {"endpoint": "", "more": 1})[1]),
        ("invalid_request", wire.seal("ratelimit.check", b"\xdd\xff\xff\xff\xff")[1]),
        ("forbidden", edge.seal("ratelimit.policies", {})[1]),
        ("expired", check(ts=now_ms() - 3000, ttl=1000)),
    ]


def counts(stand: Stand) -> dict:
    metrics = stand.metrics()
    dead = {r: metrics.get(f'hlidka_bus_dead_total{{reason="{r}"}}', 0) for r in REASONS}
    answers = lambda status: sum(v for k, v in metrics.items()         # noqa: E731
                                 if k.startswith("hlidka_bus_requests_total") and f'status="{status}"' in k)
    return dead | {"answered 400": answers(400), "answered 403": answers(403),
                   "expired": sum(v for k, v in metrics.items() if k.startswith("hlidka_bus_expired_total"))}


def hostile(stand: Stand, s: Scenario) -> None:
    """a flood of junk, mutations and one message of each refused class beside honest load: no crash, no growth, all counted"""
    n, rate = stand.pick(5000, 250_000), stand.pick(1500, 3000)
    stand.scale(1)
    pid, wire, edge = stand.pid(), Wire(stand), Wire(stand, "edge")
    # the first of everything fills caches and buffers for good: that is not growth
    flood(wire, edge, stand.pick(1000, 20_000), rate)
    before, rss, begun = counts(stand), stand.rss_mib(), time.monotonic()
    load = Load(stand, s.name, rate=60, users=20)
    probes = []

    def probe() -> None:
        status, _ = stand.ask("/livez")
        probes.append(status)
    try:
        flood(wire, edge, n, rate, probe)
        took = time.monotonic() - begun
        time.sleep(1)
        report = load.finish()
        after, grown = counts(stand), stand.rss_mib() - rss
        s.volume = f"{n} hostile messages beside {report['sent']} honest ones"
        s.check("it is the process that it was", stand.pids() == [pid])
        s.check(f"no growth: under {GROWTH_MIB} MiB", grown < GROWTH_MIB, f"{rss:.1f} MiB before, {rss + grown:.1f} after")
        silent = [name for name in after if after[name] <= before[name]]
        s.check("each class is counted", not silent, "; ".join(f"{k} {after[k] - before[k]:.0f}" for k in after))
        s.check("it answered probes meanwhile", probes.count(200) == len(probes) > 0, f"{probes.count(200)} of {len(probes)}")
        s.settled(load, report)
        s.check("honest requests were all answered", report["ends"]["timeout"] == 0, f"{ends_text(report)}; {latency_text(report)}")
        s.note(f"{n / took:.0f}/s; {rss:.1f} to {rss + grown:.1f} MiB; honest beside it: {ends_text(report)}, {latency_text(report)}")
    finally:
        wire.close()
        edge.close()


def flood(wire: Wire, edge: Wire, n: int, rate: int, probe=lambda: None) -> None:
    begun, large = time.monotonic(), os.urandom(1_000_100)
    wire.send(large)
    for i in range(n):
        if i % 500 == 0:
            crafts = crafted(wire, edge)
            sounds = [wire.check(f"hostile-{i}", mode="peek")[1] for _ in range(8)]
            # from somebody with a key: sealed soundly, wrong within
            sounds += [wire.seal("ratelimit.check", mutated(msgpack.packb(PEEK)))[1] for _ in range(200)]
            wire.consumer.consume(1000, 0)                          # the answers to what is refused politely
            if i % 2500 == 0:
                probe()
        turn = i % 500
        if turn < len(crafts):
            wire.send(crafts[turn][1])
        elif turn < len(crafts) + 200:
            wire.send(sounds[8 + turn - len(crafts)])
        else:
            wire.send(mutated(random.choice(sounds)))
        if (ahead := i / rate - (time.monotonic() - begun)) > 0.01:
            time.sleep(ahead)
    wire.flush()


def reload(stand: Stand, s: Scenario) -> None:
    """a bad principals file is refused whole and said; a principal that is taken away is refused from the reload on"""
    stand.scale(1)
    pid, marks = stand.pid(), stand.log_marks()
    path = stand.dir / "principals.yaml"
    good = path.read_text()
    edge = Wire(stand, "edge")

    def put(text: str) -> None:
        new = path.with_suffix(".new")
        new.write_text(text)
        new.replace(path)

    def answered(wait: float = 2) -> bool:
        id, value = edge.check("reload", mode="peek")
        edge.send(value)
        edge.flush()
        return id in edge.collect({id: 1}, wait)

    def refused() -> float:
        return stand.metric(1, "hlidka_bus_principals_refused")

    unknown = lambda: stand.metrics().get('hlidka_bus_dead_total{reason="unknown_principal"}', 0)    # noqa: E731
    try:
        s.check("answered before", answered(6))
        put(good.replace("edge:", "edge: {", 1))
        s.check("a bad file is refused: the gauge says so", wait_for(lambda: refused() == 1, 6))
        log = stand.log_since(marks, stand.dir / "log/ratelimit-1.log")
        said = [line for line in log.splitlines() if "principals" in line]
        s.check("a bad file is refused: the log says so", bool(said), said[-1][:160] if said else log[-200:])
        s.check("a bad file is refused: the old one stays", answered(6))
        put(good)
        s.check("a good file takes over: the gauge says so", wait_for(lambda: refused() == 0, 6))
        fewer = yaml.safe_load(good)
        del fewer["principals"]["edge"]
        put(yaml.safe_dump(fewer))
        begun, before = time.monotonic(), unknown()
        s.check("a principal taken away is refused from the reload on",
                wait_for(lambda: not answered(0.7) and unknown() > before, 8), f"after {time.monotonic() - begun:.1f} s")
        s.check("and stays refused", not answered(2))
        put(good)
        s.check("put back, it is answered again", wait_for(lambda: answered(0.7), 8))
        s.check("the same process serves on", stand.pids() == [pid])
        s.volume = "4 changes of the file"
        s.note("old one kept, change said in log and gauge; refused and answered again without a restart")
    finally:
        put(good)
        edge.close()

"""The foundation: what a service costs at rest, sealing, a round trip, a decision."""
import json
import os
import pathlib
import statistics
import time

from bench import BARE, BIN, POLICIES, RUN, SEALED, call

COUNTS = {1: 3000, 64: 60_000, 256: 120_000}
NOTHING = json.dumps({"user_id": "u-bench", "endpoint": "bench.nothing"})       # no policy matches: memory only
THREE = json.dumps({"user_id": "u-%d", "ip": "192.0.2.7", "endpoint": "bench.three", "tier": "free"})


def ticks(pid):
    return sum(map(int, pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))


def idle(bench, services, seconds):
    pids = {s: int(json.loads((RUN / f"pid/{s}-1.json").read_text())["pid"]) for s in services}
    before = {s: ticks(pid) for s, pid in pids.items()}
    time.sleep(seconds)
    for service, pid in pids.items():
        used = (ticks(pid) - before[service]) / os.sysconf("SC_CLK_TCK") / seconds * 100
        status = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
        rss = int(next(line.split()[1] for line in status if line.startswith("VmRSS"))) / 1024
        bench.row(f"{service} idle, processor", "% of a core", used, None, 2, at_least=False)
        bench.row(f"{service} idle, memory", "MiB", rss, None, 30, at_least=False)


def sealing(bench):
    runs = [json.loads(call([BIN / "tests/bench/seal", bench.env["HLIDKA_PRINCIPALS"], bench.env["HLIDKA_KEYS"], 512])) for _ in range(bench.rounds)]
    ours, bare = (statistics.median(r[k] for r in runs) / 1000 for k in ("ours_ns", "bare_ns"))
    bench.row("seal + open of 512 bytes", "us", ours, None, 3, at_least=False)
    bench.row("seal + open of 512 bytes, beside the bare AEAD", "us", ours, bare, 3, at_least=False)


def round_trips(bench):
    for in_flight in (1, 64):
        count = bench.scaled(COUNTS[in_flight])
        ours, echo, sealed = bench.beside(lambda: bench.ask("ratelimit", "check", NOTHING, in_flight, count), in_flight, count, kinds=(BARE, SEALED))
        name = f"round trip, {in_flight} in flight"
        bench.row(name, "1/s", ours["per_s"], echo["per_s"], 0.7, at_least=True)
        bench.row(f"{name}, beside an echo that seals", "1/s", ours["per_s"], sealed["per_s"], None, at_least=True)
        bench.row(f"{name}, p50", "ms", ours["p50_ms"], echo["p50_ms"], 1.3, at_least=False)
        bench.row(f"{name}, p50, beside an echo that seals", "ms", ours["p50_ms"], sealed["p50_ms"], None, at_least=False)


def decisions(bench):
    for in_flight in (64, 256):
        count = bench.scaled(COUNTS[in_flight])

        def bare_store():
            """The same Redis function with the same arguments, driven as by redis-benchmark, as deep as we have in flight."""
            return json.loads(call([BIN / "tests/bench/fcall", bench.env["HLIDKA_REDIS_URL"], in_flight, count, POLICIES]))["per_s"]
        ours, echo, sealed = bench.beside(lambda: bench.ask("ratelimit", "check", THREE, in_flight, count), in_flight, count, kinds=(BARE, SEALED))
        store = bench.median(bare_store)
        print(f"  echo {echo['per_s']:.0f}/s, sealed {sealed['per_s']:.0f}/s and store {store:.0f}/s at {in_flight} in flight", flush=True)
        name = f"decisions by three policies, {in_flight} in flight"
        bench.row(name, "1/s", ours["per_s"], 1 / (1 / echo["per_s"] + 1 / store), 0.7, at_least=True)
        bench.row(f"{name}, beside an echo that seals", "1/s", ours["per_s"], 1 / (1 / sealed["per_s"] + 1 / store), None, at_least=True)


def run(bench, services, seconds):
    idle(bench, services, seconds)
    sealing(bench)
    round_trips(bench)
    decisions(bench)

"""What every kind of figure needs: the programs, rows, and rounds of ours and of the bare limit in turn."""
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
OUT = pathlib.Path(os.environ.get("HLIDKA_RUN", ROOT / ".run"))
RUN = OUT / "bench"
BIN = ROOT / "build/release"
POLICIES = ROOT / "tests/bench/policies.yaml"
# A partition is a produce request of its own: as many as the three instances of the revocations need, on a machine of few cores.
PARTITIONS = os.environ.get("HLIDKA_PARTITIONS", "3")
ENV = {**os.environ, "HLIDKA_RUN": str(RUN), "HLIDKA_PARTITIONS": PARTITIONS, "HLIDKA_PORT_BASE": os.environ.get("HLIDKA_PORT_BASE", "29400"), "HLIDKA_POLICIES": str(POLICIES)}
# The bare echo at its best: for each number in flight the best of these (throughput and p50 each by its own best).
ECHO_SETTINGS = [["linger.ms=0", "max.in.flight.requests.per.connection=1"], ["linger.ms=0"], ["linger.ms=0.5"]]
BARE, SEALED = (), ("sealed",)
HEAD = ("name", "unit", "ours", "limit", "ratio", "goal", "holds")


def call(args, seconds=180, env=ENV):
    done = subprocess.run([str(a) for a in args], env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace")[:1500]
        sys.exit(f"bench: {' '.join(map(str, args))[:200]}: exit {done.returncode}\n{said}")
    return done.stdout.decode()


class Bench:
    def __init__(self, rounds, scale):
        self.rounds, self.scale, self.rows = rounds, scale, []
        self.env = dict(line.split("=", 1) for line in (RUN / "env").read_text().splitlines() if "=" in line)

    def scaled(self, count):
        return max(200, int(count * self.scale))

    def row(self, name, unit, ours, limit, goal, *, at_least):
        """Without a goal it is there to be known."""
        ratio = ours / limit if limit else None
        measured = ratio if limit else ours
        holds = None if goal is None else measured >= goal if at_least else measured <= goal
        self.rows.append({"name": name, "unit": unit, "ours": round(ours, 3), "limit": round(limit, 3) if limit else None,
                          "ratio": round(ratio, 3) if limit else None, "goal": f"{'>=' if at_least else '<='} {goal}" if goal is not None else None, "holds": holds})
        print("  " + ", ".join(f"{k} {v}" for k, v in self.rows[-1].items() if v is not None), flush=True)

    # ---- one measurement ------------------------------------------------------------------------------

    def echo(self, in_flight, count, size, kind, settings):
        return json.loads(call([BIN / "tests/bench/echo", self.env["HLIDKA_BROKERS"], in_flight, count, size, *kind, *settings]))

    def ask(self, service, op, body, in_flight, count, warm_up=1):
        """body: JSON, or @FILE of a JSON a line."""
        got = json.loads(call([BIN / "bin/hlidkactl", "bench", service, f"{service}.{op}", body, "--run", RUN,
                               "--in-flight", in_flight, "--count", count, "--warm-up", warm_up, "--json"]))
        return {"per_s": got["per_second"], "p50_ms": got["p50_us"] / 1000, "p99_ms": got["p99_us"] / 1000}

    # ---- several --------------------------------------------------------------------------------------

    def beside(self, ours, in_flight, count, size=330, kinds=(BARE,)):
        """Rounds of ours() and of every setting of each kind of echo, taken in turn: what the machine does meanwhile hits all."""
        got, echoes = [], {kind: [[] for _ in ECHO_SETTINGS] for kind in kinds}
        for _ in range(self.rounds + 1):
            got.append(ours())
            for kind, bare in echoes.items():
                for settings, runs in zip(ECHO_SETTINGS, bare):
                    runs.append(self.echo(in_flight, count, size, kind, settings))
        # The first round is the broker's: its JVM compiles what it finds hot.
        median = lambda runs, what: statistics.median(r[what] for r in runs[1:])  # noqa: E731
        best = [{"per_s": max(median(b, "per_s") for b in bare), "p50_ms": min(median(b, "p50_ms") for b in bare)} for bare in echoes.values()]
        return {k: median(got, k) for k in ("per_s", "p50_ms", "p99_ms")}, *best

    def median(self, measure):
        return statistics.median(measure() for _ in range(self.rounds))

    # ---- the end --------------------------------------------------------------------------------------

    def report(self):
        cells = [HEAD] + [tuple("-" if r[h] is None else ("yes" if r[h] else "NO") if h == "holds" else str(r[h]) for h in HEAD) for r in self.rows]
        widths = [max(len(c[i]) for c in cells) for i in range(len(HEAD))]
        for c in cells:
            print("  ".join(v.ljust(w) if i < 2 else v.rjust(w) for i, (v, w) in enumerate(zip(c, widths))))
        (OUT / "bench.json").write_text(json.dumps(self.rows, indent=1) + "\n")

"""audit: events stored, beside a bare COPY of the same rows into tables made alike."""
import json
import re
import time

from bench import BIN, RUN, call
from postgres import query, tool

TYPE = "app.bench"
TABLES = ("records", "seen")


def stored():
    return int(query("audit", f"SELECT count(*) FROM audit.records WHERE type = '{TYPE}'"))


def size():
    """Asked many times: to count the rows each time would be the greater part of what the machine does meanwhile."""
    return int(query("audit", "SELECT size FROM audit.log"))


def ours(bench, count):
    """From the first event sent until the last is stored."""
    before, end, patience = stored(), size() + count, time.time() + 150
    sent = json.loads(call([BIN / "tests/bench/events", bench.env["HLIDKA_BROKERS"], bench.env["HLIDKA_PRINCIPALS"], bench.env["HLIDKA_KEYS"], count, TYPE]))
    while size() < end or stored() - before < count:
        if time.time() > patience:
            raise SystemExit(f"bench: {stored() - before} of {count} events stored after 150 s")
        time.sleep(0.02)
    return count / (time.time() - sent["begun_ms"] / 1000)


def bare(count):
    """The rows that the last round left, written out and copied into empty tables with the same columns, checks and indexes."""
    rows = {t: RUN / f"copy-{t}" for t in TABLES}
    latest = {"records": f"SELECT * FROM audit.records ORDER BY seq DESC LIMIT {count}",
              "seen": f"SELECT * FROM audit.seen ORDER BY id DESC LIMIT {count}"}
    for table, path in rows.items():
        tool("psql", "audit", ["-Xq", "-c", f"\\copy ({latest[table]}) TO '{path}' (FORMAT binary)"])
    script = ["\\set ON_ERROR_STOP 1", "SET search_path = audit"]
    script += [f"CREATE TABLE bench_{t} (LIKE {t} INCLUDING ALL)" for t in TABLES] + ["\\timing on", "BEGIN"]
    script += [f"\\copy bench_{t} FROM '{rows[t]}' (FORMAT binary)" for t in TABLES] + ["COMMIT", "\\timing off"]
    script += [f"DROP TABLE bench_{t}" for t in TABLES]
    path = RUN / "copy.sql"
    path.write_text("".join(line + ("\n" if line.startswith("\\") else ";\n") for line in script))
    said = tool("psql", "audit", ["-X", "-f", path])
    for path in rows.values():
        path.unlink()
    return count / (sum(map(float, re.findall(r"^Time: ([0-9.]+) ms", said, re.M))) / 1000)


def run(bench):
    count, got, copied = bench.scaled(100_000), [], []
    for _ in range(bench.rounds):
        got.append(ours(bench, count))
        copied.append(bare(count))
    middle = lambda values: sorted(values)[len(values) // 2]           # noqa: E731
    bench.row("events stored, beside COPY of their rows", "1/s", middle(got), middle(copied), 0.4, at_least=True)

"""crypto: recordings of 1 MiB put and read, beside the bare echo of the same bytes in the same parts."""
import json

from bench import BIN, call

PARTS, PART = 2, 512 * 1024
IN_FLIGHT = 4


def run(bench):
    count = max(8, int(60 * bench.scale))

    def ours():
        got = json.loads(call([BIN / "tests/bench/recordings", bench.env["HLIDKA_BROKERS"], bench.env["HLIDKA_PRINCIPALS"],
                               bench.env["HLIDKA_KEYS"], IN_FLIGHT, count]))
        return {"per_s": got["per_s"], "p50_ms": 0, "p99_ms": 0}
    # A recording goes there once and comes back once, as an echo's bytes do.
    got, echo = bench.beside(ours, IN_FLIGHT, count * PARTS, PART)
    bench.row(f"1 MiB recordings put and read, {IN_FLIGHT} at once", "1/s", got["per_s"], echo["per_s"] / PARTS, 0.6, at_least=True)

"""crypto: recordings of 1 MiB put and read, beside the bare echo of the same bytes in the same parts, and beside that with
what the contract does to each byte: ciphers, hashes and the blob's file, bare."""
import json
import os

from bench import BIN, RUN, call

PARTS, PART = 2, 512 * 1024
IN_FLIGHT = 4


def run(bench):
    count = max(8, int(60 * bench.scale))

    def ours():
        got = json.loads(call([BIN / "tests/bench/recordings", bench.env["HLIDKA_BROKERS"], bench.env["HLIDKA_PRINCIPALS"],
                               bench.env["HLIDKA_KEYS"], IN_FLIGHT, count]))
        return {"per_s": got["per_s"], "p50_ms": 0, "p99_ms": 0}

    def bare():
        """Processor time of one recording, all of the machine's cores at it as if nothing of it had to wait for another thing."""
        got = json.loads(call([BIN / "tests/bench/bare_recording", RUN]))
        print("  bare, of one recording: " + ", ".join(f"{k.removesuffix('_ms')} {v} ms" for k, v in got.items()), flush=True)
        return sum(got.values()) / 1000 / len(os.sched_getaffinity(0))
    # A recording goes there once and comes back once, as an echo's bytes do.
    got, echo = bench.beside(ours, IN_FLIGHT, count * PARTS, PART)
    echo_per_s = echo["per_s"] / PARTS
    name = f"1 MiB recordings put and read, {IN_FLIGHT} at once"
    bench.row(name, "1/s", got["per_s"], echo_per_s, 0.6, at_least=True)
    limit = 1 / (1 / echo_per_s + bench.median(bare))
    bench.row(f"{name}, beside echo, ciphers, hashes and file", "1/s", got["per_s"], limit, None, at_least=True)

"""crypto: recordings of 1 MiB put and read, beside the bare echo of the same bytes in the same parts; and beside what is left of
it when the same is done bare: the very messages there and back, the ciphers, hashes and the blob's file, the same statements."""
import json
import os
import re
import statistics

from bench import BARE, BIN, ECHO_SETTINGS, ROOT, RUN, call
from postgres import tool

PARTS, PART = 2, 512 * 1024
SMALL = 330                             # bytes of a message that carries no part
IN_FLIGHT = 4


def bare_bytes():
    """Processor time of one recording, all of the machine's cores at it as if nothing of it had to wait for another thing."""
    got = json.loads(call([BIN / "tests/bench/bare_recording", RUN]))
    return sum(got.values()) / 1000 / len(os.sched_getaffinity(0))


def bare_rows(seconds):
    """Sixteen connections, so that commits share their flushes."""
    said = tool("pgbench", "crypto", ["-n", "-M", "prepared", "-c", 16, "-j", 1, "-T", seconds, "-f", ROOT / "tests/bench/recording.sql"])
    return 1 / float(re.search(r"^tps = ([0-9.]+)", said, re.M).group(1))


def bare_messages(bench, count):
    """A put is a long question and a short answer, a get the other way round: four messages where an echo of the bytes is two."""
    shapes = (f"{PART}:{SMALL}", f"{SMALL}:{PART}")
    return sum(PARTS / bench.echo(IN_FLIGHT, count * PARTS, shape, BARE, ECHO_SETTINGS[0])["per_s"] for shape in shapes)


def run(bench):
    count = max(8, int(60 * bench.scale))
    turns = []

    def recordings(how_many):
        return json.loads(call([BIN / "tests/bench/recordings", bench.env["HLIDKA_BROKERS"], bench.env["HLIDKA_PRINCIPALS"],
                                bench.env["HLIDKA_KEYS"], IN_FLIGHT, how_many]))

    def ours():
        """The bare messages and rows are taken in turn with it."""
        got = recordings(count)
        turns.append((bare_messages(bench, count), bare_rows(1)))
        return {"per_s": got["per_s"], "p50_ms": 0, "p99_ms": 0}
    # A broker that is still being compiled takes twice as long over a message of this length, whoever sends it.
    recordings(5 * count)
    # A recording goes there once and comes back once, as an echo's bytes do.
    got, echo = bench.beside(ours, IN_FLIGHT, count * PARTS, PART)
    echo_per_s = echo["per_s"] / PARTS
    messages, rows = (statistics.median(of) for of in zip(*turns[1:]))
    # At the end: ext4 without a journal looks for an inode among all those that were freed in the last minutes.
    work = bench.median(bare_bytes)
    print(f"  bare, of one recording: messages {messages * 1e3:.2f} ms, ciphers, hashes and file {work * 1e3:.2f} ms, rows {rows * 1e3:.2f} ms", flush=True)
    name = f"1 MiB recordings put and read, {IN_FLIGHT} at once"
    bench.row(name, "1/s", got["per_s"], echo_per_s, 0.6, at_least=True)
    bench.row(f"{name}, beside echo, ciphers, hashes and file", "1/s", got["per_s"], 1 / (1 / echo_per_s + work), None, at_least=True)
    bare = 1 / (messages + work + rows)
    bench.row(f"{name}, beside the bare messages, ciphers, hashes, file and rows", "1/s", got["per_s"], bare, None, at_least=True)
    bench.row("the bare messages, ciphers, hashes, file and rows of recordings, beside the echo", "1/s", bare, echo_per_s, None, at_least=True)

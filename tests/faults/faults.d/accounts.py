"""What Redis holds, read behind the service's back: rolling accounts, and the records of effects."""
import struct

import redis

RUN_LEN = 14                # u56 us, u56 total, little-endian (services/ratelimit/schema/ratelimit.lua)
RECORD_MS = 15_000
SLACK_MS = 3                # a record's end is rounded to ms, and so is its beginning


def _u56(raw: bytes) -> int:
    return struct.unpack("<Q", raw + b"\0")[0]


def _chunks(keys, size=500):
    keys = list(keys)
    return (keys[i:i + size] for i in range(0, len(keys), size))


class Accounts:
    def __init__(self, url: str):
        store = redis.Redis.from_url(url)
        seconds, us = store.time()
        self.now_ms = seconds * 1000 + us // 1000
        self.hits, self.largest = [], 0                         # ms of every charge; the most that one account holds
        for keys in _chunks(store.scan_iter("hlidka:rl:a:*", count=5000)):
            for value in store.mget(keys):
                self._read(value or b"")
        self.records = []                                       # ms at which each was written
        for keys in _chunks(store.scan_iter("hlidka:rl:m:*", count=5000)):
            pipe = store.pipeline(transaction=False)
            for key in keys:
                pipe.execute_command("PEXPIRETIME", key)
            self.records += [end - RECORD_MS for end in pipe.execute() if end > 0]
        self.hits.sort()
        self.records.sort()
        store.close()

    def _read(self, value: bytes) -> None:
        if len(value) % RUN_LEN or len(value) < 2 * RUN_LEN:
            return
        runs = [(_u56(value[i:i + 7]), _u56(value[i + 7:i + 14])) for i in range(0, len(value), RUN_LEN)]
        self.hits += [us // 1000 for us, _ in runs[1:]]
        self.largest = max(self.largest, runs[-1][1] - runs[0][1])

    def agree(self) -> tuple[bool, str]:
        """Whether the charges of the last seconds and the records that still live are the same effects, one for one.

        The two are cut where the charges pause the longest, so that the cut splits no pair.
        """
        since = self.now_ms - RECORD_MS + 500
        hits = [h for h in self.hits if h > since]
        if not hits:
            return False, "no charge within the life of a record"
        _, cut = max((b - a, b) for a, b in zip([since, *hits], hits) if b < since + 4000 or b == hits[0])
        hits = [h for h in hits if h >= cut]
        records = [r for r in self.records if r >= cut - SLACK_MS]
        pairs = len(hits) == len(records) and all(abs(h - r) <= SLACK_MS for h, r in zip(hits, records))
        return pairs, f"{len(hits)} charges and {len(records)} records in the last {(self.now_ms - cut) / 1000:.1f} s"


class Effects:
    """The records of effects as they happen, and Redis held up before it makes any."""

    def __init__(self, url: str):
        self.store = redis.Redis.from_url(url)

    def count(self) -> int:
        return sum(1 for _ in self.store.scan_iter("hlidka:rl:m:*", count=10_000))

    def hold(self) -> None:
        self.store.client_pause(400, all=False)

    def go_on(self) -> None:
        self.store.client_unpause()

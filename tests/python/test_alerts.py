"""What an operator sees of alerts: hlidkactl's tail among forged ones, and the list."""
from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hlidka
import msgpack
from confluent_kafka import Producer
from conftest import ROOT, RUN, Stack
from hlidka import ops
from nacl import bindings as sodium

Run = Callable[..., None]

CONTEXT = b"hlidka-alert-v1\n"
FIRST = 1_000_000                       # far above what this stack's own alerts count


def alert(n: int, rule: str = "test-rule") -> bytes:
    now = hlidka.now_ms()
    body = {"alert_id": str(uuid.uuid4()), "n": n, "rule": rule, "title": "A test", "level": "low", "time": now,
            "first_seen": now, "last_seen": now, "group": {}, "count": 1, "seqs": [], "attack": [], "runbook": "docs/none.md"}
    return bytes(msgpack.packb(body))


def signed(body: bytes, seed: bytes, *, spoil: bool = False) -> bytes:
    public, secret = sodium.crypto_sign_seed_keypair(seed)
    sig = bytearray(sodium.crypto_sign(CONTEXT + body, secret)[:64])
    sig[5] ^= spoil
    key_id = hashlib.blake2b(public, digest_size=32).digest()[:8]
    return bytes(msgpack.packb([1, body, key_id, bytes(sig)]))


def seed_of(stack: Stack, principal: str) -> bytes:
    return base64.b64decode((Path(stack.env["HLIDKA_KEYS"]) / f"{principal}.sign").read_text().split()[0])


class Tail:
    """hlidkactl alerts tail, once it hears: a first good alert is sent until it is printed."""

    def __init__(self, stack: Stack, *flags: str) -> None:
        self.topic = stack.env["HLIDKA_TOPIC_PREFIX"] + "audit.alerts"
        self.producer = Producer({"bootstrap.servers": stack.env["HLIDKA_BROKERS"]})
        self.audit, self.lines = seed_of(stack, "audit"), list[dict[str, Any]]()
        argv = [str(ROOT / "build/release/bin/hlidkactl"), "alerts", "tail", "--run", str(RUN), "--seconds", "20", *flags]
        self.process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        hello = signed(alert(FIRST), self.audit)
        for _ in range(100):
            self.send(hello)
            if self.seen(0.1):
                return
        raise AssertionError("the tail hears nothing")

    def send(self, *values: bytes) -> None:
        for value in values:
            self.producer.produce(self.topic, value=value, partition=0)     # one partition, so that their order holds
        assert self.producer.flush(10) == 0

    def seen(self, seconds: float) -> list[dict[str, Any]]:
        assert self.process.stdout is not None
        time.sleep(seconds)
        self.lines += [json.loads(line) for line in (self.process.stdout.read() or b"").splitlines()]
        return self.lines

    def end(self) -> str:
        self.seen(3.5)                  # it looks for what was refused, and for what is missing, once a second
        self.process.terminate()
        out, err = self.process.communicate(timeout=10)
        self.lines += [json.loads(line) for line in (out or b"").splitlines()]
        return str(err.decode())


def test_the_tail_prints_what_audit_signed_and_complains_of_the_rest(stack: Stack) -> None:
    tail = Tail(stack)
    good = alert(FIRST + 1)
    tail.send(signed(alert(FIRST + 1, "bad-signature"), tail.audit, spoil=True),
              signed(alert(FIRST + 1, "unknown-key"), os.urandom(32)),
              signed(alert(FIRST + 1, "stranger"), seed_of(stack, "ops")),         # a principal that signs, and is not audit
              bytes(msgpack.packb([1, alert(FIRST + 1, "unsigned")])), b"junk",
              signed(good, tail.audit), signed(good, tail.audit))                  # Kafka may deliver one twice
    said = tail.end()
    assert [(a["n"], a["rule"]) for a in tail.lines] == [(FIRST, "test-rule"), (FIRST + 1, "test-rule")]
    refused = [int(line.split()[1]) for line in said.splitlines() if "not alerts signed by audit" in line]
    assert sum(refused) == 5, said
    assert "has not come" not in said


def test_the_tail_misses_an_alert_that_a_watchdog_counts(stack: Stack) -> None:
    tail = Tail(stack)
    tail.send(signed(alert(FIRST + 2), tail.audit), signed(alert(FIRST + 3, "watchdog"), tail.audit))
    said = tail.end()
    assert [a["n"] for a in tail.lines] == [FIRST, FIRST + 2]
    assert [f"{n} has not come" in said for n in range(FIRST, FIRST + 5)] == [False, True, False, True, False], said
    assert "not alerts signed by audit" not in said


def test_no_rule_has_a_name_that_postgresql_cannot_hold(with_client: Run) -> None:
    async def test(client: hlidka.Client) -> None:
        body: ops.AuditAlertListRequest = {"from": 0, "to": hlidka.now_ms() + 1000}
        for name in ("brute\0force", "\0", "x" * 65, "brute-force-user\0"):
            assert await client.call(ops.AUDIT_ALERT_LIST, body | {"rule": name}) == {"alerts": []}
        await client.call(ops.AUDIT_ALERT_LIST, body)           # and nothing has broken
    with_client(test, principal="ops")

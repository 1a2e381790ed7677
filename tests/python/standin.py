"""Plays services on topics of its own, with their real keys: answers as a test wants, or not at all."""
from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hlidka
from confluent_kafka import Consumer, Producer, TopicPartition
from hlidka import wire
from hlidka.keys import OwnKey, key_id, read_principals, read_secrets
from nacl import bindings as sodium

if TYPE_CHECKING:
    from conftest import Stack

WARMING = "u-warming-up"

@dataclass(frozen=True)
class Asked:
    header: dict[str, Any]
    body: dict[str, Any]
    head: bytes             # as sent, for the signature
    box: bytes
    sig: bytes | None

    @property
    def op(self) -> str:
        return str(self.header["op"])


# The reply's body, or None for silence; `StandIn.reply` sends one later.
Answer = Callable[[Asked], dict[str, Any] | None]


def ok(**result: Any) -> dict[str, Any]:
    return {"status": 200, "result": result}


def refused(status: int, code: str, **more: Any) -> dict[str, Any]:
    return {"status": status, "error": {"code": code, "title": code, **more}}


class StandIn:
    """`with StandIn(stack, {"auth": answer}) as there:` and clients with `prefix=there.prefix`."""

    def __init__(self, stack: Stack, services: dict[str, Answer], principal: str = "backend",
                 remember: bool = True) -> None:
        self._remember = remember
        self.prefix = f"standin-{uuid.uuid4().hex[:12]}."
        self.asked: list[Asked] = []
        self._services = services
        self._people = read_principals(Path(stack.env["HLIDKA_PRINCIPALS"]))
        self._keys = {s: OwnKey.of(read_secrets(stack.key(s))[0]) for s in services}
        self._producer = Producer({"bootstrap.servers": stack.env["HLIDKA_BROKERS"], "linger.ms": 0})
        self._consumer = Consumer({"bootstrap.servers": stack.env["HLIDKA_BROKERS"], "group.id": self.prefix,
                                   "enable.auto.commit": False, "auto.offset.reset": "earliest", "fetch.wait.max.ms": 1})
        self._producer.list_topics(f"{self.prefix}replies.{principal}", timeout=5)     # asking makes it
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="standin", daemon=True)

    def __enter__(self) -> StandIn:
        places = []
        for service in self._services:
            topic = f"{self.prefix}{service}.requests"
            self._producer.list_topics(topic, timeout=5)
            partitions = self._producer.list_topics(topic, timeout=5).topics[topic].partitions
            places += [TopicPartition(topic, p, 0) for p in partitions]
        self._consumer.assign(places)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._consumer.close()
        self._producer.flush(2)

    async def warm(self, client: hlidka.Client) -> None:
        """Until everybody knows where the new topics are, which takes a second."""
        for service in self._services:
            op: hlidka.Op[Any, Any] = hlidka.Op(f"{service}.warm", once=False, signed=False)
            await client.call(op, {"user_id": WARMING}, deadline=4.9)

    def times(self, op: str) -> int:
        return sum(a.op == op for a in self.asked)

    def _serve(self) -> None:
        while not self._stopping.is_set():
            message = self._consumer.poll(0.02)
            self._producer.poll(0)
            value = message.value() if message is not None and message.error() is None else None
            if value is None:
                continue
            asked = self._open(bytes(value))
            if asked.body.get("user_id") == WARMING:
                self.reply(asked, ok())
                continue
            if self._remember:
                self.asked.append(asked)
            answer = self._services[asked.header["dst"]](asked)
            if answer is not None:
                self.reply(asked, answer)

    def _kx(self, asked: Asked | dict[str, Any]) -> tuple[bytes, bytes]:
        header = asked.header if isinstance(asked, Asked) else asked
        own = self._keys[header["dst"]]
        assert own.id == header["dkid"] == key_id(own.public)
        return sodium.crypto_kx_server_session_keys(own.public, own.secret, self._people[header["src"]][header["skid"]])

    def _open(self, value: bytes) -> Asked:
        frame = wire.unpack(value)
        header = wire.unpack(frame[1])
        body = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(frame[2], frame[1], header["nonce"], self._kx(header)[0])
        return Asked(header, wire.unpack(body), frame[1], frame[2], frame[3] if len(frame) > 3 else None)

    def reply(self, asked: Asked, answer: dict[str, Any], tx: bytes | None = None, **changes: Any) -> None:
        """`tx` and `changes` are a forger's."""
        h = asked.header
        header = {"id": wire.uuid7(hlidka.now_ms(), os.urandom(10)), "re": h["id"], "op": h["op"], "src": h["dst"],
                  "dst": h["src"], "skid": h["dkid"], "dkid": h["skid"], "ts": hlidka.now_ms(), "nonce": os.urandom(24)}
        value = wire.seal({**header, **changes}, wire.pack(answer), tx or self._kx(asked)[1], None)
        topic, partition = h["reply"]
        self._producer.produce(topic, value, partition=partition)
        self._producer.poll(0)

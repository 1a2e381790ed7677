"""A principal on the wire by PROTOCOL.md alone, sharing no code with libhlidka: for what no client of ours would send."""
import base64
import hashlib
import os
import socket
import struct
import time
from pathlib import Path

import msgpack
import yaml
from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from nacl import bindings as sodium

from stand import Stand, StandError

GROUP = "hlidka.ratelimit"
REQUESTS = "hlidka.ratelimit.requests"
TTL_S = 5


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def new_id() -> bytes:
    raw = bytearray(now_ms().to_bytes(6, "big") + os.urandom(10))
    raw[6] = 0x70 | raw[6] & 0x0F
    raw[8] = 0x80 | raw[8] & 0x3F
    return bytes(raw)


def key_id(public: bytes) -> bytes:
    return hashlib.blake2b(public, digest_size=32).digest()[:8]


class Wire:
    def __init__(self, stand: Stand, name: str = "backend", service: str = "ratelimit"):
        self.service, self.name, self.brokers = service, name, stand.env["HLIDKA_BROKERS"]
        self.secret = base64.b64decode((Path(stand.env["HLIDKA_KEYS"]) / f"{name}.key").read_text().split()[0])
        self.public = sodium.crypto_scalarmult_base(self.secret)
        principals = yaml.safe_load(Path(stand.env["HLIDKA_PRINCIPALS"]).read_text())["principals"]
        self.peer = base64.b64decode(principals[service]["keys"][0])
        self.rx, self.tx = sodium.crypto_kx_client_session_keys(self.public, self.secret, self.peer)
        self.producer = Producer({"bootstrap.servers": self.brokers, "linger.ms": 1, "log_level": 2, "message.max.bytes": 1_048_576,
                                  "queue.buffering.max.messages": 500_000})
        self.consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": f"faults-{os.getpid()}-{name}",
                                  "enable.auto.commit": False, "fetch.wait.max.ms": 20, "log_level": 2})
        self.topic, self.partition = f"hlidka.replies.{name}", int.from_bytes(os.urandom(1), "big") % 12
        here = TopicPartition(self.topic, self.partition)
        here.offset = self.consumer.get_watermark_offsets(here, timeout=15)[1]
        self.consumer.assign([here])

    def close(self) -> None:
        self.producer.flush(5)
        self.consumer.close()

    # ---- sending ------------------------------------------------------------------------------------

    def seal(self, op: str, body, *, id: bytes | None = None, ttl: int = TTL_S * 1000, **header) -> tuple[bytes, bytes]:
        """(id, Kafka value); header entries override, None leaves one out."""
        h = {"id": id or new_id(), "op": op, "src": self.name, "dst": self.service, "skid": key_id(self.public),
             "dkid": key_id(self.peer), "ts": now_ms(), "ttl": ttl, "reply": [self.topic, self.partition],
             "nonce": os.urandom(24)} | header
        packed = msgpack.packb({k: v for k, v in h.items() if v is not None})
        plain = body if isinstance(body, bytes) else msgpack.packb(body)
        box = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plain, packed, h["nonce"], self.tx)
        return h["id"], msgpack.packb([1, packed, box])

    def check(self, user: str, *, cost: int = 1, mode: str = "consume", **how) -> tuple[bytes, bytes]:
        body = {"user_id": user, "tier": "free", "endpoint": "lessons.create", "cost": cost, "mode": mode}
        return self.seal("ratelimit.check", body, **how)

    def send(self, value: bytes, partition: int | None = None, topic: str | None = None, key: bytes | None = None) -> None:
        where = {} if partition is None else {"partition": partition}
        for _ in range(400):
            try:
                self.producer.produce(topic or f"hlidka.{self.service}.requests", value=value, key=key, **where)
                self.producer.poll(0)
                return
            except BufferError:
                self.producer.poll(0.05)
        raise StandError("the broker takes no more")

    def flush(self) -> None:
        if self.producer.flush(20):
            raise StandError("messages of the test could not be delivered")

    # ---- receiving ----------------------------------------------------------------------------------

    def open(self, value: bytes, wanted) -> tuple[dict, bytes] | None:
        """(header, body as bytes) of a reply to one of these; what answers somebody else on the partition is not opened."""
        _, packed, box = msgpack.unpackb(value)
        h = msgpack.unpackb(packed)
        if h["re"] not in wanted:
            return None
        return h, sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(box, packed, h["nonce"], self.rx)

    def collect(self, want: dict, seconds: float, keep=lambda header, body: body) -> dict:
        """{id: [bodies]} or whatever is kept, until each id has as many as want says or the time is over."""
        got, missing, end = {}, sum(want.values()), time.monotonic() + seconds
        while missing > 0 and (left := end - time.monotonic()) > 0:
            for message in self.consumer.consume(500, min(left, 0.05)):
                if message.error() is not None:
                    continue
                if (reply := self.open(message.value(), want)) is not None:
                    got.setdefault(re := reply[0]["re"], []).append(keep(*reply))
                    missing -= len(got[re]) <= want[re]
        return got

    def charged(self, users: list) -> dict:
        """{user: cost that its account holds}; a user without an answer is missing."""
        held, left = {}, list(users)
        for _ in range(5):
            asked = {}
            for user in left[:2000]:
                id, value = self.check(user, mode="peek")
                asked[id] = user
                self.send(value, key=user.encode())
            self.flush()
            for re, bodies in self.collect(dict.fromkeys(asked, 1), 6).items():
                answer = msgpack.unpackb(bodies[0])
                if answer["status"] == 200 and answer["result"]["source"] == "store":
                    row = answer["result"]["limits"][0]
                    held[asked[re]] = row["limit"] - row["remaining"]
            left = [u for u in users if u not in held]
            if not left:
                break
        return held


# ---- the group --------------------------------------------------------------------------------------------------

def offsets(brokers: str) -> dict:
    """{partition: offset of the next request}"""
    asker = Consumer({"bootstrap.servers": brokers, "group.id": "faults-offsets"})
    try:
        partitions = asker.list_topics(REQUESTS, timeout=15).topics[REQUESTS].partitions
        return {p: asker.get_watermark_offsets(TopicPartition(REQUESTS, p), timeout=15)[1] for p in partitions}
    finally:
        asker.close()


def rewind(brokers: str, to: dict) -> None:
    """Commits these offsets for the service's group, which must be empty."""
    asker = Consumer({"bootstrap.servers": brokers, "group.id": GROUP, "enable.auto.commit": False})
    try:
        done = asker.commit(offsets=[TopicPartition(REQUESTS, p, o) for p, o in to.items()], asynchronous=False)
        if bad := [t for t in done if t.error is not None]:
            raise StandError(f"offsets were not set back: {bad[0].error}")
    finally:
        asker.close()


def expel_dead(brokers: str, client_id: str) -> int:
    """Takes the members of that name out of the group (LeaveGroup v1 on their behalf), as an operator's tool would,
    so that nobody has to wait for their session to time out; how many there were."""
    admin = AdminClient({"bootstrap.servers": brokers})
    group = admin.describe_consumer_groups([GROUP], request_timeout=5)[GROUP].result(5)
    dead = [m.member_id for m in group.members if m.client_id.startswith(client_id)]
    host, port = brokers.split(",")[0].rsplit(":", 1)
    text = lambda s: struct.pack(">h", len(s)) + s.encode()          # noqa: E731
    for member in dead:
        request = struct.pack(">hhi", 13, 1, 1) + text("faults") + text(GROUP) + text(member)
        with socket.create_connection((host, int(port)), 5) as peer:
            peer.sendall(struct.pack(">i", len(request)) + request)
            answer = peer.recv(64)
        if len(answer) < 14 or struct.unpack(">h", answer[12:14])[0] != 0:
            raise StandError(f"the broker does not let a dead member go: {answer.hex()}")
    return len(dead)

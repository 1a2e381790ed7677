"""The Kafka side: one thread that reads our partition, and two producers that never block."""
from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from .errors import BadConfig, Unreachable

log = logging.getLogger("hlidka.kafka")

POLL_S = 0.1
BATCH = 512
BASE = {"socket.nagle.disable": True, "socket.keepalive.enable": True, "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1000, "log.connection.close": False}
PRODUCER = {"linger.ms": 0, "compression.type": "none", "message.max.bytes": 1_048_576,
            "max.in.flight.requests.per.connection": 1, "retry.backoff.ms": 50, "delivery.report.only.error": True}
CONSUMER = {"fetch.wait.max.ms": 100, "fetch.error.backoff.ms": 20, "fetch.message.max.bytes": 1_048_588,
            "queued.max.messages.kbytes": 32_768, "enable.auto.commit": False, "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest", "group.id": "unused"}


def _value(message: Message) -> bytes | None:
    error = message.error()
    if error is not None:
        log.warning("reading replies: %s", error)
        return None
    return message.value()


class Kafka:
    """`received(value, with_queue)` is called on the reading thread, all else on the loop.

    While it is `crowded` the queue comes with the value: then the loop calls `more` until there is none, and `listen`.
    """

    def __init__(self, brokers: str, client_id: str, events_max: int, properties: Mapping[str, Any]) -> None:
        own = {**BASE, "bootstrap.servers": brokers, "client.id": client_id}
        try:
            # Of a request that nobody took within 5 s the sender has made a new copy; an event is worth waiting for.
            self._requests = Producer({**own, **PRODUCER, "message.timeout.ms": 5_000, "on_delivery": self._request_report,
                                       **properties}, logger=log)
            self._events = Producer({**own, **PRODUCER, "message.timeout.ms": 300_000, "on_delivery": self._event_report,
                                     "queue.buffering.max.messages": events_max, **properties}, logger=log)
            self._consumer = Consumer({**own, **CONSUMER, **properties}, logger=log)
        except KafkaException as e:
            raise BadConfig(str(e)) from e
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self._turn.acquire()        # released when the queue is the thread's again
        self.crowded = False
        self._undelivered = self._events_lost = 0

    def open(self, topic: str, received: Callable[[bytes, bool], None], timeout: float) -> int:
        """Chooses a partition of our reply topic and reads it from its end on. Blocks; Unreachable if it cannot be."""
        try:
            found = self._consumer.list_topics(topic, timeout=timeout).topics[topic]
            if found.error is not None or not found.partitions:
                raise Unreachable(f"topic {topic}: {found.error}")
            partition = int.from_bytes(os.urandom(4), "big") % len(found.partitions)
            end = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=timeout)
            if end is None:
                raise Unreachable(f"topic {topic}: no answer within {timeout} s")
            self._consumer.assign([TopicPartition(topic, partition, end[1])])
        except KafkaException as e:
            raise Unreachable(f"topic {topic}: {e}") from e
        self._thread = threading.Thread(target=self._read, args=(received,), name="hlidka", daemon=True)
        self._thread.start()
        return partition

    def _read(self, received: Callable[[bytes, bool], None]) -> None:
        """Waits, where the loop cannot: librdkafka's queue is no file that could wake it."""
        while not self._stopping.is_set():
            first = self._consumer.poll(POLL_S)
            if first is None:
                self._requests.poll(0)
                self._events.poll(0)
            elif (value := _value(first)) is not None:
                with_queue = self.crowded
                received(value, with_queue)
                while with_queue and not self._turn.acquire(timeout=POLL_S):
                    if self._stopping.is_set():
                        return

    def serve_reports(self) -> None:
        """Of the delivery of our requests."""
        self._requests.poll(0)

    def more(self) -> list[bytes]:
        """What has come since `received` gave the loop the queue."""
        self.serve_reports()
        return [value for m in self._consumer.consume(BATCH, 0) if (value := _value(m)) is not None]

    def listen(self, crowded: bool) -> None:
        """Gives the queue back: nothing more has come, and the thread is to wait for the next."""
        self.crowded = crowded
        self._turn.release()

    def _request_report(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            with self._lock:
                self._undelivered += 1

    def _event_report(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            with self._lock:
                self._events_lost += 1

    def request(self, topic: str, key: bytes, value: bytes) -> None:
        """A full queue is silence: the next copy may find room."""
        with contextlib.suppress(BufferError):
            self._requests.produce(topic, value, key)

    def event(self, topic: str, key: bytes, value: bytes) -> bool:
        """False: librdkafka's queue is full."""
        self._events.poll(0)
        try:
            self._events.produce(topic, value, key)
        except BufferError:
            return False
        return True

    @property
    def undelivered(self) -> int:
        return self._undelivered

    @property
    def events_lost(self) -> int:
        return self._events_lost

    def close(self, grace: float) -> None:
        """Gives events until `grace` to leave, requests no longer than they need at once. Blocks."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        for producer, patience in ((self._events, grace), (self._requests, 0.0)):
            if producer.flush(patience):
                producer.purge()
                producer.flush(0.5)         # the reports of what was given up
        with contextlib.suppress(KafkaException):
            self._consumer.close()

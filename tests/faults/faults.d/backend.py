"""An app's backend that never gives up: it logs people in and out, keeps recordings and columns, sends events, through
whatever happens, by the client's rules (the same id again until there is an answer); and knows what must be there at the
end. One thread of its own; the scenario breaks things meanwhile.
"""
import hashlib
import hmac
import itertools
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgpack

from outcome import Scenario
from stand import Stand
from wire import Wire, new_id, now_ms

RESEND_S = 2.0
SETTLE_S = 60
PART = 16384
PAGE = 500
_telegram_ids = itertools.count(8_000_000_000 + int.from_bytes(os.urandom(4), "big") % 900_000_000)


@dataclass
class Call:
    service: str
    op: str
    body: bytes
    key: bytes
    then: object                        # called with the result of a 200
    id: bytes = field(default_factory=new_id)
    sent: float = 0
    sends: int = 0
    answer: bytes = b""                 # of the first 200; a later one must be the same
    ended: bool = False


class Backend(threading.Thread):
    def __init__(self, stand: Stand, rate: float):
        super().__init__(daemon=True)
        self.rate, self.pause = rate, threading.Event()
        self.wires = {name: Wire(stand, service=name) for name in ("auth", "crypto", "audit")}
        self.bot = hashlib.sha256(Path(stand.env["HLIDKA_TELEGRAM_TOKEN_FILE"]).read_text().strip().encode()).digest()
        self.name = f"faults-{os.urandom(4).hex()}"
        self.calls, self.open, self.breaches = {name: {} for name in self.wires}, {}, []
        self.sessions, self.revoked, self.objects, self.columns, self.events = {}, set(), {}, [], 0
        self.instance, self.begun_ms, self.slowest = os.urandom(8), now_ms(), 0.0
        self.failure = None
        self.start()

    # ---- what it does ---------------------------------------------------------------------------------

    def call(self, service: str, op: str, body: dict, key: bytes, then) -> None:
        call = Call(service, f"{service}.{op}", msgpack.packb(body), key, then)
        self.calls[service][call.id] = self.open[call.id] = call
        self._send(call)

    def _send(self, call: Call) -> None:
        wire = self.wires[call.service]
        wire.send(wire.seal(call.op, call.body, id=call.id, ttl=10_000)[1], key=call.key)
        call.sent, call.sends = time.monotonic(), call.sends + 1

    def login(self) -> None:
        telegram = str(next(_telegram_ids))
        fields = {"auth_date": str(int(time.time())), "first_name": "Jana", "id": telegram}
        text = "\n".join(f"{k}={v}" for k, v in sorted(fields.items()))
        fields["hash"] = hmac.new(self.bot, text.encode(), hashlib.sha256).hexdigest()

        def then(session):
            self.sessions[session["user_id"]] = session["session_id"]
            if len(self.sessions) % 3 == 0:
                self.revoke(session["user_id"], session["session_id"])
        self.call("auth", "login.telegram_widget", {"fields": fields, "device": {"type": "web", "info": "Firefox"}},
                  telegram.encode(), then)

    def revoke(self, user: str, session: str) -> None:
        def then(result):
            if not result["revoked"]:
                self.breaches.append(f"session of {user}: revoked by somebody else")
            self.revoked.add(user)
        self.call("auth", "session.revoke", {"user_id": user, "session_id": session}, user.encode(), then)

    def put(self) -> None:
        sound = b"RIFF" + os.urandom(4) + b"WAVE" + os.urandom(3 * PART - 100)

        def part(offset, object_id=None):
            data = sound[offset:offset + 2 * PART]
            body = {"media_type": "audio/wav", "size": len(sound), "offset": offset, "data": data}

            def then(result):
                if offset == 0:
                    part(2 * PART, result["object_id"])
                elif not result["complete"]:
                    self.breaches.append(f"object {object_id}: all parts, and not complete")
                else:
                    self.objects[object_id] = sound
            self.call("crypto", "audio.put", body | ({"object_id": object_id} if object_id else {}),
                      (object_id or os.urandom(8).hex()).encode(), then)
        part(0)

    def column(self) -> None:
        plain, context = os.urandom(40), {"table": "lessons", "row": os.urandom(4).hex()}
        self.call("crypto", "encrypt", {"items": [{"plaintext": plain, "context": context}]}, os.urandom(8),
                  lambda result: self.columns.append((plain, context, result["items"][0]["ciphertext"])))

    def event(self) -> None:
        wire, k = self.wires["audit"], self.events
        body = {"type": "app.faults", "time": now_ms(), "outcome": "success", "user_id": f"{self.name}-{k % 50}", "attrs": {"k": k}}
        wire.send(wire.seal("event", body, ttl=None, reply=None, n=[self.instance, k])[1], topic="hlidka.audit.events",
                  key=body["user_id"].encode())
        self.events += 1

    # ---- its life -------------------------------------------------------------------------------------

    def _receive(self) -> None:
        for service, wire in self.wires.items():
            for message in wire.consumer.consume(200, 0.002):
                if message.error() is None and (reply := wire.open(message.value(), self.calls[service])) is not None:
                    self._answer(self.calls[service][reply[0]["re"]], reply[1])

    def _answer(self, call: Call, plain: bytes) -> None:
        body = msgpack.unpackb(plain)
        if body["status"] == 503:
            return                                      # again, with the same id
        if body["status"] != 200:
            if not call.ended:
                self.breaches.append(f"{call.op}: {body['status']} {body['error']['code']} after {call.sends} sends")
            call.ended = True
            self.open.pop(call.id, None)
        elif not call.ended:
            call.ended, call.answer = True, plain
            self.slowest = max(self.slowest, time.monotonic() - call.sent)
            del self.open[call.id]
            call.then(body["result"])
        elif plain != call.answer and not call.op.startswith("crypto.encrypt"):
            self.breaches.append(f"{call.op}: asked again and answered otherwise")

    def _again(self) -> None:
        now = time.monotonic()
        for call in [c for c in self.open.values() if now - c.sent > RESEND_S]:
            self._send(call)

    def run(self) -> None:
        try:
            acts, begun, done = itertools.cycle((self.login, self.event, self.put, self.event, self.column, self.event)), time.monotonic(), 0
            while not self.pause.is_set():
                while done < (time.monotonic() - begun) * self.rate:
                    next(acts)()
                    done += 1
                self._receive()
                self._again()
            end = time.monotonic() + SETTLE_S
            while self.open and time.monotonic() < end:
                self._receive()
                self._again()
            for wire in self.wires.values():
                wire.producer.flush(20)
        except Exception as e:                          # told by settle(), in the scenario's own thread
            self.failure = e

    # ---- what must be there ---------------------------------------------------------------------------

    def _ask(self, service: str, op: str, bodies: list) -> list:
        """Their results, in order; None where there was no 200."""
        wire, out = self.wires[service], [None] * len(bodies)
        for begin in range(0, len(bodies), 100):
            for _ in range(4):
                asked = {}
                for i in range(begin, min(begin + 100, len(bodies))):
                    if out[i] is None:
                        id, value = wire.seal(f"{service}.{op}", bodies[i], ttl=5000)
                        asked[id] = i
                        wire.send(value, key=os.urandom(8))
                wire.flush()
                for id, answers in wire.collect(dict.fromkeys(asked, 1), 6).items():
                    if id in asked and (answer := msgpack.unpackb(answers[0]))["status"] == 200:
                        out[asked[id]] = answer["result"]
                if None not in out[begin:begin + 100]:
                    break
        return out

    def _recorded(self, type: str, stand: Stand) -> list:
        """Every event of that type since the beginning, by the operator's query."""
        wire, found, cursor, until = Wire(stand, "ops", "audit"), [], {}, now_ms() + 60_000
        try:
            while True:
                body = {"from": self.begun_ms - 1000, "to": until, "type": type, "limit": PAGE} | cursor
                for _ in range(5):
                    id, value = wire.seal("audit.query", body, ttl=8000)
                    wire.send(value, key=os.urandom(8))
                    wire.flush()
                    if (got := wire.collect({id: 1}, 8).get(id)) and (answer := msgpack.unpackb(got[0]))["status"] == 200:
                        break
                else:
                    raise RuntimeError(f"audit.query is not answered: {got and answer}")
                found += answer["result"]["events"]
                if "cursor" not in answer["result"]:
                    return found
                cursor = {"cursor": answer["result"]["cursor"]}
        finally:
            wire.close()

    def settle(self, stand: Stand, s: Scenario) -> None:
        """Stops asking, waits for what is open, and holds what the services have against what it was told."""
        self.pause.set()
        self.join(SETTLE_S + 30)
        if self.failure:
            raise self.failure
        calls = [c for of in self.calls.values() for c in of.values()]
        s.volume += f", {len(calls)} requests, {self.events} events"
        s.check("every request had its answer", not self.open,
                f"{len(calls)} requests, {sum(c.sends for c in calls)} sends"
                + (f"; without: {', '.join(sorted({c.op for c in self.open.values()}))}" if self.open else ""))
        s.check("and each the one that it had to have", not self.breaches, "; ".join(self.breaches[:5]))
        self._settle_sessions(s)
        self._settle_contents(s)
        self._settle_log(stand, s)

    def end(self) -> None:
        self.pause.set()
        self.join(SETTLE_S + 30)
        for wire in self.wires.values():
            wire.close()

    def _settle_sessions(self, s: Scenario) -> None:
        users = list(self.sessions)
        lists = self._ask("auth", "session.list", [{"user_id": u} for u in users])
        wrong = [u for u, found in zip(users, lists)
                 if found is None or [x["session_id"] for x in found["sessions"]] != ([] if u in self.revoked else [self.sessions[u]])]
        s.check("one session a login, none of the revoked", users and not wrong,
                f"{len(users)} logins, {len(self.revoked)} revoked, {len(wrong)} users with others")

    def _settle_contents(self, s: Scenario) -> None:
        ids = list(self.objects)
        got = self._ask("crypto", "audio.get", [{"object_id": i, "offset": 0, "length": 4 * PART} for i in ids])
        same = sum(g is not None and g["data"] == self.objects[i] for i, g in zip(ids, got))
        s.check("every recording that was acknowledged reads the same", ids and same == len(ids), f"{same} of {len(ids)}")
        opened = self._ask("crypto", "decrypt", [{"items": [{"ciphertext": c, "context": x}]} for _, x, c in self.columns])
        same = sum(o is not None and o["items"][0].get("plaintext") == p for o, (p, _, _) in zip(opened, self.columns))
        s.check("every column opens", self.columns and same == len(self.columns), f"{same} of {len(self.columns)}")

    def _settle_log(self, stand: Stand, s: Scenario) -> None:
        end = time.monotonic() + 30
        while len(mine := [e for e in self._recorded("app.faults", stand) if e["user_id"].startswith(self.name)]) < self.events \
                and time.monotonic() < end:
            time.sleep(1)
        numbers = sorted(e["attrs"]["k"] for e in mine)
        s.check("every event is in the log, once", numbers == list(range(self.events)), f"{len(numbers)} records of {self.events} events")
        logins = [e["user_id"] for e in self._recorded("auth.login", stand) if e["outcome"] == "success" and e.get("user_id") in self.sessions]
        s.check("every login is in the log, once", sorted(logins) == sorted(self.sessions), f"{len(logins)} records of {len(self.sessions)} logins")
        ends = [e["user_id"] for e in self._recorded("auth.session.revoked", stand) if e.get("user_id") in self.revoked]
        s.check("every revocation is in the log, once", sorted(ends) == sorted(self.revoked), f"{len(ends)} records of {len(self.revoked)}")
        gaps = [e for e in self._recorded("log.gap", stand) if e.get("attrs", {}).get("src") == "backend"]
        s.check("no gap in what the backend counted", not gaps, f"{len(gaps)}")

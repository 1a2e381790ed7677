"""Sealing and opening, without a bus."""
from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hlidka import BadConfig, keys, wire
from nacl import bindings as sodium

HEADER = {"id": bytes(16), "re": b"r" * 16, "op": "x.y", "src": "a", "dst": "b", "skid": b"s" * 8, "dkid": b"d" * 8, "ts": 1,
          "nonce": b"n" * 24}
KEY = b"k" * 32


def reply(**changes: Any) -> bytes:
    header = {k: v for k, v in {**HEADER, **changes}.items() if v is not None}
    return wire.seal(header, b"\x80", KEY, None)


def test_what_is_sealed_opens_with_its_key_alone() -> None:
    assert wire.Reply(reply()).open(KEY) == b"\x80"
    assert wire.Reply(reply()).open(b"x" * 32) is None


@pytest.mark.parametrize("at", [1, 2, 3])
def test_every_part_is_authenticated(at: int) -> None:
    frame = msgpack.unpackb(reply(src="a" * 20))
    head, box = bytearray(frame[1]), bytearray(frame[2])
    if at == 1:
        head[head.index(b"a" * 20)] = ord("z")
    else:
        box[0 if at == 2 else -1] ^= 1
    assert wire.Reply(wire.pack([1, bytes(head), bytes(box)])).open(KEY) is None


@pytest.mark.parametrize("change", [{"re": None}, {"re": b"short"}, {"re": "text" * 4}, {"op": None}, {"src": 7}, {"skid": b""},
                                    {"ts": "now"}, {"id": None}])
def test_a_header_that_is_none_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(wire.Malformed):
        wire.Reply(reply(**change))


def test_frames_that_are_none_are_malformed() -> None:
    twice = b"\x82\xa2re\xc4\x01a\xa2re\xc4\x01b"
    for value in (b"", b"\xc1", b"\x93", reply() + b"\x00", reply()[:-1], wire.pack([2, b"", b""]), wire.pack([1, b""]),
                  wire.pack({}), wire.pack([1, "text", b""]), wire.pack([1, twice, b""]), b"\x91" * 5000, bytes(1_000_001)):
        with pytest.raises(wire.Malformed):
            wire.Reply(value)


def test_a_value_over_the_bound_is_not_made() -> None:
    with pytest.raises(wire.Malformed):
        wire.seal(HEADER, bytes(1_000_000), KEY, None)


@pytest.mark.parametrize("trace", [None, "0" * 55])
@pytest.mark.parametrize("size", [0, 200, 300, 70_000])
def test_an_envelope_is_the_header_that_it_says(trace: str | None, size: int) -> None:
    fixed: dict[str, Any] = {"op": "x.y", "src": "a", "dst": "b", "skid": b"s" * 8, "dkid": b"d" * 8, "reply": ["t", 3]}
    head = wire.Envelope(**fixed).head(b"i" * 16, 1_700_000_000_123, b"n" * 24, 60_000, trace)
    header = {"id": b"i" * 16, "ts": 1_700_000_000_123, "nonce": b"n" * 24, "ttl": 60_000, **fixed}
    assert wire.unpack(head) == header | ({} if trace is None else {"trace": trace})
    value = wire.sealed(head, b"n" * 24, bytes(size), KEY, None)
    version, taken, box = wire.unpack(value)
    assert (version, taken) == (1, head)
    assert sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(box, head, b"n" * 24, KEY) == bytes(size)
    assert value == wire.pack([1, head, box])


def test_kafka_keys_say_where_and_not_who() -> None:
    assert wire.request_key("ratelimit", {"user_id": "u-1", "ip": "192.0.2.1"}) == b"u-1"
    plain, mapped = ({"ip": ip} for ip in ("192.0.2.1", "::ffff:192.0.2.1"))
    assert wire.request_key("ratelimit", plain) == wire.request_key("ratelimit", mapped)
    assert len(wire.request_key("ratelimit", plain) or b"") == 2
    assert len(wire.request_key("auth", {"fields": {"id": 7_000_000}}) or b"") == 2
    assert wire.request_key("auth", {"token": "hls_" + "A" * 64}) == bytes(16)
    assert wire.request_key("crypto", {"user_id": "u-1"}) is None
    assert wire.event_key("backend", {"ip": "no address"}) == b"backend"


def test_ids_are_of_their_time() -> None:
    id = wire.uuid7(1_700_000_000_123, bytes(10))
    assert (wire.time_of(id), id[6] >> 4, id[8] >> 6) == (1_700_000_000_123, 7, 2)


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    path.write_text("A" * 43 + "=\n")
    path.chmod(0o640)
    with pytest.raises(BadConfig, match="0600"):
        keys.read_secrets(path)
    path.chmod(0o600)
    assert keys.read_secrets(path) == [bytes(32)]


def test_a_bad_principals_file_leaves_the_old_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, people = tmp_path / "a.key", tmp_path / "principals.yaml"
    key.write_text(base64.b64encode(b"s" * 32).decode())
    key.chmod(0o600)
    own = base64.b64encode(sodium.crypto_scalarmult_base(b"s" * 32)).decode()
    people.write_text(f"principals: {{a: {{keys: [{own}]}}}}")
    monkeypatch.setattr(keys, "RELOAD_S", 0.0)
    ring = keys.Keyring("a", people, key, None)
    people.write_text(f"principals: {{a: {{keys: [{own}]}}, b: {{keys: [{own}]}}}}")        # one key twice
    ring.refresh()
    assert ring.first_of("b") is None
    assert ring.first_of("a") == ring.sending.id
    other = base64.b64encode(sodium.crypto_scalarmult_base(b"t" * 32)).decode()
    people.write_text(f"principals: {{a: {{keys: [{own}]}}, bb: {{keys: [{other}]}}}}")
    ring.refresh()
    assert ring.first_of("bb") is not None

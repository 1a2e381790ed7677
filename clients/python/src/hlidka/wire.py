"""Sealed messages as bytes: pure functions of their parameters (PROTOCOL.md sections 1 to 3)."""
from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import struct
from collections.abc import Callable, Mapping
from typing import Any

import msgpack
from nacl import bindings as sodium
from nacl.exceptions import CryptoError

VALUE_MAX = 1_000_000
HEADER_MAX = 1_024


class Malformed(Exception):
    """Not a message of this wire."""


def uuid7(unix_ms: int, random: bytes) -> bytes:
    """RFC 9562 section 5.7; `random` is 10 bytes."""
    raw = bytearray(unix_ms.to_bytes(6, "big") + random)
    raw[6] = 0x70 | raw[6] & 0x0F
    raw[8] = 0x80 | raw[8] & 0x3F
    return bytes(raw)


def time_of(id: bytes) -> int:
    """The ms since 1970 inside a UUIDv7."""
    return int.from_bytes(id[:6], "big")


def pack(value: Any) -> bytes:
    return bytes(msgpack.packb(value, use_bin_type=True))


def _no_repeats(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a key stands twice")
    return out


def unpack(data: bytes) -> Any:
    try:
        return msgpack.unpackb(data, raw=False, strict_map_key=True, object_pairs_hook=_no_repeats)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as e:
        raise Malformed(str(e)) from e


def _bin(data: bytes) -> bytes:
    """As msgpack has it; its packer would copy all of it once more."""
    n = len(data)
    if n < 1 << 8:
        return b"\xc4%c%b" % (n, data)
    return (b"\xc5" + n.to_bytes(2, "big") if n < 1 << 16 else b"\xc6" + n.to_bytes(4, "big")) + data


class Envelope:
    """The headers of one op's requests: what they have in common is packed once."""

    __slots__ = ("_common",)
    _OWN = struct.Struct(">5s16s4sQ8s24s5sI")

    def __init__(self, *, op: str, src: str, dst: str, skid: bytes, dkid: bytes, reply: list[str | int]) -> None:
        self._common = pack({"op": op, "src": src, "dst": dst, "skid": skid, "dkid": dkid, "reply": reply})[1:]

    def head(self, id: bytes, ts: int, nonce: bytes, ttl: int, trace: str | None) -> bytes:
        own = self._OWN.pack(b"\xa2id\xc4\x10", id, b"\xa2ts\xcf", ts, b"\xa5nonce\xc4\x18", nonce, b"\xa3ttl\xce", ttl)
        if trace is None:
            return b"\x8a" + own + self._common
        return b"\x8b" + own + self._common + pack("trace") + pack(trace)


def seal(header: Mapping[str, Any], body: bytes, tx: bytes, signer: bytes | None) -> bytes:
    """The Kafka value. `header` has its `nonce` of 24 bytes; with `signer` the message is signed, too."""
    return sealed(pack(header), header["nonce"], body, tx, signer)


def sealed(head: bytes, nonce: bytes, body: bytes, tx: bytes, signer: bytes | None) -> bytes:
    """The same for a header that is packed already, `nonce` being the one in it."""
    if len(head) > HEADER_MAX:
        raise Malformed("the header is too long")
    box = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(body, head, nonce, tx)
    if signer is None:
        value = b"\x93\x01" + _bin(head) + _bin(box)
    else:
        text = b"hlidka-request-v1\n" + struct.pack(">I", len(head)) + head + box
        value = b"\x94\x01" + _bin(head) + _bin(box) + _bin(sodium.crypto_sign(text, signer)[:64])
    if len(value) > VALUE_MAX:
        raise Malformed(f"{len(value)} bytes, over {VALUE_MAX}")
    return value


class Reply:
    """A reply that has not been opened: what its header claims. Raises Malformed."""

    __slots__ = ("_box", "_head", "_nonce", "dkid", "dst", "op", "re", "skid", "src")

    def __init__(self, value: bytes) -> None:
        frame = unpack(value) if len(value) <= VALUE_MAX else None
        if type(frame) is not list or len(frame) not in (3, 4) or frame[0] != 1:
            raise Malformed("no frame")
        self._head, self._box = frame[1], frame[2]
        if type(self._head) is not bytes or type(self._box) is not bytes or len(self._head) > HEADER_MAX:
            raise Malformed("no header and box")
        header = unpack(self._head)
        if type(header) is not dict:
            raise Malformed("the header is no map")
        get: Callable[[str], Any] = header.get
        self.re: bytes = get("re")
        self.op: str = get("op")
        self.src: str = get("src")
        self.dst: str = get("dst")
        self.skid: bytes = get("skid")
        self.dkid: bytes = get("dkid")
        self._nonce: bytes = get("nonce")
        for given, length in ((get("id"), 16), (self.re, 16), (self.skid, 8), (self.dkid, 8), (self._nonce, 24)):
            if type(given) is not bytes or len(given) != length:
                raise Malformed("header: an id or the nonce")
        if type(self.op) is not str or type(self.src) is not str or type(self.dst) is not str or type(get("ts")) is not int:
            raise Malformed("header: op, src, dst or ts")

    def open(self, rx: bytes) -> bytes | None:
        """The body's bytes, or None: whoever wrote this does not hold the key."""
        try:
            return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(self._box, self._head, self._nonce, rx)
        except CryptoError:
            return None


# ---- Kafka keys: where, never who ----------------------------------------------------------------------------

def _hashed(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=32).digest()[:2]


def _by_ip(body: Mapping[str, Any]) -> bytes | None:
    try:
        ip = ipaddress.ip_address(body["ip"])
    except (KeyError, ValueError):
        return None
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return _hashed(str(mapped or ip))


def _by_text(body: Mapping[str, Any], name: str) -> bytes | None:
    text = body.get(name)
    return text.encode()[:64] if isinstance(text, str) and text else None


def _by_selector(body: Mapping[str, Any]) -> bytes | None:
    token = body.get("token")
    if not isinstance(token, str) or len(token) != 68 or not token.startswith("hls_"):
        return None
    try:
        return base64.urlsafe_b64decode(token[4:])[:16]
    except (binascii.Error, ValueError):
        return None


def _by_telegram(body: Mapping[str, Any]) -> bytes | None:
    fields = body.get("fields")
    claims = (body.get("telegram_id"), body.get("init_data"), fields.get("id") if isinstance(fields, Mapping) else None)
    claimed = next((c for c in claims if isinstance(c, str | int) and c), None)
    return None if claimed is None else _hashed(str(claimed))


def request_key(service: str, body: Mapping[str, Any]) -> bytes | None:
    if service == "crypto":
        return _by_text(body, "object_id")
    if service == "auth":
        return _by_text(body, "user_id") or _by_selector(body) or _by_telegram(body)
    return _by_text(body, "user_id") or _by_ip(body)


def event_key(source: str, body: Mapping[str, Any]) -> bytes:
    return _by_text(body, "user_id") or _by_ip(body) or source.encode()

"""Many small things encrypted at once: what client.encrypt, client.decrypt and the SQLAlchemy type stand on."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from . import ops, refusals
from .errors import InvalidCall, Refused

if TYPE_CHECKING:
    from .client import Client

ITEMS_MAX = 64              # of one request (PROTOCOL.md section 6)
BYTES_MAX = 900 * 1024
PLAINTEXT_MAX = 512 * 1024
FRAMING = 128               # an item's share of the message beside its bytes: names, overhead of the ciphertext
CONTEXT_ITEM = 16

Item = TypeVar("Item", "Plain", "Sealed")
Kind = Literal["blob", "text"]


@dataclass(frozen=True, slots=True)
class Plain:
    plaintext: bytes
    context: Mapping[str, str]

    @property
    def size(self) -> int:
        return len(self.plaintext) + FRAMING + _size(self.context)


@dataclass(frozen=True, slots=True)
class Sealed:
    ciphertext: bytes
    context: Mapping[str, str]

    @property
    def size(self) -> int:
        return len(self.ciphertext) + FRAMING + _size(self.context)


def _size(context: Mapping[str, str]) -> int:
    return sum(len(k.encode()) + len(v.encode()) + CONTEXT_ITEM for k, v in context.items())


def batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """As many as fit one request, in their order."""
    batch: list[Item] = []
    room = BYTES_MAX
    for item in items:
        if batch and (len(batch) == ITEMS_MAX or item.size > room):
            yield batch
            batch, room = [], BYTES_MAX
        batch.append(item)
        room -= item.size
    if batch:
        yield batch


async def encrypt(client: Client, items: Sequence[Plain], *, owner: str | None = None, kind: Kind = "blob",
                  deadline: float = 5.0) -> list[bytes]:
    """The ciphertexts, in the order of the items. `owner`: under that person's own keys, so that erasing them unmakes it."""
    if any(len(i.plaintext) > PLAINTEXT_MAX for i in items):
        raise InvalidCall(f"plaintext: over {PLAINTEXT_MAX} bytes")
    out: list[bytes] = []
    for batch in batches(items):
        body: ops.CryptoEncryptRequest = {"kind": kind, "items": [{"plaintext": i.plaintext, "context": dict(i.context)}
                                                                  for i in batch]}
        if owner is not None:
            body["owner"] = owner
        done = await client.call(ops.CRYPTO_ENCRYPT, body, deadline=deadline)
        out += [i["ciphertext"] for i in done["items"]]
    return out


async def decrypt(client: Client, items: Sequence[Sealed], *, deadline: float = 5.0) -> list[bytes | Refused]:
    """Of each item its plaintext or why not (DecryptFailed, KeyDestroyed): one that fails does not keep the others."""
    out: list[bytes | Refused] = []
    for batch in batches(items):
        body: ops.CryptoSealedRequest = {"items": [{"ciphertext": i.ciphertext, "context": dict(i.context)} for i in batch]}
        done = await client.call(ops.CRYPTO_DECRYPT, body, deadline=deadline)
        out += [_opened(i) for i in done["items"]]
    return out


def _opened(item: ops.CryptoOpenedItem) -> bytes | Refused:
    if "plaintext" in item:
        return item["plaintext"]
    error = item["error"]
    kind = refusals.KeyDestroyed if error["code"] == "key_destroyed" else refusals.DecryptFailed
    return kind(ops.CRYPTO_DECRYPT.name, 410 if kind is refusals.KeyDestroyed else 422,
                {"code": error["code"], "title": "This does not open", "detail": error.get("detail")})

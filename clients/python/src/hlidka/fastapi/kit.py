"""What the app has of Hlídka for as long as it runs: the client, and what speeds up its questions."""
import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Coroutine, Hashable, Iterable
from types import TracebackType
from typing import Any, NamedTuple

from ..client import Client
from ..errors import BadConfig, Unreachable
from .needs import Need
from .session import Token
from .settings import Settings

log = logging.getLogger("hlidka.fastapi")

REOPEN_S = 1.0
KNOWN_MAX = 65_536
PLANS_MAX = 4_096
ASIDE_MAX = 1_024


class Subject(NamedTuple):
    """Whom a limit counts, and by which tier; nobody's name without a session."""
    user_id: str | None = None
    tier: str | None = None


class Known:
    """Whose a token was when it was last asked about: a guess by which the limit can be asked together with the session,
    never a verdict. Bounded; the longest unused goes. Holds hashes, no tokens."""

    def __init__(self) -> None:
        self._of: OrderedDict[bytes, Subject] = OrderedDict()

    @staticmethod
    def key(token: Token) -> bytes:
        return hashlib.blake2b(token.text.encode(), digest_size=16).digest()

    def get(self, key: bytes) -> Subject | None:
        if key in self._of:
            self._of.move_to_end(key)
        return self._of.get(key)

    def put(self, key: bytes, subject: Subject | None) -> None:
        self._of.pop(key, None)
        if subject is not None:
            self._of[key] = subject
            if len(self._of) > KNOWN_MAX:
                self._of.popitem(last=False)


class Hlidka:
    """Made by `install`; open while the app's lifespan is. `kit.client` is hlidka.Client."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.known = Known()
        self._plans: dict[Hashable, dict[Need, None]] = {}
        self._client: Client | None = None
        self._opening: asyncio.Task[None] | None = None
        self._aside: set[asyncio.Task[None]] = set()

    @property
    def client(self) -> Client:
        if self._client is None:
            raise Unreachable("not connected yet")
        return self._client

    async def _open(self) -> None:
        s = self.settings
        self._client = await Client.open(s.brokers, s.principal, s.principals, s.key, sign=s.sign, prefix=s.prefix,
                                         timeout=s.open_timeout, properties=s.properties)

    async def _keep_opening(self) -> None:
        while True:
            await asyncio.sleep(REOPEN_S)
            try:
                return await self._open()
            except BadConfig as e:      # a file may be in the middle of being replaced
                log.warning("still without Hlídka: %s", e)

    async def __aenter__(self) -> "Hlidka":
        """Raises BadConfig for bad files. Without brokers the app starts, answers 503, and goes on trying."""
        try:
            await self._open()
        except Unreachable as e:
            log.error("starting without Hlídka: %s", e)
            self._opening = asyncio.create_task(self._keep_opening())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait((self._opening,))
        if self._aside:
            await asyncio.wait(self._aside, timeout=self.settings.limit_deadline)
        if self._client is not None:
            await self._client.close()
            self._client = None

    def plan(self, endpoint: Hashable, need: Need) -> Iterable[Need]:
        """All that requests to this endpoint have needed so far, `need` of this one included.

        FastAPI reaches dependencies one by one; from an endpoint's second request on all its questions leave at the first.
        """
        plan = self._plans.get(endpoint)
        if plan is None:
            if len(self._plans) >= PLANS_MAX:
                return (need,)
            plan = self._plans[endpoint] = {}
        plan[need] = None
        return plan

    def aside(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs what no reply waits for."""
        if len(self._aside) >= ASIDE_MAX:
            work.close()
            return
        task = asyncio.create_task(work)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

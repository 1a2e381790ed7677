"""One request's questions to Hlídka: begun together, so that they cost one round trip, and answered as dependencies ask."""
import asyncio
from collections.abc import Coroutine
from functools import cached_property
from typing import Any, TypeVar

from starlette.requests import HTTPConnection
from starlette.types import Scope

from .. import ops
from ..errors import HlidkaError
from ..op import Op
from . import problems
from .kit import Hlidka, Subject
from .needs import WHO, HowOften, MayThey, Need, WhoIsIt
from .problems import Problem
from .session import Session, Token, token_of

Result = TypeVar("Result")

KEY = "hlidka"      # where the scope has it


class Exchange:
    def __init__(self, kit: Hlidka, scope: Scope) -> None:
        self.kit, self.scope = kit, scope
        self.connection = HTTPConnection(scope)
        self.headers: list[tuple[str, str]] = []        # RateLimit…: go on the reply, whatever it is
        self._tasks: dict[Need, asyncio.Task[Any]] = {}
        self._claimed: set[Need] = set()

    @cached_property
    def token(self) -> Token | None:
        return token_of(self.connection)

    @cached_property
    def ip(self) -> str | None:
        return self.kit.settings.client_ip(self.connection)

    # ---- what dependencies call

    async def session(self) -> Session | None:
        return await self._get(WHO)     # type: ignore[no-any-return]

    async def authorize(self, action: str) -> ops.AuthAuthorizeResult:
        return await self._get(MayThey(action))     # type: ignore[no-any-return]

    async def limit(self, need: HowOften) -> None:
        """Returns when the request is within its limits; its headers go on the reply in any case."""
        repeated = need in self._claimed        # by a router and by its endpoint: charged and shown once
        decision: ops.RatelimitCheckResult | None = await self._get(need)
        if decision is None:
            return
        if not repeated:
            self.headers += decision["headers"].items()
        if not decision["allowed"]:
            raise Problem(429, "rate_limited", "Too many requests", retry_after_ms=decision["retry_after_ms"])

    # ---- asking

    async def _get(self, need: Need) -> Any:
        self._claimed.add(need)
        for each in self.kit.plan(self.scope.get("endpoint"), need):
            self._task(each)
        return await self._shared(need)

    def _task(self, need: Need) -> "asyncio.Task[Any]":
        if need not in self._tasks:
            self._tasks[need] = asyncio.create_task(self._answer(need))
            self._tasks[need].add_done_callback(_seen)
        return self._tasks[need]

    async def _shared(self, need: Need) -> Any:
        """Shielded: one of several waiters may be cancelled alone."""
        return await asyncio.shield(self._task(need))

    def _answer(self, need: Need) -> Coroutine[Any, Any, Any]:
        match need:
            case WhoIsIt():
                return self._introspect()
            case MayThey(action):
                return self._authorize(action)
            case HowOften():
                return self._charge(need)

    async def _call(self, op: Op[Any, Result], body: Any, deadline: float) -> Result:
        return await self.kit.client.call(op, body, deadline=deadline)

    async def _introspect(self) -> Session | None:
        if self.token is None or not self.token.possible:
            return None
        body: ops.AuthSessionIntrospectRequest = {"token": self.token.text}
        if self.ip is not None:
            body["ip"] = self.ip
        found = await self._call(ops.AUTH_SESSION_INTROSPECT, body, self.kit.settings.session_deadline)
        session = Session.of(found, self.token)
        self.kit.known.put(self.token, Subject(session.user_id, session.tier) if session else None)
        return session

    async def _authorize(self, action: str) -> ops.AuthAuthorizeResult:
        if self.token is None or not self.token.possible:
            return {"allow": False, "reason": "invalid_token"}
        body: ops.AuthAuthorizeRequest = {"token": self.token.text, "action": action}
        return await self._call(ops.AUTH_AUTHORIZE, body, self.kit.settings.session_deadline)

    async def _charge(self, need: HowOften) -> ops.RatelimitCheckResult | None:
        """The verdict; None: without one, and the policy says to go on."""
        try:
            return await self._verdict(need)
        except HlidkaError as e:
            if need.away == "allow" and problems.of(e).status_code == 503:
                return None
            raise

    async def _verdict(self, need: HowOften) -> ops.RatelimitCheckResult:
        guess = self.kit.known.get(self.token) if self.token is not None else None
        early = asyncio.create_task(self._check(need, guess)) if guess is not None else None
        if early is not None:
            early.add_done_callback(_seen)
        try:
            session = await self._shared(WHO)
        except BaseException:
            if early is not None:
                self.kit.aside(self._give_back(early))
            raise
        subject = Subject(session.user_id, session.tier) if session is not None else Subject()
        if early is not None:
            if subject == guess:
                return await early
            self.kit.aside(self._give_back(early))
        return await self._check(need, subject)

    async def _check(self, need: HowOften, subject: Subject) -> ops.RatelimitCheckResult:
        body: ops.RatelimitCheckRequest = {"endpoint": need.endpoint, "cost": need.cost}
        if subject.user_id is not None and subject.tier is not None:
            body["user_id"], body["tier"] = subject.user_id, subject.tier
        if self.ip is not None:
            body["ip"] = self.ip
        return await self._call(ops.RATELIMIT_CHECK, body, self.kit.settings.limit_deadline)

    async def _give_back(self, check: "asyncio.Task[ops.RatelimitCheckResult | None]") -> None:
        """What was charged on a wrong guess, or for a request that was refused before it came to that."""
        try:
            decision = await check
            if decision is not None and decision["allowed"]:
                await self._call(ops.RATELIMIT_REFUND, {"decision_id": decision["decision_id"]}, self.kit.settings.limit_deadline)
        except (HlidkaError, asyncio.CancelledError):
            return      # the charge stays: too strict by one, until its window ends

    def end(self) -> None:
        """The reply is out: nobody asks any more."""
        for need, task in self._tasks.items():
            if isinstance(need, HowOften) and need not in self._claimed:
                self.kit.aside(self._give_back(task))


def _seen(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()        # of what nobody waited for; asyncio would complain


def exchange_of(connection: HTTPConnection) -> Exchange:
    exchange: Exchange | None = connection.scope.get(KEY)
    if exchange is None:
        raise RuntimeError("hlidka.fastapi.install(app, settings) has not been called for this app")
    return exchange

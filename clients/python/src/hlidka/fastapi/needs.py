"""What a dependency can ask about a request. One object for each question, so that they are compared by identity."""
from dataclasses import dataclass
from functools import cache

from .settings import Away


@dataclass(frozen=True, slots=True, eq=False)
class WhoIsIt:
    pass


@dataclass(frozen=True, slots=True, eq=False)
class MayThey:
    action: str


@dataclass(frozen=True, slots=True, eq=False)
class HowOften:
    endpoint: str
    cost: int
    away: Away


Need = WhoIsIt | MayThey | HowOften
WHO = WhoIsIt()


@cache
def may_they(action: str) -> MayThey:
    return MayThey(action)


@cache
def how_often(endpoint: str, cost: int, away: Away) -> HowOften:
    return HowOften(endpoint, cost, away)

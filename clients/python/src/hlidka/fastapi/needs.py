"""What a dependency can ask about a request."""
from dataclasses import dataclass

from .settings import Away


@dataclass(frozen=True, slots=True)
class WhoIsIt:
    pass


@dataclass(frozen=True, slots=True)
class MayThey:
    action: str


@dataclass(frozen=True, slots=True)
class HowOften:
    endpoint: str
    cost: int
    away: Away


Need = WhoIsIt | MayThey | HowOften
WHO = WhoIsIt()

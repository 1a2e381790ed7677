"""What ties an op's name to the types of its body and its result."""
from dataclasses import dataclass
from typing import Generic, TypeVar

Body = TypeVar("Body")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Op(Generic[Body, Result]):
    name: str
    once: bool      # one effect per message id
    signed: bool    # needs our Ed25519 signature

    @property
    def service(self) -> str:
        return self.name.partition(".")[0]

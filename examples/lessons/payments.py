"""Payment methods: adding one needs a second factor shown within the last ten minutes (auth's policy says so, not this code),
and the provider's reference is kept as a ciphertext that only its owner's row opens."""
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from hlidka import Client
from hlidka.fastapi import Problem, Session, current_session, hlidka_client, require
from pydantic import BaseModel, ConfigDict, StringConstraints

from .store import PaymentMethod, Store

CONTEXT = {"table": "payment_methods", "column": "reference"}       # a ciphertext put elsewhere does not open


class NewMethod(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    brand: Literal["Visa", "Mastercard"]
    last4: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")]
    reference: Annotated[str, StringConstraints(pattern=r"^pm_[A-Za-z0-9]{4,64}$")]


class MethodOut(BaseModel):
    brand: str
    last4: str


class MethodsOut(BaseModel):
    methods: list[MethodOut]


def router(store: Store) -> APIRouter:
    routes = APIRouter()

    @routes.get("")
    async def mine(here: Annotated[Session, Depends(current_session)]) -> MethodsOut:
        return MethodsOut(methods=[MethodOut(brand=m.brand, last4=m.last4) for m in store.methods(here.user_id)])

    @routes.post("", status_code=201)
    async def add(here: Annotated[Session, Depends(require("payment_method.add"))], new: NewMethod,
                  client: Annotated[Client, Depends(hlidka_client)]) -> MethodOut:
        reference = await client.encrypt(new.reference, CONTEXT, owner=here.user_id)
        if not store.add_method(here.user_id, PaymentMethod(new.brand, new.last4, reference)):
            raise Problem(409, "too_many", "You have as many payment methods as this example keeps")
        return MethodOut(brand=new.brand, last4=new.last4)

    return routes

"""What a kind of provider is: what it needs to be told, and how a channel is made of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from delivery.channels import guarded
from delivery.channels.base import Channel, ReturnPaths

EVERY = ("email", "sms", "push", "webhook")  # channels


class Settings(BaseModel):
    """What may be seen of an account."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, str_max_length=4_000, use_attribute_docstrings=True
    )


class Credentials(BaseModel):
    """What must not be seen again: sealed in the database, shown nowhere."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, str_max_length=8_000, use_attribute_docstrings=True
    )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    __str__ = __repr__


def _sent_as_header(value: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise ValueError("copy it again: it has characters that no key has")
    return value


Secret = Annotated[str, Field(min_length=1, repr=False), AfterValidator(_sent_as_header)]
OptionalSecret = Annotated[str, Field(repr=False), AfterValidator(_sent_as_header)]


def _address(value: str) -> str:
    guarded.target(value, allow_private=True)  # whether it may be inside the network is known where it is called
    return value


Url = Annotated[str, Field(min_length=8, max_length=1_000), AfterValidator(_address)]
OptionalUrl = Annotated[str, Field(max_length=1_000), AfterValidator(lambda value: value and _address(value))]
BaseUrl = Annotated[Url, AfterValidator(lambda value: value.rstrip("/"))]
OptionalBaseUrl = Annotated[OptionalUrl, AfterValidator(lambda value: value.rstrip("/"))]


@dataclass(frozen=True)
class Account:
    """One account at a provider. `timeout`: seconds for one request; `key` is what the ledger calls the provider.

    `return_paths` names the addresses that its messages come back to, for kinds whose failures are mailed.
    """

    key: str
    settings: Any
    credentials: Any = field(repr=False)
    timeout: float = 15.0
    allow_private: bool = False  # whether it may call addresses inside this network
    folder: Path = Path("outbox")  # where a channel may write
    return_paths: ReturnPaths | None = None


@dataclass(frozen=True)
class Kind:
    """`speaks` are the channels it can deliver. `make` raises ValueError for what its settings cannot say alone.

    `leads` names the settings that say where credentials go, and how well they are kept on the way. `second` is how
    the names begin that are about another server than the one that delivers, and `second_label` what that is.
    """

    name: str
    label: str
    speaks: tuple[str, ...]
    settings: type[Settings]
    credentials: type[Credentials]
    make: Callable[[Account], Channel]
    for_development: bool = False
    leads: tuple[str, ...] = ("base_url", "url", "token_url", "host", "port", "security")
    second: str = ""
    second_label: str = ""
    takes: str = ""  # the form of address that it delivers to, where a channel has several; empty: all of them

    def leads_of(self, credential: str) -> list[str]:
        """The settings that say where this one goes."""
        is_second = credential.startswith(self.second)
        return [name for name in self.leads if name.startswith(self.second) == is_second]

"""Files that go along with an e-mail: which a template names, and which a policy lets go. Pure.

None may unless the platform says so. What a group or a retailer says of it can only make it fewer, or smaller.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from campaigns.config.values import Part

MOST_FILES = 5  # of a message
MOST_BYTES = 2 * 1024 * 1024  # of a message's files together, whatever a policy says
FileType = Literal["pdf", "png", "jpeg", "gif", "ics", "vcf"]
MIME: dict[str, str] = {
    "pdf": "application/pdf", "png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "ics": "text/calendar",
    "vcf": "text/vcard",
}  # fmt: skip
ENDINGS: dict[str, tuple[str, ...]] = {"jpeg": (".jpg", ".jpeg")}  # of the others: their own name
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._()-]{0,78}[A-Za-z0-9)])?")
_NAME_CURE = "call the file by letters, digits, spaces and . _ - ( ), 80 at most, beginning with a letter or digit"


def _named(value: Any) -> Any:
    """What is safe in a header and on every disk."""
    if isinstance(value, str) and (not _NAME.fullmatch(value) or ".." in value):
        raise ValueError(_NAME_CURE)
    return value


def _ordered(values: list[Any]) -> list[Any]:
    return sorted(set(values))


class Attachment(Part):
    """A file that goes along: what the recipient sees it called, and the SHA-256 of what is in it."""

    name: Annotated[str, BeforeValidator(_named), StringConstraints(max_length=80)]
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Allowed(Part):
    """What a policy lets go along: these types, and so many bytes of all of a message's files together."""

    types: Annotated[list[FileType], AfterValidator(_ordered)]
    most_bytes: Annotated[int, Field(ge=1, le=MOST_BYTES)] = 500 * 1024


@dataclass(frozen=True)
class Described:
    """A file as it was looked at: its type is what is in it, not what it is called."""

    name: str
    type: str
    bytes: int


def meet(one: Allowed | None, other: Allowed | None) -> Allowed | None:
    """What both let go; one that says nothing of it leaves it to the other."""
    if one is None or other is None:
        return other if one is None else one
    both = sorted(set(one.types) & set(other.types))
    return Allowed.model_construct(types=both, most_bytes=min(one.most_bytes, other.most_bytes))


def breaches(files: Iterable[Described], allowed: Allowed | None) -> Iterator[tuple[str, str]]:
    """What keeps these files from going along: field and why, with the cure. None allows nothing."""
    given = list(files)
    if not given:
        return
    if allowed is None or not allowed.types:
        yield "attachments", "the policy lets no files go along with messages: remove them"
        return
    for place, file in enumerate(given):
        if file.type not in allowed.types:
            told = f"{file.name} is {file.type or 'of no type that may be sent'}"
            yield f"attachments.{place}", f"{told}; allowed here: {', '.join(allowed.types)}"
    if (total := sum(file.bytes for file in given)) > allowed.most_bytes:
        most = in_words(allowed.most_bytes)
        yield "attachments", f"{in_words(total)} go along with each message, at most {most} may: bring smaller files"


def misnamed(file: Described) -> str:
    """What is wrong with what a file is called, for what is in it; blank for nothing."""
    endings = ENDINGS.get(file.type, (f".{file.type}",))
    if file.name.lower().endswith(endings):
        return ""
    return f"{file.name} holds {file.type}: end its name with {' or '.join(endings)}"


def words(allowed: Allowed) -> str:
    if not allowed.types:
        return "none go along"
    return f"{', '.join(allowed.types)} of {in_words(allowed.most_bytes)} together at most"


def in_words(size: int) -> str:
    """A size for people."""
    return f"{size} bytes" if size < 1024 else f"{-(-size // 1024):,} KB"

"""What was found of a domain, one thing at a time: how bad it is, and the record that puts it right."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["ok", "hint", "warning", "unknown", "error"]  # unknown: could not be looked up, and blocks nothing
ORDER: tuple[Severity, ...] = ("ok", "hint", "warning", "unknown", "error")


@dataclass(frozen=True)
class Record:
    """A record to publish, as a zone file has it."""

    name: str
    type: str
    value: str

    def __str__(self) -> str:
        value = f'"{self.value}"' if self.type == "TXT" else self.value
        return f"{self.name}. {self.type} {value}"


@dataclass(frozen=True)
class Finding:
    """`check` is spf, dkim, dmarc or existence."""

    check: str
    severity: Severity
    message: str
    cure: str = ""
    record: Record | None = None

    def as_data(self) -> dict[str, Any]:
        return asdict(self)


def heaviest(found: list[Finding]) -> Severity:
    return max((each.severity for each in found), key=ORDER.index, default="ok")

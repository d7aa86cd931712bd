"""What became of each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Status = Literal["created", "updated", "unchanged", "duplicate", "rejected"]


class Problem(NamedTuple):
    """Why a row was rejected. `field` is empty when it concerns the row as a whole."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


@dataclass(frozen=True, slots=True)
class RowResult:
    """`index` counts the rows of the call from 0; `id` is the external_id or event_id, empty when there was none."""

    index: int
    id: str
    status: Status
    problems: tuple[Problem, ...] = ()

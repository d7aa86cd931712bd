"""What became of each message of a batch, as it comes in, over however many conversations that takes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from delivery.channels.base import Outbound, Outcome, Result
from delivery.channels.email.connection import Reply

_LONGEST_DETAIL = 200
_OF_THE_RECIPIENT = re.compile(r"4\.[12]\.")  # address and mailbox status (RFC 3463, 3.2 and 3.3)
_QUEUE_ID = re.compile(r"[qQiI](?i:(?<=q)ueued as|(?<=\bi)d=) ?<?([\w.@-]+)")  # a set of letters is skipped to fast


class Ledger:
    """The outcomes of a batch, as they come in."""

    def __init__(self, batch: Sequence[Outbound]) -> None:
        self.batch = batch
        self.outcomes: list[Outcome | None] = [None] * len(batch)
        self.waiting = iter(range(len(batch)))  # whoever takes a position from it sees to that message
        self.answered = 0
        self.in_doubt = 0
        self._suspect: int | None = None  # at whose announcement the last connection broke
        self._is_confirmed = False  # so did the one before
        self._has_put_off = False

    def open(self) -> list[int]:
        return [position for position, outcome in enumerate(self.outcomes) if outcome is None]

    def begin_anew(self) -> int:
        """Put what is open up to be taken, also what somebody had taken before. Returns how many that is."""
        left = self.open()
        self.waiting = iter(left)
        return len(left)

    def answer(self, position: int, result: Result, reply: Reply, *, is_recipient_s: bool = False) -> None:
        """The server's own answer to a message."""
        self.answered += 1
        provider_id = ""
        if result is Result.ACCEPTED:
            found = _QUEUE_ID.search(reply.text)
            provider_id = found[1] if found else ""
        elif result is Result.DEFERRED:
            is_recipient_s = is_recipient_s or bool(_OF_THE_RECIPIENT.match(reply.text))
        self._close(position, result, str(reply), provider_id, is_recipient_s)

    def doubt(self, position: int, why: str) -> None:
        self.in_doubt += 1
        self._close(position, Result.UNKNOWN, f"handed over, but no answer came: {why}")

    def broke_at(self, position: int | None) -> None:
        """The connection broke at this message's announcement, after its sender was granted; None: at anything else."""
        self._is_confirmed = position is not None and position == self._suspect
        self._suspect = position

    def put_off_suspect(self, why: str) -> bool:
        """Put off the message that two connections in a row broke at, so that it holds up nobody; whether there is one.

        Once in a hand-over: the server may be the cause all the same.
        """
        if self._suspect is None or not self._is_confirmed or self._has_put_off:
            return False
        if self.outcomes[self._suspect]:  # it was handed over after all: what became of it stands
            return False
        self.answered += 1
        self._has_put_off = True
        self._close(self._suspect, Result.DEFERRED, why, is_recipient_s=True)
        return True

    def refuse(self, position: int, why: str) -> None:
        """Not worth a server's time: it never went out and never will."""
        self._close(position, Result.REJECTED, why)

    def leave_rest(self, why: str) -> None:
        for position in self.open():
            self._close(position, Result.UNSENT, f"not handed over: {why}")

    def settled(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome is not None]

    def _close(
        self, position: int, result: Result, detail: str, provider_id: str = "", is_recipient_s: bool = False
    ) -> None:
        key = self.batch[position].key
        self.outcomes[position] = Outcome(
            key, result, detail[:_LONGEST_DETAIL], provider_id, is_recipient_s=is_recipient_s
        )

"""A batch over a server's connections, each of which takes one message per round trip, or several.

Replies come in order, so each is somebody's. Over several connections, each is written to in turn before the first is
listened to again: the server finds more to do whenever it looks, and so do we. Where one breaks, the others go on; what
it had taken and not yet handed over is left open in the ledger, for another conversation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from delivery.channels.base import ChannelUnavailable
from delivery.channels.email.connection import Connection, Lost
from delivery.channels.email.group import GroupLine
from delivery.channels.email.single import SingleLine
from delivery.channels.email.transactions import Transactions

_LAST_WORD = 0.25  # seconds that answers may still be read in, once another connection has used up the time


class Conversation:
    """Over `connections` that are alike; `fit`, once it has run, are those that can take part in another one.

    `in_groups`: several messages at once, for servers that take them so (Connection.chunking).
    """

    def __init__(
        self,
        connections: Sequence[Connection],
        transactions: Transactions,
        *,
        start_by: float,
        in_groups: bool = False,
    ) -> None:
        self.fit: list[Connection] = []
        self._connections = connections
        self._transactions = transactions
        self._start_by = start_by
        self._line: type[SingleLine | GroupLine] = GroupLine if in_groups else SingleLine
        self._lost: Lost | None = None
        self._refusal: ChannelUnavailable | None = None

    def run(self, meanwhile: Callable[[], object] | None = None) -> None:
        """Settle what waits in their ledger, handing over no body after `start_by`. `meanwhile` is done once while the
        server works on a message.

        Raises Lost, with the ledger right up to then, when a connection broke, and ChannelUnavailable when the server
        wants a login, or not this sender; neither before the answers to all that was handed over have been heard.
        """
        ledger, ready = self._transactions.ledger, iter(self._transactions)
        lines = [self._line(connection, ledger, ready) for connection in self._connections]
        while lines := [line for line in lines if self._goes_on(line)]:
            for line in lines:
                line.prepare(meanwhile)
        if trouble := self._refusal or self._lost:
            raise trouble

    def _goes_on(self, line: SingleLine | GroupLine) -> bool:
        """One round trip: hear what came back, and say what is next. False where there is nothing more to say."""
        try:
            if line.is_asked:
                if self._lost:
                    line.connection.allow_for(_LAST_WORD)
                line.hear()
            if self._refusal:
                return False
            if not line.has_more:
                self.fit.append(line.connection)
                return False
            if time.monotonic() > self._start_by:
                raise Lost("the time allowed ran out")
            line.write()
        except Lost as lost:
            self._lost = self._lost or lost
            return False
        except ChannelUnavailable as refusal:
            self._refusal = self._refusal or refusal
            return False
        return True

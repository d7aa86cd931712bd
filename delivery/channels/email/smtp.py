"""The channel to a mail server: it keeps a few connections, and knows of each message whether it was handed over."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import suppress

from delivery.channels.base import ChannelUnavailable, Envelope, Mute, Outbound, Outcome
from delivery.channels.email import opening
from delivery.channels.email.connection import Connection, Lost
from delivery.channels.email.conversation import Conversation
from delivery.channels.email.ledger import Ledger
from delivery.channels.email.mailbox import MailboxSettings
from delivery.channels.email.returned import Returned
from delivery.channels.email.settings import SmtpSettings
from delivery.channels.email.transactions import Transactions
from delivery.channels.signals import NoSignals, Signal, WebhookRequest

# The rest is kept for answers: a message handed over at the last moment would be left unknown.
_SHARE_TO_HAND_OVER = 0.75
_EACH = 12  # messages of a hand-over, for which a connection is worth its opening
_FOR_ANOTHER = 2.0  # seconds that opening one beside others may take
_ENOUGH = 300.0  # seconds without a try to open more than the server has let us
_CAREFUL = 300.0  # seconds of one message per round trip, after a group of them was left in doubt


class SmtpChannel(Mute):
    """`returned` reads what comes back, and `mailbox` is where it does, if anywhere that can be looked into."""

    key_window = 0.0

    def __init__(
        self,
        settings: SmtpSettings,
        provider: str = "smtp",
        *,
        returned: Returned | None = None,
        mailbox: MailboxSettings | None = None,
    ) -> None:
        self.provider = provider
        self.mailbox = mailbox
        self._settings = settings
        self._returned = returned
        self._idle: list[Connection] = []
        self._enough_until = 0.0  # on the monotonic clock: until then it is content with the connections it has
        self._careful_until = 0.0  # the same: until then messages go one by one

    @property
    def calls_back(self) -> bool:
        """What fails is told, often days later; what arrives is not. So nobody waits for it."""
        return False

    def check(self) -> None:
        """Connect and log in afresh. Raises ChannelUnavailable."""
        self.close()
        self._idle = [opening.connect(self._settings, seconds=self._settings.connect_timeout)]

    def send(self, envelope: Envelope, batch: Sequence[Outbound], *, seconds: float) -> Sequence[Outcome]:
        """Hand over a batch within `seconds`. One outcome per message, in order.

        Raises ChannelUnavailable only when not one message was handed over.
        """
        ledger = Ledger(batch)
        try:
            self._hand_over(envelope, ledger, seconds)
        except ChannelUnavailable as refusal:
            if not ledger.answered + ledger.in_doubt:
                raise
            ledger.leave_rest(str(refusal))
        return ledger.settled()

    def verify(self, request: WebhookRequest) -> None:
        if self._returned is None:
            raise NoSignals("No bounce domain is set: nothing comes back to this account.")
        self._returned.verify(request)

    def parse(self, request: WebhookRequest) -> Sequence[Signal]:
        return self._returned.parse(request) if self._returned else []

    def close(self) -> None:
        for connection in self._idle:
            connection.quit()
        self._idle = []

    def _hand_over(self, envelope: Envelope, ledger: Ledger, seconds: float) -> None:
        """Go on over a new connection when one breaks, as long as each brings the batch forward; one may fail to.

        From then on one by one, so that it is seen which message breaks it, if one does.
        """
        begun = time.monotonic()
        start_by, deadline = begun + seconds * _SHARE_TO_HAND_OVER, begun + seconds
        fruitless, in_groups = 0, begun >= self._careful_until
        while left := ledger.begin_anew():
            answered = ledger.answered
            try:
                connections = self._connections(1 if fruitless else left // _EACH, deadline)
                self._converse(connections, envelope, ledger, start_by, in_groups=in_groups)
            except Lost as lost:
                in_groups = False
                fruitless += ledger.answered == answered
                if fruitless > 1 and ledger.put_off_suspect(str(lost)):
                    fruitless = 0
                if fruitless > 1 or time.monotonic() > start_by:
                    raise ChannelUnavailable(f"The mail server {self._settings.address}: {lost}.") from lost

    def _converse(
        self, connections: Sequence[Connection], envelope: Envelope, ledger: Ledger, start_by: float, *, in_groups: bool
    ) -> None:
        fit: list[Connection] = []
        in_groups, in_doubt = in_groups and connections[0].chunking, ledger.in_doubt
        try:
            transactions = self._transactions(connections[0], envelope, ledger)
            conversation = Conversation(connections, transactions, start_by=start_by, in_groups=in_groups)
            fit = conversation.fit
            conversation.run(self.meanwhile)
        finally:
            if in_groups and not all(connection.chunking for connection in connections):
                self._careful_until = math.inf
            elif in_groups and ledger.in_doubt > in_doubt:
                self._careful_until = time.monotonic() + _CAREFUL
            # Also on an exception from outside, such as a time limit: who knows whose replies are still to come.
            self._idle += fit
            for connection in connections:
                if connection not in fit:
                    connection.drop()

    def _connections(self, wanted: int, deadline: float) -> list[Connection]:
        """One at least, and no more than the settings allow and the server lets in.

        Raises ChannelUnavailable.
        """
        kept, self._idle = self._idle, []
        found = [connection for connection in kept if not connection.is_stale()]
        for connection in kept:
            if connection not in found:
                connection.drop()
        if not found:
            found = [opening.connect(self._settings, seconds=deadline - time.monotonic())]
        wanted = max(1, min(self._settings.connections, wanted))
        while len(found) < wanted and (another := self._another(found[0], deadline)):
            found.append(another)
        self._idle = found[wanted:]
        for connection in found:
            connection.allow_until(deadline)
        return found[:wanted]

    def _another(self, first: Connection, deadline: float) -> Connection | None:
        """One more, like the first. A server that does not give it is not asked again for a while."""
        now = time.monotonic()
        if now < self._enough_until:
            return None
        with suppress(ChannelUnavailable):
            another = opening.connect(self._settings, seconds=min(_FOR_ANOTHER, deadline - now))
            if another.is_like(first):
                return another
            another.drop()
        self._enough_until = time.monotonic() + _ENOUGH
        return None

    def _transactions(self, likeness: Connection, envelope: Envelope, ledger: Ledger) -> Transactions:
        try:
            sign, return_path = self._settings.sign, self._settings.return_path
            return Transactions(likeness, envelope, ledger, sign=sign, return_path=return_path)
        except ValueError as error:
            raise ChannelUnavailable(f"The envelope cannot be written: {error}", permanent=True) from error

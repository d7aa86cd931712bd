"""The channel to a mail server: it keeps one connection, and knows of each message whether it was handed over."""

from __future__ import annotations

import time
from collections.abc import Sequence

from delivery.channels.base import ChannelUnavailable, Envelope, Mute, Outbound, Outcome
from delivery.channels.email import opening
from delivery.channels.email.connection import Connection, Lost
from delivery.channels.email.conversation import Conversation, Ledger
from delivery.channels.email.mailbox import MailboxSettings
from delivery.channels.email.returned import Returned
from delivery.channels.email.settings import SmtpSettings
from delivery.channels.signals import NoSignals, Signal, WebhookRequest

# The rest is kept for answers: a message handed over at the last moment would be left unknown.
_SHARE_TO_HAND_OVER = 0.75


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
        self._idle: Connection | None = None

    @property
    def calls_back(self) -> bool:
        """What fails is told, often days later; what arrives is not. So nobody waits for it."""
        return False

    def check(self) -> None:
        """Connect and log in afresh. Raises ChannelUnavailable."""
        self.close()
        self._idle = opening.connect(self._settings, seconds=self._settings.connect_timeout)

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
        if self._idle:
            self._idle.quit()
            self._idle = None

    def _hand_over(self, envelope: Envelope, ledger: Ledger, seconds: float) -> None:
        """Go on over a new connection when one breaks, as long as each brings the batch forward; one may fail to."""
        begun = time.monotonic()
        start_by, deadline = begun + seconds * _SHARE_TO_HAND_OVER, begun + seconds
        fruitless = 0
        while any(True for _ in ledger.open()):
            answered = ledger.answered
            try:
                self._converse(envelope, ledger, start_by, deadline)
            except Lost as lost:
                fruitless += ledger.answered == answered
                if fruitless > 1 and ledger.put_off_suspect(str(lost)):
                    fruitless = 0
                if fruitless > 1 or time.monotonic() > start_by:
                    raise ChannelUnavailable(f"The mail server {self._settings.address}: {lost}.") from lost

    def _converse(self, envelope: Envelope, ledger: Ledger, start_by: float, deadline: float) -> None:
        connection = self._connection(deadline)
        connection.allow_until(deadline)
        fit = False
        try:
            self._conversation(connection, envelope, ledger, start_by).run(self.meanwhile)
            fit = True
        finally:
            # Also on an exception from outside, such as a time limit: who knows whose replies are still to come.
            if fit:
                self._idle = connection
            else:
                connection.drop()

    def _connection(self, deadline: float) -> Connection:
        connection, self._idle = self._idle, None
        if connection and not connection.is_stale():
            return connection
        if connection:
            connection.drop()
        return opening.connect(self._settings, seconds=deadline - time.monotonic())

    def _conversation(
        self, connection: Connection, envelope: Envelope, ledger: Ledger, start_by: float
    ) -> Conversation:
        try:
            sign, return_path = self._settings.sign, self._settings.return_path
            return Conversation(connection, envelope, ledger, start_by=start_by, sign=sign, return_path=return_path)
        except ValueError as error:
            raise ChannelUnavailable(f"The envelope cannot be written: {error}", permanent=True) from error

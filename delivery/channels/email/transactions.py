"""The messages of a batch made ready for a mail server, one after the other, as those who hand them over take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from delivery.channels.base import Envelope, Outbound
from delivery.channels.email import headers, mime
from delivery.channels.email.connection import Connection
from delivery.channels.email.ledger import Ledger


class Transaction(NamedTuple):
    """A message made ready: the commands that announce it, and its octets, with CRLF line ends and one at the end."""

    position: int
    mail: bytes
    rcpt: bytes
    body: bytes


class Transactions:
    """Of what waits in the ledger, for servers like the one of `likeness`.

    `sign` makes the signature field that goes before a message; `return_path` is where one comes back to.

    Raises ValueError when the envelope cannot be written.
    """

    def __init__(
        self,
        likeness: Connection,
        envelope: Envelope,
        ledger: Ledger,
        *,
        sign: Callable[[bytes], bytes] | None = None,
        return_path: Callable[[str, str], str] | None = None,
    ) -> None:
        self._likeness = likeness
        self.ledger = ledger
        sender = headers.address("The sender", envelope.sender or envelope.from_email)
        self._mail, self._return_path = f"MAIL FROM:<{sender}>".encode(), return_path
        self._utf8 = not (sender + envelope.from_email + envelope.reply_to).isascii()
        if self._utf8:
            self._need_utf8("the envelope's addresses")
        self._sign = sign
        self._skeleton = mime.Skeleton(envelope, date=datetime.now(UTC), eight_bit=likeness.eight_bit)

    def __iter__(self) -> Iterator[Transaction]:
        """A message that cannot be written is refused in the ledger instead."""
        for position in self.ledger.waiting:
            message = self.ledger.batch[position]
            try:
                yield self._transaction(position, message)
            except ValueError as error:
                self.ledger.refuse(position, str(error))

    def _transaction(self, position: int, message: Outbound) -> Transaction:
        body = self._skeleton.fill(message)
        if self._sign:
            body = self._sign(body) + body
        utf8 = self._utf8
        if not message.recipient.isascii():
            self._need_utf8("the recipient")
            utf8 = True
        eight_bit = self._likeness.eight_bit and not body.isascii()
        mail = self._from(message) + (b" BODY=8BITMIME" if eight_bit else b"") + (b" SMTPUTF8\r\n" if utf8 else b"\r\n")
        return Transaction(position, mail, f"RCPT TO:<{message.recipient}>\r\n".encode(), body)

    def _from(self, message: Outbound) -> bytes:
        own = self._return_path(message.key, message.recipient) if self._return_path else ""
        return f"MAIL FROM:<{own}>".encode() if own else self._mail

    def _need_utf8(self, what: str) -> None:
        if not self._likeness.utf8:
            raise ValueError(
                f"{self._likeness.address} takes only ASCII addresses (no SMTPUTF8), and {what} has others: "
                "write the domain in its xn-- form, or use another provider."
            )

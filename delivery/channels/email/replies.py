"""What a mail server's replies mean for the message that they answer."""

from __future__ import annotations

from collections.abc import Sequence

from delivery.channels.base import ChannelUnavailable, Result
from delivery.channels.email.connection import Connection, Lost, Reply
from delivery.channels.email.ledger import Ledger

GOOD_BYE = 421
_LOGIN_WANTED = {530, 534, 535, 538}
_OF_THE_MESSAGE = {501, 504, 552, 555}  # to MAIL FROM: its parameters, which a message's body and recipient ask for


def result(reply: Reply, *, accepted: bool) -> Result:
    """Raises Lost."""
    if accepted:
        return Result.ACCEPTED
    if reply.code < 400:
        raise Lost(f"the server answered out of turn: {reply}")
    return Result.DEFERRED if reply.code < 500 else Result.REJECTED


def refuse_goodbye(reply: Reply) -> None:
    """Raises Lost."""
    if reply.code == GOOD_BYE:
        raise Lost(f"the server said good-bye: {reply}")


def settle_refused(connection: Connection, ledger: Ledger, position: int, replies: Sequence[Reply]) -> None:
    """Close a message with the replies to its MAIL, RCPT and third command, as far as they have come: one refuses it.

    Raises ChannelUnavailable when the server wants a login, or not this sender, and Lost.
    """
    mail = replies[0]
    refusal = next((reply for reply in replies if reply.code >= 400), replies[-1])
    if refusal.code in _LOGIN_WANTED:
        raise ChannelUnavailable(
            f"{connection.address} wants a login first ({refusal}): set the user name and password.", permanent=True
        )
    if mail.code >= 500 and mail.code not in _OF_THE_MESSAGE:  # whoever asks: the next message has the same sender
        cure = "let this account send from it, or change the sender"
        raise ChannelUnavailable(f"{connection.address} refuses the sender ({mail}): {cure}.", permanent=True)
    is_recipient_s = mail.code < 300 and replies[1].code >= 400
    ledger.answer(position, result(refusal, accepted=False), refusal, is_recipient_s=is_recipient_s)


def start_afresh(connection: Connection) -> None:
    """Leave nothing of a refused message at the server. Raises Lost."""
    connection.write(b"RSET\r\n")
    if connection.reply().code >= 300:
        raise Lost("the server could not start afresh")

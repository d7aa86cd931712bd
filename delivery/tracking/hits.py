"""What an address of ours that was asked for means: whose message, which link, and where it leads."""

from __future__ import annotations

from dataclasses import dataclass

from delivery.identity import BadToken, Signer
from delivery.tracking import links, marking
from tenants.models import Retailer

_TOKEN, _REF = 32, 16  # characters
_LONGEST = 4096  # of an address that can be one of ours


@dataclass(frozen=True, slots=True)
class Hit:
    """An open, or a click on the link of that number, which leads to `url`."""

    message_id: int
    link: int | None = None
    url: str = ""


def read_open(retailer: Retailer, said: str) -> Hit:
    """Raises BadToken."""
    return Hit(Signer(retailer, "open").read(said))


def read_click(retailer: Retailer, said: str) -> Hit:
    """`<token>.<ref>`, and behind another dot the sealed address of a link that leads elsewhere for each message.

    Raises BadToken, for a link that does not exist as well.
    """
    signer = Signer(retailer, "click")
    token, _, rest = said[:_LONGEST].partition(".")
    ref, _, carried = rest.partition(".")
    message_id, link_id = signer.read(token), signer.deref(ref)
    stored = links.find(retailer, link_id)
    if stored is None:
        raise BadToken
    url = marking.unsealed(signer, token, ref, carried) if stored.is_made else None if carried else stored.url
    if url is None:
        raise BadToken
    return Hit(message_id, stored.number, url)

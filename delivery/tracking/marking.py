"""What leads by way of us is marked in a message's HTML once for all who get it; per message only tokens are filled in.

Reads    Link, Consent (who does not want to be counted)
Writes   Link
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from html import escape, unescape

from campaigns import consents, editions, publishing
from campaigns.config.campaign import CampaignConfig, Step, Variant
from campaigns.config.policy import Policy
from campaigns.editions import Published
from campaigns.models.customers import Channel
from campaigns.publishing import Link, Wires
from delivery.identity import Signer, Tokens
from delivery.tracking import links, tagging
from delivery.tracking.tagging import NONE, Utm
from tenants.models import Retailer

# What stands in marked HTML, made up anew by each process so that nobody can write it.
_SIGN = f"zq{secrets.token_hex(8)}"
_CLICK, _OPEN, _MADE = f"{_SIGN}c", f"{_SIGN}o", f"{_SIGN}m"
_BEFORE_OPEN, _BEHIND_OPEN = '<img src="', '" width="1" height="1" alt="" style="display:block;border:0">'
_PIXEL = f"{_BEFORE_OPEN}{_OPEN}{_BEHIND_OPEN}"
_HONEYPOT = '<a href="{}" style="display:none" tabindex="-1" aria-hidden="true"></a>'
# What stands behind the sign of a link that is made of values, once it is rendered: ref, attribute, address.
_BEHIND_MADE = re.compile(r"""m(\S+) (?:((?i:href)\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]*))?""")
_REF = 16  # characters
_HREF = "href="
_USUAL, _USUAL_AT = f' {_HREF}"', 1 + _REF
_OF_THE_WEB = ("https://", "http://")
LONGEST = 1500  # characters of an address that a link carries; a longer one leads straight to where it does
_NOT_COUNTED = "-"  # in the place of a ref
_WIRED: dict[tuple[object, ...], str] = {}
_MOST_WIRED = 512


@dataclass(frozen=True)
class Tracker:
    """What is counted of a step's messages, and of whom not. Look it up once per batch."""

    retailer: Retailer
    signer: Signer
    base_url: str
    opens: bool = True
    clicks: bool = True
    utm: Utm = NONE
    website: str = ""  # where the link leads that only machines follow; without it there is none
    uncounted: Collection[int] = frozenset()  # customers

    def wire(self, published: Published, variant: Variant, html: str, locale: str = "") -> str:
        """The HTML of a voice with what is counted marked in it; the same for the same, so that it is compiled once."""
        key = (self.retailer.schema_name, published.version.pk, published.content_hash, variant.model_dump_json(),
               locale, self.opens, self.clicks, self.utm, self.website, self.signer.ref(0))  # fmt: skip
        if key not in _WIRED:
            made = self._wired(published, variant, html, locale)
            if len(_WIRED) >= _MOST_WIRED:
                _WIRED.clear()
            _WIRED[key] = made
        return _WIRED[key]

    def sparing(self, customers: Collection[int]) -> Tracker:
        """The same for a batch of these customers: who of them does not want to be counted is not."""
        return replace(self, uncounted=consents.refusing(consents.TRACKING, Channel.EMAIL, customers))

    def fill(self, html: str, tokens: Tokens, customer_id: int) -> str:
        """A rendered message with its tokens; of somebody who is not counted, as if there was nothing to count."""
        before, *marked = html.split(_SIGN)
        if not marked:
            return html
        if customer_id in self.uncounted:
            return self._uncounted(before, marked)
        led, opened = f"{self.base_url}/t/c/{tokens.click}.", f"{self.base_url}/t/o/{tokens.open}"
        carry = self.signer.carrier("url", tokens.click)
        pieces = [before]
        for behind in marked:
            kind = behind[0]
            if kind == "m":
                pieces += self._made(behind, led, carry)
            else:
                pieces += (led if kind == "c" else opened, behind[1:])
        return "".join(pieces)

    def _made(self, behind: str, led: str, carry: Callable[[str, str], str]) -> tuple[str, ...]:
        """A link that leads elsewhere for each message, as it was rendered, with its address sealed in it; and what
        stands behind it.
        """
        ref, name, url, rest = self._said(behind)
        if ref == _NOT_COUNTED or len(url) > LONGEST or not url.startswith(_OF_THE_WEB):
            return _straight(name, url), rest
        return name, '"', led, ref, ".", carry(ref, url), '"', rest

    def _uncounted(self, before: str, marked: Sequence[str]) -> str:
        pieces = [before]
        for behind in marked:
            if behind[0] == "c":
                stored = links.find(self.retailer, self.signer.deref(behind[1 : 1 + _REF]))
                pieces += (escape(stored.url) if stored else "", behind[1 + _REF :])
            elif behind[0] == "o":
                pieces[-1] = pieces[-1].removesuffix(_BEFORE_OPEN)
                pieces.append(behind[1:].removeprefix(_BEHIND_OPEN))
            else:
                _, name, url, rest = self._said(behind)
                pieces += (_straight(name, url), rest)
        return "".join(pieces)

    def _said(self, behind: str) -> tuple[str, str, str, str]:
        """Ref, attribute and address of a link that is made of values, and what stands behind it."""
        if behind.startswith(_USUAL, _USUAL_AT) and behind.find(" ") == _USUAL_AT:  # as templates write nearly all
            begins = _USUAL_AT + len(_USUAL)
            ends = behind.find('"', begins)
            if ends >= 0:
                url = behind[begins:ends]
                url = unescape(url).strip() if "&" in url else url.strip()
                tagged = self.utm.tagged(url) if self.utm.pairs else url
                return behind[1:_USUAL_AT], _HREF, tagged, behind[ends + 1 :]
        found = _BEHIND_MADE.match(behind)
        if found is None:
            return _NOT_COUNTED, "", "", behind
        ref, name, value = found.groups("")
        written = value[1:-1] if value[:1] in ('"', "'") else value
        return ref, name, self.utm.tagged(unescape(written).strip()), behind[found.end() :]

    def _wired(self, published: Published, variant: Variant, html: str, locale: str) -> str:
        if publishing.is_off(html) or not (self.opens or self.clicks or self.utm.pairs):
            return html
        found = [link for link in editions.links(published, variant, locale) if _leads_to_the_web(link)]
        tagged = [link if _is_made(link) else link._replace(url=self.utm.tagged(link.url)) for link in found]
        honeypot = [Link(links.HONEYPOT, self.website, "", -1)] if self.website and self.clicks else []
        refs: dict[int, str] = {}
        if self.clicks and (counted := [*tagged, *honeypot]):
            ids = links.store(published.content_hash, variant.key, counted)
            refs = {number: self.signer.ref(link_id) for number, link_id in ids.items()}
        end = "".join(_HONEYPOT.format(f"{_CLICK}{refs[each.number]}") for each in honeypot)
        return publishing.wired(html, tagged, Wires(
            address=lambda link: f"{_CLICK}{refs[link.number]}" if refs else escape(link.url),
            mark=lambda link: f"{_MADE}{refs.get(link.number, _NOT_COUNTED)}",
            end=end + (_PIXEL if self.opens else ""),
        ))  # fmt: skip


def tracker(
    retailer: Retailer,
    config: CampaignConfig,
    step: Step,
    *,
    base_url: str,
    policy: Policy,
    website: str,
) -> Tracker:
    """As campaign and policy say it; `website` is the brand's."""
    return Tracker(
        retailer,
        Signer(retailer, "click"),
        base_url,
        opens=config.tracking.opens and "opens" not in policy.untracked,
        clicks=config.tracking.clicks and "clicks" not in policy.untracked,
        utm=tagging.utm(config, step, website=website),
        website=website,
    )


def unsealed(signer: Signer, token: str, ref: str, said: str) -> str | None:
    """The address that a link carries; None for one that was not made by us, for that message and link."""
    written, seal = said[:-20], said[-20:]
    if not written or not signer.is_sealed(seal, "url", token, ref, written):
        return None
    return base64.urlsafe_b64decode(written + "=" * (-len(written) % 4)).decode()


def _straight(name: str, url: str) -> str:
    return f'{name}"{escape(url)}"' if name else ""


def _leads_to_the_web(link: Link) -> bool:
    return _is_made(link) or bool(tagging.host_of(link.url))


def _is_made(link: Link) -> bool:
    return links.is_made(link.url)

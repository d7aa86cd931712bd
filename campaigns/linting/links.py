"""Links and addresses of images that cannot work, and those that are not encrypted. Nothing is fetched: what they
answered is handed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from campaigns.linting.page import OPAQUE, Element, Page, place
from campaigns.linting.sample import Found, Sample

_ATTRIBUTES = {"a": "href", "area": "href", "img": "src"}
_REACHING = {"mailto", "tel", "sms"}  # people, not pages
_KNOWN = {"http", "https", *_REACHING}
_EXAMPLES = ("example.com", "example.org", "example.net")  # RFC 2606
_MOST = 80  # characters of an address that are told


def broken(sample: Sample) -> Iterator[Found]:
    for element, address in _addresses(sample):
        if address in sample.ours:
            continue
        noun = "image" if element.tag == "img" else "link"
        if why := _why_broken(address, is_image=element.tag == "img"):
            yield _found(element, why, "give it the address that it should lead to")
        elif told := sample.unreachable.get(address):
            yield _found(element, f"the {noun} {_short(address)} {told}", "give it an address that is there")


def insecure(sample: Sample) -> Iterator[Found]:
    for element, address in _addresses(sample):
        if address.lower().startswith("http:") and address not in sample.ours:
            noun = "image" if element.tag == "img" else "link"
            yield _found(element, f"the {noun} {_short(address)} is not encrypted", "write https:// instead of http://")


def called(sample: Sample) -> tuple[frozenset[str], frozenset[str]]:
    """What could be called to see whether it is there: addresses of images, and of links, that are whole."""
    found: tuple[set[str], set[str]] = (set(), set())
    for element, address in _addresses(sample):
        is_image = element.tag == "img"
        is_whole = address.lower().startswith("https:") and not _why_broken(address, is_image=is_image)
        if is_whole and address not in sample.ours:
            found[not is_image].add(address)
    return frozenset(found[0]), frozenset(found[1])


def _addresses(sample: Sample) -> Iterator[tuple[Element, str]]:
    """Of what people get, and of what is written but nobody of the sample gets."""
    for page in dict.fromkeys([*sample.pages, sample.source]):
        yield from _of(page)


def _of(page: Page) -> Iterator[tuple[Element, str]]:
    for element in page.elements(*_ATTRIBUTES):
        address = element.get(_ATTRIBUTES[element.tag])
        if address is not None and OPAQUE not in address:
            yield element, address.strip()


def _why_broken(address: str, *, is_image: bool) -> str:
    noun = "image" if is_image else "link"
    if not address:
        return f"{'an image' if is_image else 'a link'} has no address"
    if address.startswith("#"):
        return "a link leads to # and nowhere else" if address == "#" or is_image else ""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return f"the {noun} {_short(address)} is malformed"
    scheme = parts.scheme.lower()
    if not scheme:
        return f"the {noun} {_short(address)} does not begin with https://"
    if is_image and scheme in ("cid", "data"):
        return ""
    if scheme not in _KNOWN:
        return f"the {noun} {_short(address)} begins with {scheme}:, which mail programs do not follow"
    if scheme in _REACHING:
        return "" if parts.path.strip() else f"the link {_short(address)} names nobody"
    return _why_host(host, noun, address)


def _why_host(host: str, noun: str, address: str) -> str:
    if any(host == each or host.endswith(f".{each}") for each in _EXAMPLES):
        return f"the {noun} {_short(address)} is an example's"
    if "." not in host.strip(".") and ":" not in host:
        return f"the {noun} {_short(address)} names no site"
    if any(sign.isspace() or sign in "<>{}|^`\\" for sign in address):
        return f"the {noun} {_short(address)} is malformed"
    return ""


def _found(element: Element, message: str, cure: str) -> Found:
    return Found(message, cure, "html", *place(element))


def _short(address: str) -> str:
    return address if len(address) <= _MOST else f"{address[:_MOST]}…"

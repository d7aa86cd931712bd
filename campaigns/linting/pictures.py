"""Images: their words, their weight, and how much of the message they are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from campaigns.linting.page import Element, Page, is_hidden, place, style
from campaigns.linting.sample import Found, Sample

HEAVIEST = 800 * 1024  # bytes of all images together: some four seconds on a slow phone
WIDEST = 650  # px; messages are 600 to 640 wide
MOST = 20
_FEW_WORDS = 60  # characters
_PIXELS = re.compile(r"(\d{1,5})(?:\.\d+)?(?:px)?")


def alt_text(sample: Sample) -> Iterator[Found]:
    """WCAG 2.2, 1.1.1. An image that only adorns says so with alt=""; one that is a link is read as its words."""
    for page in dict.fromkeys([*sample.pages, sample.source]):
        for image in _images(page):
            alt = image.get("alt")
            if alt is None and image.get("role") not in ("presentation", "none"):
                cure = 'say what it shows with alt="..."; alt="" where it only adorns'
                yield Found(f"the image {_name(image)} has no words", cure, "html", *place(image))
            elif alt is not None and not alt.strip() and _is_all_of_a_link(image):
                cure = 'say where it leads with alt="..."'
                yield Found(f"the image {_name(image)} is a link without words", cure, "html", *place(image))


def weight(sample: Sample) -> Iterator[Found]:
    """Of the images whose size is known."""
    for page in sample.pages:
        known = {
            src: sample.image_bytes[src] for image in _images(page) if (src := image.get("src")) in sample.image_bytes
        }
        total = sum(known.values())
        if total > HEAVIEST:
            largest = max(known, key=lambda src: known[src])
            cure = f"make them smaller, {_short(largest)} first ({known[largest] // 1024} KB)"
            yield Found(f"its images weigh {total // 1024} KB; {HEAVIEST // 1024} KB are plenty", cure)
            return
    if unknown := {image.get("src") for page in sample.pages for image in _images(page)} & sample.unanswered:
        named = ", ".join(map(_short, sorted(unknown)[:3]))
        message = f"how heavy {len(unknown)} of its images are could not be learnt: {named}"
        yield Found(message, "look at them yourself: their site did not answer in time", severity="hint")


def width(sample: Sample) -> Iterator[Found]:
    for page in dict.fromkeys([*sample.pages, sample.source]):
        for image in _images(page):
            wide = _width(image)
            if wide > WIDEST:
                cure = f"make it at most {WIDEST} wide, with max-width:100% for phones"
                yield Found(f"the image {_name(image)} is {wide} pixels wide", cure, "html", *place(image))


def count(sample: Sample) -> Iterator[Found]:
    most = max((sum(1 for _ in _images(page)) for page in sample.pages), default=0)
    if most > MOST:
        yield Found(f"it has {most} images", f"{MOST} are plenty: each one delays the others")
    for page in sample.pages:
        if next(_images(page), None) is not None and len(page.words) < _FEW_WORDS:
            cure = "say the most important in text: many people see no images at first"
            yield Found("it has images and hardly any text", cure)
            return


def _images(page: Page) -> Iterator[Element]:
    """Without those that only count who opens."""
    return (image for image in page.elements("img") if not is_hidden(image) and _width(image) != 1)


def _width(image: Element) -> int:
    for told in (style(image).get("width", ""), image.get("width") or ""):
        if number := _PIXELS.fullmatch(told.strip()):
            return int(number[1])
    return 0


def _is_all_of_a_link(image: Element) -> bool:
    link = next(image.iterancestors("a"), None)
    if link is None:
        return False
    others = (each.get("alt") or "" for each in link.iter("img"))
    return not "".join([*link.itertext(), *others]).strip()


def _name(image: Element) -> str:
    return _short(image.get("src") or "without an address")


def _short(address: str) -> str:
    name = address.rsplit("/", 1)[-1] or address
    return name if len(name) <= 40 else f"…{name[-40:]}"

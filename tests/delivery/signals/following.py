"""A message's addresses, as its reader's mail program finds them."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlsplit

HREF = re.compile(r'href="([^"]*)"')


def hrefs(html: str) -> list[str]:
    return [unescape(found) for found in HREF.findall(html)]


def clicks(html: str) -> list[str]:
    """What stands behind `/t/c/` in its links."""
    return [path.partition("/t/c/")[2] for path in map(_path, hrefs(html)) if "/t/c/" in path]


def opened(html: str) -> str:
    """What stands behind `/t/o/` in its picture."""
    found = re.search(r'src="[^"]*/t/o/([^"]*)"', html)
    return found[1] if found else ""


def _path(url: str) -> str:
    return urlsplit(url).path

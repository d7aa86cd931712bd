"""Filling in a page's form the way a browser does: what is on the page is posted again unless changed."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from django.test import Client


class _Fields(HTMLParser):
    """Successful controls of the form of one id (or of the page's only form with that action), by name."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._form_id, self._inside, self._template = form_id, False, 0
        self._select = self._textarea = ""
        self._first: str | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag == "form":
            self._inside = given.get("id") == self._form_id
        elif tag == "template":
            self._template += 1
        elif self._inside and not self._template:
            self._read(tag, given.get("name") or "", given)

    def _read(self, tag: str, name: str, given: dict[str, str | None]) -> None:
        if tag == "input" and name and self._counts(given):
            self.values[name] = given.get("value") or ""
        elif tag == "select":
            self._select, self._first = name, None
        elif tag == "option" and self._select and (self._first is None or "selected" in given):
            self._first = given.get("value") or ""
            self.values[self._select] = self._first
        elif tag == "textarea":
            self._textarea = name
            self.values[name] = ""

    @staticmethod
    def _counts(given: dict[str, str | None]) -> bool:
        kind = given.get("type") or "text"
        return kind not in ("submit", "button") and (kind not in ("checkbox", "radio") or "checked" in given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "template":
            self._template -= 1
        elif tag == "form":
            self._inside = False
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._textarea and self._inside:
            self.values[self._textarea] += data


def fields(page: Any, form_id: str) -> dict[str, str]:
    """What a browser would post if nothing were changed."""
    parser = _Fields(form_id)
    parser.feed(page.content.decode())
    return {name: value.removeprefix("\n").removeprefix("\r\n") for name, value in parser.values.items()}


def submit(client: Client, path: str, form_id: str, **changes: Any) -> Any:
    """Open `path`, change fields of its form, and send it. Names may contain hyphens: pass them by `**{}`."""
    page = client.get(path)
    assert page.status_code == 200, page.status_code
    return client.post(path, fields(page, form_id) | changes)

"""What keeps a template's own sources from being published: what cannot be compiled or is not in the language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from campaigns import language, publishing
from campaigns.config.gate import Problem
from campaigns.config.template import TemplateDocument, Translation
from campaigns.language import Mistake

_SOURCES = ("subject", "preheader", "html", "text")


def problems(document: TemplateDocument) -> Iterator[Problem]:
    """Of a template without a base, in all its languages."""
    for name in ("slots", "blocks"):
        if getattr(document, name):
            yield Problem(name, f"only a template on a base has {name}: name its base, or remove them", "not_here")
    if not document.html.strip():
        yield Problem("html", "a template needs some content", "blank")
        return
    yield from _of_parts(document, "", document.source_format)
    for locale, said in document.translations.items():
        yield from _of_parts(said, f"translations.{locale}.", document.source_format)
        for name in ("slots", "blocks"):
            if getattr(said, name):
                yield Problem(f"translations.{locale}.{name}", f"only a template on a base has {name}", "not_here")


def mistakes(sources: Mapping[str, str], content: Sequence[str]) -> Iterator[Problem]:
    """In a message's sources, by part, where `content.*` is of these names."""
    for part, source in sources.items():
        for mistake in language.mistakes(source, content=content, is_html=part == "html"):
            yield Problem(part, mistake.message, "template")


def _of_parts(said: TemplateDocument | Translation, path: str, source_format: str) -> Iterator[Problem]:
    html, problems = publishing.html(said.html, source_format) if said.html else ("", [])
    problems = problems or publishing.images(said.html)[1]
    problems = [Problem(f"{path}{problem.field}", problem.message, problem.code) for problem in problems] or [
        Problem(f"{path}{name}", str(mistake), "template")
        for name in _SOURCES
        for mistake in _mistakes(said, name, html)
    ]
    yield from problems
    if html and not problems and not said.text and language.mistakes(publishing.text(html)):
        yield Problem(f"{path}text", "no text part can be made from this HTML: write one", "text_needed")


def _mistakes(said: TemplateDocument | Translation, name: str, html: str) -> list[Mistake]:
    """Each with its place in what was written, whatever that was compiled to."""
    if name != "html":
        return language.mistakes(getattr(said, name))
    return [publishing.traced(mistake, html, said.html) for mistake in language.mistakes(html, is_html=True)]

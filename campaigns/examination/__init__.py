"""Templates gone through as nothing else is: judged, compiled, and looked at as made-up people would get them. Pure.

It is what a template's author can make dear, so it is done apart, in children with bounded time and memory
(`campaigns.confinement`), wherever somebody is waiting who has more to do: at saving, publishing, launching and
pre-flights, in the processes that answer the web. Workers do it in their own process (`here`): they are bounded as a
whole, and what ends one of them is blamed on its message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from campaigns.config.gate import Invalid, Problem, dump
from campaigns.config.template import BaseDocument, TemplateDocument
from campaigns.confinement import Children, TooMuch, Unanswered
from campaigns.examination import passing
from campaigns.examination.compiling import Compiled
from campaigns.examination.looking import Asked, Called, Weights
from campaigns.layering import Base, Fill
from campaigns.linting import Finding

__all__ = [
    "UNANSWERED",
    "Asked",
    "Called",
    "Compiled",
    "Weights",
    "base",
    "called",
    "compiled",
    "findings",
    "mistakes",
    "problems",
    "spoken",
    "unfit",
    "unfit_each",
]

AT_ONCE = 40  # layers held against a base by one question
SECONDS = 5  # of processor time: a template has several languages, and a message is looked at as several people get it
UNANSWERED = (TooMuch.code, Unanswered.code)  # of problems that say why something was not gone through
_children = Children("campaigns.examination.child")


def problems(document: TemplateDocument) -> list[Problem]:
    """What keeps a template's own sources from being published, with field, line and cure."""
    try:
        found = _children.ask("problems", document.model_dump(mode="json"), seconds=SECONDS)
    except Unanswered as why:
        return [_problem("html", why)]
    return [Problem(*each) for each in found]


def spoken(written: Mapping[str, Any]) -> list[Problem]:
    """What keeps a template of another channel than e-mail from being published; `written` are its fields."""
    try:
        found = _children.ask("spoken", dict(written), seconds=SECONDS)
    except Unanswered as why:
        return [_problem("payload" if written["channel"] == "webhook" else "text", why)]
    return [Problem(*each) for each in found]


def mistakes(sources: Mapping[str, str], content: Sequence[str]) -> list[Problem]:
    """What is wrong in a message's sources, where `content.*` is of these names. The field is the part it stands in."""
    try:
        return list(_mistakes(tuple(sources.items()), tuple(content)))
    except Unanswered as why:
        return [_problem("html", why)]


@lru_cache(maxsize=256)  # a page asks of every variant whenever it is looked at
def _mistakes(sources: tuple[tuple[str, str], ...], content: tuple[str, ...]) -> tuple[Problem, ...]:
    found = _children.ask("mistakes", dict(sources), content, seconds=SECONDS)
    return tuple(Problem(*each) for each in found)


def unfit(base: Base, below: Sequence[Fill], fill: Fill) -> list[Problem]:
    """What does not fit of what a template says over a base and the layers between."""
    given = base.dump(), [passing.fill_out(each) for each in below], passing.fill_out(fill)
    try:
        found = _children.ask("unfit", *given, seconds=SECONDS)
    except Unanswered as why:
        return [_problem("slots", why)]
    return [Problem(*each) for each in found]


def unfit_each(base: Base, layers: Sequence[tuple[Sequence[Fill], Fill]]) -> list[list[Problem]]:
    """The same of many: of each, the layers between and what it says over them.

    What takes too much is told of that one and, unlooked at, of those asked about together with it and behind it.
    """
    found = list[list[Problem]]()
    for start in range(0, len(layers), AT_ONCE):
        found += _unfit_together(base, layers[start : start + AT_ONCE])
    return found


def _unfit_together(base: Base, layers: Sequence[tuple[Sequence[Fill], Fill]]) -> list[list[Problem]]:
    given = [([passing.fill_out(each) for each in below], passing.fill_out(fill)) for below, fill in layers]
    try:
        found = _children.ask("unfit_each", base.dump(), given, seconds=SECONDS)
    except Unanswered as why:
        if len(layers) == 1:
            return [[_problem("slots", why)]]
    else:
        return [[Problem(*each) for each in problems] for problems in found]
    one_by_one = list[list[Problem]]()
    for below, fill in layers:
        one_by_one.append(unfit(base, below, fill))
        if any(problem.code in UNANSWERED for problem in one_by_one[-1]):
            break
    return one_by_one + [one_by_one[-1]] * (len(layers) - len(one_by_one))


def base(document: BaseDocument) -> tuple[Base | None, list[Problem]]:
    """The base that a document makes, and all that keeps it from being published. None where it takes too much."""
    try:
        made, problems = _children.ask("base", dump(document), seconds=SECONDS)
    except Unanswered as why:
        return None, [_problem("html", why)]
    return Base.load(made), [Problem(*each) for each in problems]


def compiled(document: TemplateDocument) -> Compiled:
    """What is published of a template on its own, without problems. Raises Invalid where it takes too much."""
    try:
        found = _children.ask("compiled", document.model_dump(mode="json"), seconds=SECONDS)
    except Unanswered as why:
        raise Invalid([_problem("html", why)]) from None
    return Compiled(**found)


def findings(asked: Asked, weights: Weights) -> list[Finding]:
    """What the checks before launch find, the heaviest first. Raises Invalid where it takes too much."""
    return [
        Finding(**each) for each in _look("findings", asked, {str(name): weight for name, weight in weights.items()})
    ]


def called(asked: Asked) -> Called:
    """The addresses of images and of links that could be called. Raises Invalid where it takes too much."""
    images, links = _look("called", asked)
    return frozenset(images), frozenset(links)


def _look(task: str, asked: Asked, *more: Mapping[str, Any]) -> Any:
    try:
        return _children.ask(task, passing.asked_out(asked), *more, seconds=SECONDS)
    except Unanswered as why:
        raise Invalid([_problem("html", why)]) from None


def _problem(field: str, why: Unanswered) -> Problem:
    return Problem(field, str(why), why.code)

"""How languages are spelt, and which of those there are comes nearest to somebody's. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")


def normal(locale: str) -> str:
    """As BCP 47 recommends to spell it: `pt-BR` for `pt_br`, `zh-Hant-TW` for `ZH-hant-tw`."""
    language, *rest = locale.replace("_", "-").split("-")
    return "-".join([language.lower(), *map(_subtag, rest)])


def nearest(locale: str) -> list[str]:
    """`zh-Hant-TW`, `zh-Hant` and `zh`: where to look for a translation, as RFC 4647 (3.4) looks up."""
    tags = normal(locale).split("-")
    found = ["-".join(tags[:length]) for length in range(len(tags), 0, -1)]
    return [tag for tag in found if tag and len(tag.rpartition("-")[2]) > 1]


def chain(known: Iterable[str], locale: str) -> list[str]:
    """Those of the known languages that somebody reads, the nearest first; as they are spelt there."""
    spelt = {normal(each): each for each in known}
    return [spelt[each] for each in nearest(locale) if each in spelt]


def first(known: Iterable[str], locale: str) -> str:
    """The nearest of the known languages; empty where there is none."""
    return next(iter(chain(known, locale)), "")


def normalised(said: Mapping[str, T]) -> dict[str, T]:
    """What is said by language, each spelt as it is looked up; of two spellings the right one counts."""
    return {normal(locale): said.get(normal(locale), value) for locale, value in said.items()}


def twice(known: Iterable[str]) -> list[str]:
    """Languages that stand there in another spelling as well."""
    spelt = list(known)
    return [each for each in spelt if normal(each) != each and [*map(normal, spelt)].count(normal(each)) > 1]


def _subtag(subtag: str) -> str:
    if len(subtag) == 2 and subtag.isalpha():
        return subtag.upper()
    return subtag.title() if len(subtag) == 4 and subtag.isalpha() else subtag.lower()

"""How a brand speaks: what it never says, what it always says, and in which tone. Pure.

The tone is two plain rules that anybody can check by eye: whether exclamation marks are allowed, and phrases that the
brand avoids, such as `hey guys` where it addresses people formally.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, TypeAdapter

from campaigns.config.gate import parse
from campaigns.config.values import Key, Part

Phrase = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Emoji = Literal["any", "one", "none"]  # `one`: at most one, in the subject


def _once(phrases: list[str]) -> list[str]:
    """Each phrase once, however it is written, in the order in which they were."""
    first: dict[str, str] = {}
    for phrase in phrases:
        first.setdefault(phrase.casefold(), phrase)
    return list(first.values())


class Disclaimer(Part):
    """A sentence that messages must carry: those about one of the topics, or all where it names none."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True)]
    topics: Annotated[list[Key], Field(max_length=50)] = []

    def concerns(self, topic: str) -> bool:
        return not self.topics or topic in self.topics


class Voice(Part):
    """A field that is left out asks nothing."""

    banned_words: Annotated[list[Phrase], Field(max_length=500), AfterValidator(_once)] = []
    disclaimers: Annotated[list[Disclaimer], Field(max_length=50)] = []
    emoji: Emoji = "any"
    exclamation_marks: bool = True
    avoided_phrases: Annotated[list[Phrase], Field(max_length=500), AfterValidator(_once)] = []


FIELDS = tuple(Voice.model_fields)
_VOICE: TypeAdapter[Voice] = TypeAdapter(Voice)


def read(data: Any) -> Voice:
    """Raises Invalid."""
    found: Voice = parse(_VOICE, data)
    return found

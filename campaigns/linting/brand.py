"""Whether it is the brand that speaks: campaigns.config.voice says how it does."""

from __future__ import annotations

import re
from collections.abc import Iterator

from campaigns.linting.page import visible
from campaigns.linting.sample import Found, Sample
from campaigns.linting.wording import pattern, received, said

# Pictures, what becomes one by its variation selector, and signs that are shown as pictures by themselves (UTS 51).
_EMOJI = re.compile(
    "(?:[\U0001f1e6-\U0001f1ff]{2}"
    "|[\U0001f300-\U0001f64f\U0001f680-\U0001f6ff\U0001f7e0-\U0001f7eb\U0001f900-\U0001faff]"
    "|[\u203c\u2049\u2122\u2139\u2194-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d]\ufe0f"
    "|[\u231a\u231b\u23e9-\u23ec\u23f0\u23f3\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1\u26aa\u26ab\u26bd\u26be"
    "\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a\u270b\u2728\u274c\u274e\u2753-\u2755"
    "\u2757\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55])"
    "(?:[\ufe0f\U0001f3fb-\U0001f3ff]|\u200d[\u2600-\u27bf\U0001f300-\U0001faff])*"
)
_EXCLAMATION = re.compile("!")


def banned_words(sample: Sample) -> Iterator[Found]:
    for phrase in sample.voice.banned_words:
        for place in said(sample, pattern(phrase)):
            yield Found(f"it says “{phrase}”, which the brand never does", "say it in other words", *place)


def disclaimers(sample: Sample) -> Iterator[Found]:
    """In every message, and in both of its parts."""
    parts = ("html", "text") if sample.channel == "email" else ("text",)
    for disclaimer in sample.voice.disclaimers:
        if not disclaimer.concerns(sample.topic):
            continue
        wanted = pattern(disclaimer.text)
        for part in parts:
            shown = [words for field, words in received(sample) if field == part]
            if not all(wanted.search(words) for words in shown):
                why = f" about {sample.topic}" if disclaimer.topics else ""
                message = f"messages{why} must say “{_short(disclaimer.text)}”"
                yield Found(message, "add the sentence, word for word", part)


def emoji(sample: Sample) -> Iterator[Found]:
    allowed = sample.voice.emoji
    if allowed == "any":
        return
    most = max((len(_EMOJI.findall(each)) for each in sample.subjects), default=0)
    if most > (1 if allowed == "one" else 0):
        cure = "leave one at most" if allowed == "one" else "the brand uses none: leave them out"
        yield Found(f"the subject has {most} emoji", cure, "subject")
    if allowed == "none":
        for field, line, column in said(sample, _EMOJI):
            if field != "subject":
                yield Found("it has emoji", "the brand uses none: leave them out", field, line, column)


def tone(sample: Sample) -> Iterator[Found]:
    if not sample.voice.exclamation_marks:
        for place in said(sample, _EXCLAMATION):
            yield Found("it has an exclamation mark", "the brand uses none: end with a full stop", *place)
    for phrase in sample.voice.avoided_phrases:
        for place in said(sample, pattern(phrase)):
            yield Found(f"“{phrase}” is not the brand's tone", "say it in other words", *place)


def _short(text: str) -> str:
    words = visible(text)
    return words if len(words) <= 80 else f"{words[:80]}…"

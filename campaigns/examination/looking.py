"""A message looked at as people would get it: real ones, or made-up ones where there are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from campaigns import linting, sms
from campaigns.config.check_names import CheckName, Severity
from campaigns.examination import people
from campaigns.linting import Finding, Sample

Weights = Mapping[CheckName, Severity]
Called = tuple[frozenset[str], frozenset[str]]  # addresses of images, and of links


@dataclass(frozen=True)
class Asked:
    """`sample` is looked at as the people got it that it holds; where it holds none, as made-up ones would.

    For those, `shared` is what everybody's message may say, and `marked` are the sources with the places of what was
    written in the HTML, where those are not the sample's own.
    """

    sample: Sample
    shared: Mapping[str, Any] = field(default_factory=dict)
    marked: Mapping[str, str] | None = None


def findings(asked: Asked, weights: Weights) -> list[Finding]:
    """Everything found, the heaviest first."""
    return linting.look(_shown(asked), weights)


def called(asked: Asked) -> Called:
    """What could be called to see whether it is there."""
    return linting.called(_shown(asked))


def _shown(asked: Asked) -> Sample:
    sample = asked.sample
    rendered = sample.rendered or people.rendered(asked.marked or _marked(sample), asked.shared)
    texts = [each["text"] for each in rendered] or [sample.text]
    segments = max(sms.measure(text).segments for text in texts) if sample.channel == "sms" else None
    return replace(sample, rendered=rendered, segments=segments)


def _marked(sample: Sample) -> dict[str, str]:
    return {"subject": sample.subject, "html": linting.marked(sample.html), "text": sample.text}

"""What travels to the child and back, as what JSON can say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from campaigns.config.template import Translation
from campaigns.config.voice import Voice
from campaigns.examination.looking import Asked
from campaigns.layering import Fill
from campaigns.linting import Lack, Sample


def asked_out(asked: Asked) -> dict[str, Any]:
    sample = vars_of(asked.sample) | {
        "voice": asked.sample.voice.model_dump(mode="json"),
        "lacks": [vars_of(lack) for lack in asked.sample.lacks],
        "unanswered": sorted(asked.sample.unanswered),
    }
    return {"sample": sample, "shared": asked.shared, "marked": asked.marked}


def asked_in(told: Mapping[str, Any]) -> Asked:
    said = told["sample"]
    sample = Sample(**said | {
        "voice": Voice.model_validate(said["voice"]),
        "lacks": [Lack(**lack) for lack in said["lacks"]],
        "unanswered": frozenset(said["unanswered"]),
        "left_out": [tuple(each) for each in said["left_out"]],
    })  # fmt: skip
    return Asked(sample, told["shared"], told["marked"])


def fill_out(fill: Fill) -> dict[str, Any]:
    translations = {locale: said.model_dump(mode="json") for locale, said in fill.translations.items()}
    return vars_of(fill) | {"translations": translations}


def fill_in(told: Mapping[str, Any]) -> Fill:
    translations = {locale: Translation.model_validate(said) for locale, said in told["translations"].items()}
    return Fill(**{**told, "translations": translations})


def vars_of(row: Any) -> dict[str, Any]:
    """The fields of a dataclass."""
    return {name: getattr(row, name) for name in row.__dataclass_fields__}

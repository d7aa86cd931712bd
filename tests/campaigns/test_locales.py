"""Languages: one spelling, and the same way of finding the nearest for every channel."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import channelled
from campaigns.config import locales
from campaigns.config.template import TEMPLATE

SUBTAGS = st.lists(st.text(alphabet="abcDEF12", min_size=2, max_size=8), max_size=2)


@pytest.mark.parametrize(
    ("written", "spelt"),
    [("pt_br", "pt-BR"), ("PT-br", "pt-BR"), ("ZH-hant-tw", "zh-Hant-TW"), ("es-419", "es-419"), ("de", "de")],
)
def test_a_language_has_one_spelling(written: str, spelt: str) -> None:
    assert locales.normal(written) == spelt
    document = TEMPLATE.validate_python({"translations": {written: {"subject": "x"}}})
    assert list(document.translations) == [spelt]


@pytest.mark.parametrize(
    ("known", "somebodys", "found"),
    [
        (["pt-BR"], "pt_br", "pt-BR"),
        (["pt-br"], "pt-BR", "pt-br"),
        (["zh", "zh-Hant"], "zh-Hant-TW", "zh-Hant"),
        (["zh-TW"], "zh-Hant-TW", ""),
        (["de"], "de_DE.UTF-8", "de"),
        (["de"], "", ""),
        (["de"], "den", ""),
    ],
)
def test_everybody_is_written_to_in_the_nearest_language_by_every_channel(
    known: list[str], somebodys: str, found: str
) -> None:
    assert locales.first(known, somebodys) == found
    document = {"channel": "sms", "text": "", "translations": {each: {"text": each} for each in known}}
    assert channelled.translation_for(document, somebodys) == found
    assert channelled.in_language(document, somebodys).text == found


def test_what_a_region_does_not_say_its_language_does() -> None:
    translations = {"pt": {"subject": "Oi", "text": "Boas"}, "pt-BR": {"text": "Legal"}}
    said = channelled.in_language({"channel": "push", "subject": "Hi", "translations": translations}, "pt-BR")
    assert (said.subject, said.text) == ("Oi", "Legal")


@given(st.text(alphabet="abc", min_size=2, max_size=3), SUBTAGS)
def test_spelling_it_again_changes_nothing(language: str, subtags: list[str]) -> None:
    spelt = locales.normal("_".join([language, *subtags]))
    assert locales.normal(spelt) == spelt
    assert locales.nearest(spelt)[0] == spelt
    assert locales.nearest(spelt)[-1] == language

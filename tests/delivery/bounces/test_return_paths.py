"""A message's return path is its own: short, safe in any case, and nothing that can be made up."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from delivery import identity
from delivery.return_paths import ReturnPaths
from tenants.models import Retailer

ADDRESS = "c1@example.test"
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


@pytest.fixture
def paths(acme: Retailer) -> ReturnPaths:
    return ReturnPaths(acme)


@pytest.mark.parametrize("number", [1, 77, 2**40, 2**48 - 1])
def test_it_is_read_back_whatever_the_case(acme: Retailer, paths: ReturnPaths, number: int) -> None:
    key = identity.public_id(acme, number)
    name = paths.name(key, ADDRESS)
    assert len(name) <= 64
    assert set(name) <= {*ALPHABET, "-"}
    assert [paths.read(each) for each in (name, name.upper(), name.title())] == [key] * 3


def test_it_is_for_one_address(acme: Retailer, paths: ReturnPaths) -> None:
    name = paths.name(identity.public_id(acme, 7), "Ana@Example.test")
    assert paths.is_of(name, " ana@example.TEST")
    assert not paths.is_of(name, "anna@example.test")
    assert paths.name(identity.public_id(acme, 7), ADDRESS) != name


def test_what_is_no_message_has_none(paths: ReturnPaths, globex: Retailer) -> None:
    for key in ("", "x", "3f0c1a52-8a0e-4a0e-9d1a-0a1b2c3d4e5f", identity.public_id(globex, 7)):
        assert paths.name(key, ADDRESS) == ""


def test_another_retailer_s_says_nothing_here(acme: Retailer, globex: Retailer, paths: ReturnPaths) -> None:
    name = ReturnPaths(globex).name(identity.public_id(globex, 7), ADDRESS)
    assert paths.read(name) == ""


def test_one_with_a_letter_changed_names_nothing(acme: Retailer, paths: ReturnPaths) -> None:
    name = paths.name(identity.public_id(acme, 7), ADDRESS)
    for at in range(2, len(name)):
        for letter in ALPHABET:
            if letter != name[at]:
                assert paths.read(name[:at] + letter + name[at + 1 :]) == ""
    for cut in range(len(name)):
        assert paths.read(name[:cut]) == ""


def test_ten_thousand_made_up_name_nothing(paths: ReturnPaths) -> None:
    draw = random.Random(20261127)
    assert {paths.read("b-" + "".join(draw.choices(ALPHABET, k=44))) for _ in range(10_000)} == {""}


@given(text=st.text(max_size=70) | st.from_regex(r"\Ab-[a-zA-Z2-7=]{40,48}\Z"))
def test_whatever_is_written_is_read_or_names_nothing(text: str) -> None:
    assert ReturnPaths(Retailer(schema_name="t_acme")).read(text) == ""


def test_one_of_before_the_key_changed_is_read(acme: Retailer, paths: ReturnPaths, settings: Settings) -> None:
    key = identity.public_id(acme, 7)
    name = paths.name(key, ADDRESS)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = (
        [settings.SECRET_KEY],
        "another key of forty characters or more",
    )
    now = ReturnPaths(acme)
    assert (now.read(name), now.is_of(name, ADDRESS)) == (key, True)
    assert now.name(key, ADDRESS) != name
    settings.SECRET_KEY_FALLBACKS = []
    assert ReturnPaths(acme).read(name) == ""

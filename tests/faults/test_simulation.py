"""Whatever happens between which two statements, nobody is lost and nobody is mailed twice.

SIMULATED_SEEDS says how many seeds are played (a hundred, else), and SIMULATED_FIRST which is the first: what a failure
names is played again by `SIMULATED_FIRST=4711 SIMULATED_SEEDS=1`.
"""

from __future__ import annotations

import os

import pytest

from delivery import batches
from delivery.channels.memory import MemoryChannel
from tenants.models import Retailer
from tests.faults.simulation import stage

FIRST, SEEDS = int(os.environ.get("SIMULATED_FIRST", "1")), int(os.environ.get("SIMULATED_SEEDS", "100"))


def test_nobody_is_lost_and_nobody_is_mailed_twice(
    acme: Retailer, outbox: MemoryChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stage(acme, outbox, monkeypatch) as play:
        wrong = [words for seed in range(FIRST, FIRST + SEEDS) for words in play(seed)]
    assert wrong == []


def test_who_sent_again_what_a_dead_worker_had_in_hand_would_be_found_out(
    acme: Retailer, outbox: MemoryChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stage(acme, outbox, monkeypatch) as play:
        monkeypatch.setattr(batches, "_GIVE_UP_WINDOW", "SELECT 1")
        wrong = [words for seed in range(1, 31) for words in play(seed)]
    assert any("was sent 2 times" in words for words in wrong)

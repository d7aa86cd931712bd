"""Threads switch soon while customers are written, and as seldom as before once nobody writes."""

from __future__ import annotations

import sys
from contextlib import ExitStack

from campaigns.ingest import turns


def test_whoever_ends_last_brings_back_what_the_first_one_found() -> None:
    usual = sys.getswitchinterval()
    first, second = ExitStack(), ExitStack()

    first.enter_context(turns.prompt())
    second.enter_context(turns.prompt())
    first.close()
    assert sys.getswitchinterval() < usual

    second.close()
    assert sys.getswitchinterval() == usual

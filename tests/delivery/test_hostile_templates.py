"""Hostile templates harm only themselves: refused where they are saved, or rendered within bounds."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from campaigns import language
from delivery import confined
from delivery.rendering import MAX_OUTPUT, Content, Rendered, Renderer, RenderError
from tests.delivery.hostile_templates import PAYLOADS, PERSON, random_template

FUZZED = int(os.environ.get("FUZZED_TEMPLATES", "300"))
SECONDS = 2.0
ALL = [(kind, payload) for kind, payloads in PAYLOADS.items() for payload in payloads]


def judged(source: str) -> Rendered | None:
    """What a template becomes when it is saved and previewed; None when it is refused on the way."""
    begun = time.process_time()
    mistakes = language.mistakes(source, is_html=True)
    assert time.process_time() - begun < SECONDS
    if mistakes:
        assert all(mistake.message for mistake in mistakes)
        return None
    rendered, problem = confinedly(source)
    assert "write it simpler" not in problem, "the walls of the language did not hold it"
    if rendered is None:
        return None
    assert len(rendered.html) <= MAX_OUTPUT
    return rendered


def confinedly(source: str) -> tuple[Rendered | None, str]:
    try:
        return confined.render(Content("s", source, "t"), PERSON), ""
    except RenderError as error:
        return None, str(error)


def test_there_are_enough_of_them() -> None:
    assert len(ALL) >= 150
    assert len(set(ALL)) == len(ALL)


@pytest.mark.parametrize("number", range(len(ALL)), ids=[f"{kind}-{n}" for n, (kind, _) in enumerate(ALL)])
def test_a_known_payload_comes_to_nothing(number: int) -> None:
    kind, payload = ALL[number]
    rendered = judged(payload)
    if rendered is None:
        return
    assert "<script>alert" not in rendered.html
    assert "built-in" not in rendered.html
    assert "&lt;class" not in rendered.html
    if kind in ("escape", "recursion"):  # what is read at all is text, as it stands
        assert rendered.html == payload


@pytest.mark.timeout(0 if FUZZED > 1000 else 300)
def test_fuzzed_templates_come_to_nothing() -> None:
    rendered = [judged(random_template(seed)) for seed in range(FUZZED)]
    written = [each for each in rendered if each]
    assert len(written) > FUZZED // 20  # a fuzzer that is always refused finds nothing
    assert not any("<script>alert" in each.html or "built-in" in each.html for each in written)


@pytest.mark.timeout(0 if FUZZED > 1000 else 300)
def test_a_worker_renders_as_the_preview_does() -> None:
    for seed in range(FUZZED // 3):
        source = random_template(seed)
        if language.mistakes(source, is_html=True):
            continue
        try:
            wanted = Renderer(Content("s", source, "t")).render(PERSON).html
        except RenderError as error:
            wanted = str(error)
        rendered, problem = confinedly(source)
        assert (rendered.html if rendered else problem) == wanted, source


def test_only_what_json_can_say_reaches_a_template() -> None:
    class Clever(str):
        def delete(self) -> str:
            raise AssertionError

    with pytest.raises(TypeError):
        confined.render(Content("s", "{{ customer.x }}", "t"), {"customer": {"x": object()}})
    source = "{{ customer.x.delete() }}{{ customer.x }}"
    with pytest.raises(RenderError, match="cannot call"):
        Renderer(Content("s", source, "t")).render({"customer": {"x": Clever("y")}})
    assert json.loads(json.dumps(PERSON)) == PERSON


# -- the child ---------------------------------------------------------------------------------------------------------
HELLO = Content("Hi", "<p>{{ customer.first_name }}", "Hi")


def child() -> int:
    confined.render(HELLO, PERSON)
    return confined._children._by_process[os.getpid()].children[-1].pid


def test_a_child_that_hangs_is_ended_and_another_begins() -> None:
    hanging = child()
    os.kill(hanging, signal.SIGSTOP)
    with pytest.raises(RenderError, match="longer than 2 seconds"):
        confined.render(HELLO, PERSON)
    assert confined.render(HELLO, PERSON).html == "<p>Ana"
    assert child() != hanging


def test_a_child_that_has_died_meanwhile_is_replaced_unnoticed() -> None:
    dead = child()
    os.kill(dead, signal.SIGKILL)
    os.waitid(os.P_PID, dead, os.WEXITED | os.WNOWAIT)
    assert confined.render(HELLO, PERSON).html == "<p>Ana"


def test_a_child_has_bounded_memory_and_knows_no_secrets() -> None:
    proc = Path(f"/proc/{child()}")
    limits = (proc / "limits").read_text()
    [memory] = [line for line in limits.splitlines() if line.startswith("Max address space")]
    assert int(memory.split()[3]) < 1024**3
    environment = (proc / "environ").read_text()
    assert "SECRET_KEY" not in environment
    assert "DATABASE_URL" not in environment

"""What is done apart is bounded in time, memory and output; who is busy with it keeps nobody else waiting."""

from __future__ import annotations

import math
import os
import resource
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from campaigns import confinement
from campaigns.confinement import MEMORY, SECONDS, Children, TooMuch, Unanswered, endings
from tests import greedy_child
from tests.greedy_child import DEATH, OUTPUT, TIME


@pytest.fixture(autouse=True)
def unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever edits code while these tests run has not replaced it."""
    monkeypatch.setattr(endings, "_begun", math.inf)


@pytest.fixture(scope="module")
def children() -> Children:
    made = Children("tests.greedy_child", most=2)
    assert made.ask("echo", "warm") == ["warm"]
    return made


def idle(children: Children) -> list[int]:
    return [each.pid for each in children._by_process[os.getpid()].children]


def test_answers_come_from_one_warm_child(children: Children) -> None:
    [warm] = idle(children)
    assert children.ask("echo", {"é": [1, None, "\ud800"]}, "x" * 2_000_000)[0] == {"é": [1, None, "\ud800"]}
    assert idle(children) == [warm]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (TIME, "takes longer than 2 seconds"),
        (greedy_child.MEMORY, "needs more than 256 MB"),
        (greedy_child.ENGINE_S_MEMORY, "needs more than 256 MB"),
        (OUTPUT, "writes more than 32 MB"),
    ],
)
def test_who_takes_too_much_is_ended_and_told_so(children: Children, what: str, words: str) -> None:
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    used = time.process_time()
    with pytest.raises(TooMuch, match=f"the template {words}.*: write it simpler"):
        children.ask("echo", what)
    assert time.process_time() - used < SECONDS / 2  # it was not this process that was busy
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - held < MEMORY / 4
    assert children.ask("echo", "again") == ["again"]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (greedy_child.CRASH, r"crashed what goes through it \(SIGSEGV\): take back .*, and tell whoever runs"),
        (greedy_child.FAILURE, r"failed \(KeyError\): tell whoever runs"),
        (DEATH, r"failed \(status 1\): tell whoever runs"),
        (greedy_child.OUTSIDE, r"ended from outside \(SIGKILL\), as where memory runs out: try again"),
        (greedy_child.GIBBERISH, r"what is no answer: tell whoever runs"),
    ],
)
def test_what_is_not_of_the_templates_making_is_told_apart_and_put_down(
    children: Children, caplog: pytest.LogCaptureFixture, what: str, words: str
) -> None:
    with pytest.raises(Unanswered, match=words) as raised:
        children.ask("echo", what)
    assert not isinstance(raised.value, TooMuch)
    assert raised.value.code == "unanswered"
    [record] = caplog.records
    assert str(raised.value) in record.getMessage()
    assert "ana@example.test" not in caplog.text  # what an error says may be of a person
    assert children.ask("echo", "again") == ["again"]


def test_a_process_whose_code_was_replaced_asks_to_be_restarted(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its children read what is on disk now: they may not know what they are asked."""
    monkeypatch.setattr(endings, "_begun", 0.0)
    with pytest.raises(Unanswered, match=r"was updated.*have it restarted, then try again"):
        children.ask("a task of old")
    with pytest.raises(Unanswered, match=r"does not start: .*have it restarted"):
        Children("tests.no_such_child").ask("echo", 1)
    with pytest.raises(TooMuch, match="needs more than 256 MB"):
        children.ask("echo", greedy_child.MEMORY)


def test_a_child_that_does_not_start_is_told_of(children: Children) -> None:
    with pytest.raises(Unanswered, match=r"does not start: .*failed \(status 1\): tell whoever runs"):
        Children("tests.no_such_child").ask("echo", 1)
    with pytest.raises(Unanswered, match=r"failed \(KeyError\)"):
        children.ask("a task of another version")


def test_who_complains_much_is_not_kept_from_answering(children: Children) -> None:
    for _ in range(3):
        assert children.ask("echo", greedy_child.COMPLAINTS) == [greedy_child.COMPLAINTS]


def test_an_answer_without_an_end_is_cut_off(children: Children) -> None:
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    with pytest.raises(TooMuch):
        children.ask("echo", OUTPUT)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - held < 4 * confinement.MOST_ANSWER


def test_processor_time_is_counted_anew_for_each_question(children: Children) -> None:
    for _ in range(2):
        with pytest.raises(TooMuch, match="longer than 1 seconds"):
            children.ask("echo", TIME, seconds=1)
    assert children.ask("echo", "again", seconds=1) == ["again"]


def test_others_are_answered_while_one_is_busy_with_what_is_hostile(children: Children) -> None:
    ended = threading.Event()

    def hostile() -> str:
        try:
            children.ask("echo", TIME)
        except TooMuch as much:
            return str(much)
        finally:
            ended.set()
        return ""

    with ThreadPoolExecutor(1) as thread:
        told = thread.submit(hostile)
        answered = 0
        while not ended.is_set():
            assert children.ask("echo", answered) == [answered]
            answered += 1
        assert "longer than" in told.result()
    assert answered > 3


def test_many_at_once_share_a_few_children(children: Children) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda n: children.ask("echo", n), range(50))) == [[n] for n in range(50)]
    assert len(idle(children)) <= 2


def test_whoever_leaves_before_the_answer_leaves_none_for_the_next(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(*_: object, **__: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(confinement, "_exchange", leave)
        with pytest.raises(KeyboardInterrupt):
            children.ask("echo", "mine")
    assert children.ask("echo", "yours") == ["yours"]


def test_a_fork_begins_with_children_of_its_own(children: Children) -> None:
    mine = idle(children)
    child = os.fork()
    if child == 0:
        os._exit(0 if children.ask("echo", 1) == [1] and idle(children) != mine else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert children.ask("echo", 2) == [2]
    assert idle(children) == mine


def test_a_child_knows_nothing_of_our_environment_and_writes_no_files(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "a secret")
    fresh = Children("tests.greedy_child")
    assert set(fresh.ask("environment")) <= {"LANG", "PYTHONPATH", "LC_CTYPE"}
    limits = Path(f"/proc/{idle(fresh)[0]}/limits").read_text().splitlines()
    sizes = {line[:25].strip(): line[26:].split()[0] for line in limits}
    assert sizes["Max file size"] == "0"
    assert int(sizes["Max address space"]) < 1024**3


def test_a_child_that_was_killed_meanwhile_is_replaced_unnoticed(children: Children) -> None:
    [*_, dead] = idle(children)
    os.kill(dead, signal.SIGKILL)
    os.waitid(os.P_PID, dead, os.WEXITED | os.WNOWAIT)
    assert children.ask("echo", "again") == ["again"]
    assert dead not in idle(children)

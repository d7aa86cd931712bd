"""A child as `campaigns.examination.child` and `delivery.confined` are one, for what no template is known to do.

It does what they do, unless what it is given says that it eats time or memory, or has no end: then it does that, as a
template would that got past the language's own bounds.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Any

import minijinja

from campaigns import confinement
from campaigns.confinement import MEMORY as MEMORY_BOUND
from campaigns.examination import child
from delivery import confined

TIME, MEMORY, OUTPUT, DEATH = "eats time", "eats memory", "has no end", "kills"
ENGINE_S_MEMORY, CRASH, FAILURE, OUTSIDE = "eats the engine's memory", "crashes", "fails", "is ended from outside"
GIBBERISH, COMPLAINTS = "talks gibberish", "complains"


def eat_time() -> None:
    while True:
        pass


def eat_memory() -> None:
    eaten = []
    while True:
        eaten.append(bytearray(1 << 22))


def talk() -> None:
    while True:
        sys.stdout.buffer.write(b"x" * (1 << 20))


def die() -> None:
    os._exit(1)


def eat_the_engine_s_memory() -> None:
    """The template machine aborts where Python raises."""
    minijinja.Environment().render_str("{{ x ~ x ~ x ~ x }}", x="x" * (MEMORY_BOUND // 4))


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def fail() -> None:
    raise KeyError("ana@example.test")


def be_ended() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def say_nothing() -> None:
    sys.stdout.buffer.write(b"I do not know\n")
    sys.stdout.buffer.flush()


def complain() -> None:
    warnings.simplefilter("always")
    for _ in range(1000):
        warnings.warn("x" * 1000, stacklevel=1)


HABITS = {
    TIME: eat_time,
    MEMORY: eat_memory,
    OUTPUT: talk,
    DEATH: die,
    ENGINE_S_MEMORY: eat_the_engine_s_memory,
    CRASH: crash,
    FAILURE: fail,
    OUTSIDE: be_ended,
    GIBBERISH: say_nothing,
    COMPLAINTS: complain,
}


def greedy(task: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(task)
    def done(*given: Any) -> Any:
        said = json.dumps(given)
        for words, habit in HABITS.items():
            if words in said:
                habit()
        return task(*given)

    return done


def echo(*given: Any) -> Any:
    return list(given)


def environment() -> Any:
    return sorted(os.environ)


if __name__ == "__main__":
    tasks = (
        child.problems,
        child.spoken,
        child.mistakes,
        child.unfit,
        child.unfit_each,
        child.base,
        child.compiled,
        child.findings,
        child.called,
        echo,
        environment,
    )
    known = {task.__name__: greedy(task) for task in tasks}
    confinement.serve({**known, "render": greedy(confined._render)})

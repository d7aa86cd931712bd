"""A child as `campaigns.examination.child` and `delivery.confined` are one, for what no template is known to do.

It does what they do, unless what it is given says that it eats time or memory, or has no end: then it does that, as a
template would that got past the language's own bounds.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from campaigns import confinement
from campaigns.examination import child
from delivery import confined

TIME, MEMORY, OUTPUT, DEATH = "eats time", "eats memory", "has no end", "kills"


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


HABITS = {TIME: eat_time, MEMORY: eat_memory, OUTPUT: talk, DEATH: die}


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
        child.compiled,
        child.findings,
        child.called,
        echo,
        environment,
    )
    known = {task.__name__: greedy(task) for task in tasks}
    confinement.serve({**known, "render": greedy(confined._render)})

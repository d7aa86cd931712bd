"""Templates from other platforms, as ours: Liquid, by its syntax tree, and the dialects around it. Pure.

What cannot be converted is named with its line and left as it was written, so that it is seen, and so that publishing
refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from liquid import Environment
from liquid.builtin.content import ContentNode
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.assign_tag import AssignNode
from liquid.builtin.tags.case_tag import CaseNode
from liquid.builtin.tags.echo_tag import EchoNode
from liquid.builtin.tags.for_tag import ForNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode
from liquid.exceptions import LiquidError

from campaigns.language.vocabulary import RESERVED
from campaigns.liquid import dialects
from campaigns.liquid.expressions import Expressions, NoCounterpart, is_blank_fallback

MAX_SOURCE = 256 * 1024
DIALECTS = dialects.DIALECTS
_MOST_TRIES = 40  # of reading a source, each without one tag more
_TAG = re.compile(r"{{.*?}}|{%.*?%}", re.DOTALL)
_OUTPUT = re.compile(r"{{.*?}}", re.DOTALL)
_NOT_OURS = re.compile(
    r"{%-?\s*(capture|tablerow)\b.*?{%-?\s*end\1\s*-?%}|{%-?\s*(?:cycle|increment|decrement|include|render|break|"
    r"continue|liquid|layout|section|abort_message|connected_content|catalog_items)\b.*?%}",
    re.DOTALL,
)
_ASIDE = re.compile(r"{%-?\s*(?P<kind>raw|comment)\s*-?%}(?P<text>.*?){%-?\s*end(?P=kind)\s*-?%}", re.DOTALL)
_LEFT = re.compile("\ue000(\\d+)\ue001")
_MARKS = re.compile(r"{[{%#]")


@dataclass(frozen=True)
class Unconverted:
    """What has no counterpart, and its line in what was given, from 1."""

    message: str
    line: int


def convert(source: str) -> tuple[str, list[Unconverted]]:
    """The source in our language, and what is left of it in theirs."""
    if len(source) > MAX_SOURCE:
        return source, [Unconverted(f"larger than {MAX_SOURCE // 1024} KB: convert it in parts", 1)]
    return _Conversion(source.replace("\ue000", "").replace("\ue001", "")).run()


class _Conversion:
    def __init__(self, source: str) -> None:
        self._source = source
        self._left: list[str] = []
        self._problems: list[Unconverted] = []
        self._expressions = Expressions()
        self._liquid = Environment()

    def run(self) -> tuple[str, list[Unconverted]]:
        self._source = _ASIDE.sub(self._set_aside, self._source)
        self._source = dialects.to_liquid(self._source, self._leave)
        self._source = _NOT_OURS.sub(
            lambda tag: self._leave(tag.start(), tag[0], f"{_first_word(tag[0])!r} has no counterpart here"),
            self._source,
        )
        self._source = _OUTPUT.sub(self._readable, self._source)
        nodes = self._read()
        if nodes is None:
            return _LEFT.sub(self._restored, self._source), self._sorted()
        return _LEFT.sub(self._restored, self._body(nodes)), self._sorted()

    def _set_aside(self, tag: re.Match[str]) -> str:
        text = tag["text"]
        return self._mark(_raw(text) if tag["kind"] == "raw" else f"{{#{text.replace('#}', '')}#}}")

    def _readable(self, tag: re.Match[str]) -> str:
        try:
            self._liquid.parse(tag[0])
        except (LiquidError, RecursionError) as error:
            return self._leave(tag.start(), tag[0], _reason(error))
        return tag[0]

    def _read(self) -> list[Any] | None:
        """The tree, of what is left when tags that cannot be read are set aside."""
        for _ in range(_MOST_TRIES):
            try:
                return list(self._liquid.parse(self._source).nodes)
            except (LiquidError, RecursionError) as error:
                at = getattr(getattr(error, "token", None), "start_index", -1)
                tag = next((tag for tag in _TAG.finditer(self._source) if tag.start() <= at < tag.end()), None)
                if tag is None:
                    self._problems.append(Unconverted(f"the template cannot be read: {_reason(error)}", 1))
                    return None
                put = self._leave(tag.start(), tag[0], _reason(error))
                self._source = self._source[: tag.start()] + put + self._source[tag.end() :]
        self._problems.append(Unconverted("too much of the template cannot be read", 1))
        return None

    def _body(self, nodes: Any) -> str:
        return "".join(self._node(node) for node in nodes)

    def _node(self, node: Any) -> str:
        if isinstance(node, ContentNode):
            return _MARKS.sub(lambda mark: _raw(mark[0]), node.text)
        try:
            write = _WRITERS.get(type(node))
            if write is None:
                raise NoCounterpart(f"{_first_word(self._tag(node))!r}")
            return write(self, node)
        except NoCounterpart as nothing:
            return self._as_it_was(node, nothing)

    def _output(self, node: Any) -> str:
        if is_blank_fallback(node.expression):
            bare = type(node.expression)(node.expression.token, node.expression.left, node.expression.filters[:-1])
            written = self._expressions.write(bare)
            return f"{{% if {written} %}}{{{{ {written} }}}}{{% endif %}}"
        return f"{{{{ {self._expressions.write(node.expression)} }}}}"

    def _if(self, node: Any) -> str:
        return self._branches(self._expressions.write(node.condition), node)

    def _unless(self, node: Any) -> str:
        return self._branches(f"not ({self._expressions.write(node.condition)})", node)

    def _branches(self, condition: str, node: Any) -> str:
        written = f"{{% if {condition} %}}{self._body(node.consequence.nodes)}"
        for each in node.alternatives:
            written += f"{{% elif {self._expressions.write(each.expression)} %}}{self._body(each.block.nodes)}"
        if node.default is not None:
            written += f"{{% else %}}{self._body(node.default.nodes)}"
        return f"{written}{{% endif %}}"

    def _case(self, node: Any) -> str:
        subject, written, otherwise = self._expressions.write(node.expression), "", ""
        for block in node.blocks:
            if not hasattr(block, "expression"):
                otherwise += self._body(block.nodes)
                continue
            values = [self._expressions.write(each) for each in block.expression.expressions]
            condition = " or ".join(f"{subject} == {value}" for value in values)
            written += f"{{% {'elif' if written else 'if'} {condition} %}}{self._body(block.block.nodes)}"
        if not written:
            return otherwise
        return written + (f"{{% else %}}{otherwise}" if otherwise else "") + "{% endif %}"

    def _for(self, node: ForNode) -> str:
        name, over = str(node.expression.identifier), self._expressions.over(node.expression)
        before = self._expressions.own
        self._expressions.own = before | {_free(name)}
        body = self._body(node.block.nodes)
        self._expressions.own = before
        otherwise = f"{{% else %}}{self._body(node.default.nodes)}" if node.default else ""
        return f"{{% for {name} in {over} %}}{body}{otherwise}{{% endfor %}}"

    def _assign(self, node: AssignNode) -> str:
        value = self._expressions.write(node.expression)
        self._expressions.own |= {_free(str(node.name))}
        return f"{{% set {node.name} = {value} %}}"

    def _as_it_was(self, node: Any, nothing: NoCounterpart) -> str:
        """The node's own tag as it was; of a block, with what is in it and its end."""
        start, tag = self._place(node)
        self._problems.append(Unconverted(f"{nothing} has no counterpart here", self._line(start)))
        if isinstance(node, OutputNode | EchoNode | AssignNode):
            if isinstance(node, AssignNode):  # what it set is told once, not at each use
                self._expressions.own |= {str(node.name)}
            return tag
        end = self._end(start, _first_word(tag))
        return _LEFT.sub(self._restored, self._source[start:end])

    def _end(self, start: int, word: str) -> int:
        depth = 0
        for tag in _TAG.finditer(self._source, start):
            first = _first_word(tag[0])
            depth += (first == word) - (first == f"end{word}")
            if depth == 0:
                return tag.end()
        return len(self._source)

    def _place(self, node: Any) -> tuple[int, str]:
        start = max(self._source.rfind("{{", 0, node.token.start_index + 2),
                    self._source.rfind("{%", 0, node.token.start_index + 2))  # fmt: skip
        found = _TAG.match(self._source, start)
        return start, found[0] if found else ""

    def _tag(self, node: Any) -> str:
        return self._place(node)[1]

    def _leave(self, at: int, text: str, reason: str) -> str:
        """Sets a piece aside, and gives the mark that stands for it; lines stay where they are."""
        self._problems.append(Unconverted(reason, self._line(at)))
        return self._mark(text)

    def _mark(self, text: str) -> str:
        self._left.append(text)
        return f"\ue000{len(self._left) - 1}\ue001" + "\n" * text.count("\n")

    def _line(self, at: int) -> int:
        return self._source.count("\n", 0, at) + 1

    def _restored(self, mark: re.Match[str]) -> str:
        text = self._left[int(mark[1])]
        return _LEFT.sub(self._restored, text)

    def _sorted(self) -> list[Unconverted]:
        return sorted(dict.fromkeys(self._problems), key=lambda each: each.line)


_WRITERS: dict[type, Callable[[_Conversion, Any], str]] = {
    OutputNode: _Conversion._output,
    EchoNode: _Conversion._output,
    IfNode: _Conversion._if,
    UnlessNode: _Conversion._unless,
    CaseNode: _Conversion._case,
    ForNode: _Conversion._for,
    AssignNode: _Conversion._assign,
}


def _raw(text: str) -> str:
    return f"{{% raw %}}{text}{{% endraw %}}"


def _free(name: str) -> str:
    if name in RESERVED or name.startswith("_") or not name.replace("_", "a").isalnum():
        raise NoCounterpart(f"the name {name!r}, which means something else here,")
    return name


def _reason(error: BaseException) -> str:
    return str(error.args[0] if error.args else type(error).__name__).splitlines()[0]


def _first_word(tag: str) -> str:
    found = re.search(r"\w+", tag)
    return found[0] if found else tag

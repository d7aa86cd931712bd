"""What everybody reads of a source: which variables stand in what is shown of its HTML, whatever holds for a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from campaigns.language import grammar, markup
from campaigns.language.markup import Spot
from campaigns.language.syntax import (
    Binary,
    Body,
    Branch,
    Choice,
    Expression,
    Filtered,
    For,
    If,
    Path,
    Print,
    Set,
    Tested,
    Text,
)
from campaigns.language.vocabulary import OUR_LINKS

_KEEPING = ("capitalize", "default", "escape", "lower", "replace", "title", "trim", "upper")  # what they get is read
_LINKS = ("a", "area")
_Names = frozenset[str]
_State = tuple[Spot, str, dict[str, _Names]]


def seen(source: str) -> _Names:
    """Dotted variables that stand in the text of an HTML document, or are where one of its links leads.

    Not what only some people get, for it hangs on a condition or stands in a loop; but `{% if x %}{{ x }}{% endif %}`
    counts, since x is then told wherever there is one. Nor what stands in a comment, also where Outlook reads it.
    Raises Mistaken.
    """
    reader = _Reader()
    return reader.body(grammar.parse(source))


@dataclass
class _Reader:
    spot: Spot = field(default_factory=Spot)
    comment: str = ""  # what was read of one so far, where one is open
    own: dict[str, _Names] = field(default_factory=dict)  # what the template's own names say

    def body(self, body: Body) -> _Names:
        found: _Names = frozenset()
        for node in body:
            match node:
                case Text():
                    self._text(node.text)
                case Print():
                    found |= self._print(node.value)
                case Set():
                    self.own[node.name] = _said(node.value, self.own)
                case If():
                    found |= self._if(node)
                case For():
                    self._for(node)
        return found

    def _text(self, text: str) -> None:
        self.spot = markup.after(self.spot, text)
        self.comment = _open_comment(self.comment + text)

    def _print(self, value: Expression) -> _Names:
        spot, said = self.spot, _said(value, self.own)
        is_ours = isinstance(value, Path) and value.root in OUR_LINKS
        self.spot = markup.after_value(spot, is_ours=is_ours)
        if self.comment:
            return frozenset()
        if spot.mode == "text":
            return said
        leads = spot.mode == "value" and spot.attribute == "href" and spot.element in _LINKS and spot.stage == "start"
        return said & frozenset(OUR_LINKS) if leads else frozenset()

    def _if(self, node: If) -> _Names:
        before, found, ends = self._state(), list[_Names](), list[_State]()
        for branch in node.branches:
            self.spot, self.comment, self.own = before[0], before[1], dict(before[2])
            found.append(self.body(branch.body))
            ends.append(self._state())
        if node.branches[-1].condition is not None:
            found.append(_asked_for_itself(node.branches, found[0]))
            ends.append(before)
        self.spot = ends[0][0]
        self.comment = next((comment for _, comment, _ in ends if comment), "")
        self.own = {
            name: frozenset.intersection(*(own.get(name, frozenset()) for _, _, own in ends))
            for name in dict.fromkeys(name for _, _, own in ends for name in own)
        }
        return frozenset.intersection(*found)

    def _state(self) -> _State:
        return self.spot, self.comment, dict(self.own)

    def _for(self, node: For) -> None:
        before = self._state()
        self.body(node.body)
        inside = self.comment
        self.spot, self.comment, self.own = before
        self.body(node.otherwise)
        self.comment, self.own = self.comment or inside, before[2]


def _said(value: Expression, own: Mapping[str, _Names]) -> _Names:
    """The variables that are read where a value is printed, whatever it comes to."""
    match value:
        case Path():
            return own[value.root] if value.root in own else frozenset([value.dotted])
        case Filtered() if value.name in _KEEPING:
            return _said(value.of, own)
        case Binary(operator="~" | "+"):
            return _said(value.left, own) | _said(value.right, own)
        case Choice():
            return _said(value.then, own) & _said(value.otherwise, own)
    return frozenset()


def _asked_for_itself(branches: tuple[Branch, ...], found: _Names) -> _Names:
    """What is left out only where there is none: asked for on its own, and then printed."""
    condition = branches[0].condition
    if isinstance(condition, Tested) and condition.name == "defined" and not condition.is_negated:
        condition = condition.of
    return found & {condition.dotted} if isinstance(condition, Path) and len(branches) == 1 else frozenset()


def _open_comment(text: str) -> str:
    """What stands behind the last `<!--` without an end, from there on."""
    start = text.find("<!--")
    while start >= 0:
        end = start + 5 if text.startswith("<!-->", start) else text.find("-->", start + 4)
        if end < start + 4:
            return text[start:]
        start = text.find("<!--", end)
    return ""

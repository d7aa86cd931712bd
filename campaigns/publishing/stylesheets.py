"""What little must be known of CSS: an element's own declarations, and rules that must win over them."""

from __future__ import annotations

import re

_PIECE = re.compile(r"""/\*.*?\*/|"[^"]*"|'[^']*'|[^;'"(){}/]+|.""", re.DOTALL)
_CONDITIONAL = ("@media", "@supports", "@container")
_MOMENTARY = re.compile(r":(?:hover|active|focus|visited|link)\b")


def declarations(text: str) -> list[tuple[str, str]]:
    """Names in small letters and values of what a style attribute says, in its order."""
    found, written, depth = [], "", 0
    for piece in [*_PIECE.findall(text), ";"]:
        depth += (piece == "(") - (piece == ")" and depth > 0)
        if piece != ";" or depth:
            written += piece
            continue
        name, colon, value = written.partition(":")
        if colon and name.strip():
            found.append((name.strip().lower(), value.strip()))
        written = ""
    return found


def strengthened(sheet: str) -> str:
    """The same rules, those of `@media` and `:hover` made `!important`: else what elements say for themselves wins."""
    made, blocks, pending = [], [], ""
    for piece in _PIECE.findall(sheet):
        if piece == "{":
            blocks.append(pending.strip().lower())
        elif piece in ("}", ";") and _is_conditional(blocks):
            pending = _important(pending)
        if piece == "}" and blocks:
            blocks.pop()
        if piece in ("{", "}", ";"):
            made += [pending, piece]
            pending = ""
        else:
            pending += piece
    return "".join([*made, pending])


def _is_conditional(blocks: list[str]) -> bool:
    """Whether a declaration stands in a rule for some times only, not in `@font-face` or `@keyframes`."""
    *around, rule = blocks or ["@"]
    if rule.startswith("@") or not all(block.startswith(_CONDITIONAL) for block in around):
        return False
    return bool(around) or bool(_MOMENTARY.search(rule))


def _important(declaration: str) -> str:
    if ":" not in declaration or "!important" in declaration.replace(" ", "").lower():
        return declaration
    kept = declaration.rstrip()
    return f"{kept} !important{declaration[len(kept) :]}"

"""Layered templates: what a base leaves open, what the layers below it say, and the sources that come of both. Pure.

A base is the platform's (or a group's own). It declares typed slots, marks blocks that may be replaced, and locks the
others. The layers above one another are base, group, retailer's template, campaign's variant; the uppermost that says
something of a slot or block counts, unless a layer below locked it.

What a layer says is spliced into the base's source, so a lower layer is never trusted with more than its own place: it
is read by an HTML parser and written anew, balanced, with elements, attributes and styles from a short list. So no
layer can open what the base closes, hide a locked block, lie over it, or push it away.
"""

from campaigns.config.template import CLIPPED
from campaigns.layering.bases import Base, compile_base
from campaigns.layering.resolving import OWN, Fill, check_fill, locks_of, of_variant, resolve
from campaigns.layering.values import default_of, in_order

__all__ = [
    "CLIPPED",
    "OWN",
    "Base",
    "Fill",
    "check_fill",
    "compile_base",
    "default_of",
    "in_order",
    "locks_of",
    "of_variant",
    "resolve",
]

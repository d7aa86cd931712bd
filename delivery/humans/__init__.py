"""Whether a person opened and clicked, or a machine: how likely, in percent, said of each hit of a message."""

from delivery.humans.judging import HUMAN, Hit, Seen, judge

__all__ = ["HUMAN", "Hit", "Seen", "judge"]

"""What each number has to be, by the page that shows it."""

from tests.delivery.numbers.oracles import results, run, several
from tests.delivery.numbers.oracles.answers import data, links
from tests.delivery.numbers.oracles.places import COLUMNS, ORACLES, SAID

cells = results.cells

__all__ = ["COLUMNS", "ORACLES", "SAID", "cells", "data", "links", "run", "several"]

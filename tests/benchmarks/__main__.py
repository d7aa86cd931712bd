"""`python -m tests.benchmarks NAME [options]` runs a benchmark on an installation of its own.

It prints what it does, a table and, as its last line, one JSON object. Exit code 1 means that a check failed.
"""

from __future__ import annotations

import argparse
import importlib
import sys

from tests.benchmarks.figures import NoFigures
from tests.benchmarks.installation import installation

QUICK_MESSAGES = 4000  # with it, a benchmark takes less than a minute
QUICK_TEMPLATES = {"messages": 3000, "retailers": 12}  # the same
QUICK_FAIRNESS = {"queued": 30_000, "quiet": 12, "each": 50, "drained": 6000}  # the same
QUICK_PROPAGATION = {"retailers": 12, "seconds": 8, "stops": 3}  # the same
QUICK_AUDIENCE = {"customers": 50_000, "events": 500_000, "scale": 0, "ingest_seconds": 4, "repeat": 1, "cold": 1}
QUICK_INGEST = {"messages": 8000, "seconds": 4}  # the same
QUICK_HOSTILE = {"rounds": 3, "fuzzed": 500}  # the same
QUICK_REPORTS = {"signals": 60_000, "runs": 4, "repeat": 3}  # the same


def main() -> int:
    options = _parser().parse_args()
    with installation():
        # Only now: it imports models, which need settings, which need the installation.
        benchmark = importlib.import_module(f"tests.benchmarks.{options.benchmark}")
        try:
            return 0 if benchmark.run(options) else 1
        except NoFigures as problem:
            print(problem, file=sys.stderr)
            return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    benchmarks = parser.add_subparsers(dest="benchmark", required=True, metavar="NAME")
    _add_delivery(benchmarks.add_parser("delivery", help="messages/s from launch to settled ledger, over SMTP"))
    _add_propagation(benchmarks.add_parser("propagation", help="seconds until workers know of a publish or a stop"))
    _add_audience(benchmarks.add_parser("audience", help="live counts, evaluation and ingest at 1M customers"))
    _add_fairness(benchmarks.add_parser("fairness", help="what a loud or slow retailer costs the quiet ones"))
    _add_templates(benchmarks.add_parser("templates", help="microseconds per message before the wire"))
    _add_hostile(benchmarks.add_parser("hostile", help="a sibling's p99 beside a campaign of hostile templates"))
    _add_faults(benchmarks.add_parser("faults", help="what is lost, doubled or left unknown while everything breaks"))
    _add_ingest(benchmarks.add_parser("ingest", help="opens, clicks and webhook events a second, and what survives"))
    _add_reports(benchmarks.add_parser("reports", help="each report of a retailer with ten million signals"))
    return parser


def _add_reports(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--signals", type=_count, default=10_000_000, help="that came back (default 10000000)")
    parser.add_argument("--runs", type=_several, default=30, help="the first has a quarter of it all (default 30)")
    parser.add_argument("--repeat", type=_count, default=40, help="times that each page is asked for (default 40)")
    parser.add_argument("--seed", type=int, default=13, help="of everything that chance decides (default 13)")
    parser.add_argument("--quick", action=_Quick, const=QUICK_REPORTS, nargs=0, help="60,000 signals of 4 runs")


def _add_hostile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=_count, default=15, help="of each way, of which medians count (default 15)")
    parser.add_argument("--fuzzed", type=_count, default=5000, help="templates made by chance (default 5000)")
    parser.add_argument("--quick", action=_Quick, const=QUICK_HOSTILE, nargs=0, help="3 rounds, 500 made by chance")


def _add_faults(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=1, help="of everything that chance decides (default 1)")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="few of each fault")
    size.add_argument("--long", action="store_true", help="100,000 messages, and the broker away for minutes")


def _add_ingest(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--messages", type=_count, default=100_000, help="each opened and clicked once (default 100000)"
    )
    parser.add_argument("--seconds", type=_count, default=20, help="of each storm at most (default 20)")
    parser.add_argument("--callers", type=_count, default=32, help="who wait for answers at once (default 32)")
    parser.add_argument("--workers", type=_count, default=2, help="web processes of 8 threads (default 2)")
    parser.add_argument(
        "--patient", action="store_true", help="hits wait for their commit as long as it takes: on slow machines"
    )
    parser.add_argument("--quick", action=_Quick, const=QUICK_INGEST, nargs=0, help="8000 messages, 4 seconds")


def _add_templates(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--messages", type=_count, default=20_000, help="of each kind (default 20000)")
    parser.add_argument("--seed", type=int, help="of the people (default: the workload's own)")
    parser.add_argument("--retailers", type=_count, default=350, help="below one base (default 350)")
    parser.add_argument("--queued", type=_count, default=8, help="seconds of work before the first edit (default 8)")
    parser.add_argument("--workers", type=_count, default=2, help="worker processes, busy meanwhile (default 2)")
    parser.add_argument("--quick", action=_Quick, const=QUICK_TEMPLATES, nargs=0,
                        help="3000 messages, 12 retailers")  # fmt: skip


def _add_fairness(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--queued", type=_count, default=200_000, help="of the loud retailer (default 200000)")
    parser.add_argument("--quiet", type=_count, default=200, help="retailers beside it (default 200)")
    parser.add_argument("--each", type=_count, default=100, help="messages of a quiet one (default 100)")
    parser.add_argument(
        "--drained",
        type=_count,
        default=60_000,
        help="of the loud one's, in the queue worked off twice (default 60000)",
    )
    parser.add_argument("--workers", type=_count, default=2, help="worker processes (default 2)")
    parser.add_argument("--repeat", type=_count, default=1, help="rounds (default 1)")
    parser.add_argument("--seed", type=int, help="of the people (default: the workload's own)")
    parser.add_argument("--quick", action=_Quick, const=QUICK_FAIRNESS, nargs=0,
                        help="12 retailers of 50 beside one with 30,000")  # fmt: skip


def _add_delivery(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--messages", type=_count, default=20_000, help="in all (default 20000)")
    parser.add_argument("--tenants", type=_count, default=1, help="retailers that share them (default 1)")
    parser.add_argument("--workers", type=_count, default=2, help="worker processes (default 2)")
    parser.add_argument("--repeat", type=_count, default=1, help="rounds, of which medians count (default 1)")
    parser.add_argument("--seed", type=int, help="of the people (default: the workload's own)")
    parser.add_argument(
        "--without-chunking", action="store_true", help="to a mail server that takes one message per round trip"
    )
    parser.add_argument(
        "--quick", dest="messages", action="store_const", const=QUICK_MESSAGES, help=f"{QUICK_MESSAGES} messages"
    )


def _add_propagation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--retailers", type=_count, default=350, help="whose campaigns run (default 350)")
    parser.add_argument("--writers", type=_count, default=8, help="who publish at once (default 8)")
    parser.add_argument("--workers", type=_count, default=2, help="worker processes (default 2)")
    parser.add_argument("--seconds", type=_count, default=60, help="of publishing; half without broker (default 60)")
    parser.add_argument("--stops", type=_count, default=12, help="emergency stops (default 12)")
    parser.add_argument("--seed", type=int, default=11, help="of people, and of who publishes what (default 11)")
    parser.add_argument("--quick", action=_Quick, const=QUICK_PROPAGATION, nargs=0,
                        help="12 retailers, 8 seconds, 3 stops")  # fmt: skip


def _add_audience(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--customers", type=_count, default=1_000_000, help="of one retailer (default 1000000)")
    parser.add_argument("--events", type=_count, default=10_000_000, help="of theirs (default 10000000)")
    parser.add_argument("--scale", type=int, default=5, help="times as many once more, for growth; 0: not (default 5)")
    parser.add_argument("--ingest-seconds", type=_count, default=30, help="of each way in, and kind (default 30)")
    parser.add_argument("--cold", type=_count, default=5, help="cold counts of each rule (default 5)")
    parser.add_argument("--repeat", type=_count, default=3, help="evaluations, of which medians count (default 3)")
    parser.add_argument("--seed", type=int, default=7, help="of people and events (default 7)")
    parser.add_argument("--quick", action=_Quick, const=QUICK_AUDIENCE, nargs=0,
                        help="50,000 customers, 500,000 events, 4 seconds of ingest, no growth")  # fmt: skip


class _Quick(argparse.Action):
    """Several options at once; those that come after it still count."""

    def __call__(self, parser: argparse.ArgumentParser, options: argparse.Namespace, *_: object) -> None:
        vars(options).update(self.const)


def _several(text: str) -> int:
    number = int(text)
    if number < 2:
        raise argparse.ArgumentTypeError("it must be at least 2")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it must be at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from campaigns import importing
from campaigns.models import Customer, Event
from tenants import context
from tenants.models import Retailer

Write = Callable[..., Path]


@pytest.fixture
def in_acme(acme: Retailer) -> Iterator[Retailer]:
    with context.in_retailer(acme):
        yield acme


@pytest.fixture
def file(tmp_path: Path) -> Write:
    """Writes a file of that content: `file("external_id\\nc1\\n", name="people.csv")`."""

    def write(content: str | bytes, *, name: str = "file.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def import_customers(path: Path, **options: Any) -> dict[str, Any]:
    return _run("import_customers", path, **options)


def import_events(path: Path, **options: Any) -> dict[str, Any]:
    return _run("import_events", path, **options)


def rejected(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as text:
        return list(csv.reader(text))


# -- the good ones ---------------------------------------------------------------------------------------------------


def test_customers_are_imported_and_the_same_file_again_changes_nothing(in_acme: Retailer, file: Write) -> None:
    path = file(
        "external_id,email,first_name,consent_email,attributes.points,attributes.code,attributes.vip\n"
        "c1,C1@Example.test,Ana,yes,12.5,007,true\n"
        "c2,,,,,,\n"
    )

    first, second = import_customers(path), import_customers(path)

    assert _counts(first) == {"rows": 2, "created": 2, "updated": 0, "unchanged": 0, "rejected": 0}
    assert _counts(second) == {"rows": 2, "created": 0, "updated": 0, "unchanged": 2, "rejected": 0}
    assert second["rejects_path"] is None
    customer = Customer.objects.get(external_id="c1")
    assert (customer.email, customer.first_name, customer.consent_email) == ("c1@example.test", "Ana", True)
    assert customer.attributes == {"points": 12.5, "code": "007", "vip": True}


def test_an_empty_cell_says_nothing_about_its_field(in_acme: Retailer, file: Write) -> None:
    import_customers(file("external_id,city,attributes.tier\nc1,Leeds,gold\n"))

    summary = import_customers(file("external_id,city,attributes.tier\nc1, ,\n"))

    assert summary["unchanged"] == 1
    assert Customer.objects.get().city == "Leeds"


def test_events_are_imported_once_at_the_retailers_local_time(in_acme: Retailer, file: Write) -> None:
    import_customers(file("external_id\nc1\n"))
    path = file(
        "event_id,external_id,name,occurred_at,value,currency,properties.sku,properties.quantity\n"
        "e1,c1,order,2011-06-01 09:00:00,15.30,GBP,22423,6\n"
        "e2,c1,order,2011-06-01T09:00:00Z,,,85123A,\n"
        "e1,c1,order,2011-06-01 09:00:00,15.30,GBP,22423,6\n"
    )

    first, second = import_events(path), import_events(path)

    assert _counts(first) == {"rows": 3, "created": 2, "duplicate": 1, "rejected": 0}
    assert _counts(second) == {"rows": 3, "created": 0, "duplicate": 3, "rejected": 0}
    event = Event.objects.get(event_id="e1")
    assert event.occurred_at.isoformat() == "2011-06-01T08:00:00+00:00"
    assert event.properties == {"sku": 22423, "quantity": 6}


@pytest.mark.parametrize("name", ["people.csv.gz", "people.csv"])
def test_a_gzipped_file_is_known_by_its_content(in_acme: Retailer, file: Write, name: str) -> None:
    assert import_customers(file(gzip.compress(b"external_id\nc1\n"), name=name))["created"] == 1


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfexternal_id,city\r\nc1,Leeds\r\n",
        b"external_id,city\rc1,Leeds",
        b'"external_id", city\nc1,"Leeds"\n\n\n',
        b'external_id,city,first_name\nc1,Leeds,"Ana\nMaria"\n'.replace(b'"Ana\nMaria"', b'"Ana ""x"" Maria"'),
    ],
)
def test_marks_line_ends_quotes_and_blank_lines_of_other_programs_are_read(
    in_acme: Retailer, file: Write, content: bytes
) -> None:
    assert import_customers(file(content))["created"] == 1
    assert Customer.objects.get().city == "Leeds"


def test_a_long_file_is_committed_chunk_by_chunk_and_reports_progress(
    in_acme: Retailer, file: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHUNK", 2)
    seen: list[int] = []
    path = file("external_id\n" + "".join(f"c{n}\n" for n in range(5)))

    summary = importing.import_customers(path, now=in_acme.created_at, progress=seen.append)

    assert seen == [2, 4, 5]
    assert summary.counts["created"] == 5


# -- the bad ones ----------------------------------------------------------------------------------------------------


def test_bad_rows_go_to_the_reject_file_with_row_number_and_reason(in_acme: Retailer, file: Write) -> None:
    path = file("external_id,email,phone\nc1,c1@example.test,\nc2,nonsense,12\n,,\nc4,c4@example.test,\n")

    summary = import_customers(path)

    assert _counts(summary) == {"rows": 4, "created": 2, "updated": 0, "unchanged": 0, "rejected": 2}
    assert summary["rejects_path"] == f"{path}.rejects.csv"
    header, second, third = rejected(Path(summary["rejects_path"]))
    assert header == ["row", "reason", "external_id", "email", "phone"]
    assert second[0] == "3"
    assert "email: 'nonsense' is not an e-mail address" in second[1]
    assert "; phone: '12' is not a" in second[1]
    assert second[2:] == ["c2", "nonsense", "12"]
    assert third == ["4", "external_id: is required: it is your own id of the customer", "", "", ""]


def test_the_reject_file_goes_where_it_is_told_and_away_when_nothing_is_rejected(
    in_acme: Retailer, file: Write, tmp_path: Path
) -> None:
    rejects = tmp_path / "elsewhere.csv"

    import_customers(file("external_id,email\nc1,nonsense\n"), rejects=rejects)
    assert len(rejected(rejects)) == 2

    import_customers(file("external_id,email\nc1,c1@example.test\n"), rejects=rejects)
    assert not rejects.exists()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"c2,Caf\xe9 town", "city: holds bytes that are not UTF-8"),
        (b"c2,Le\0eds", "city: holds a line break or another control character"),
        (b"c2,Leeds,extra", "the row has 3 columns, the header 2"),
        (b"c2", "the row has 1 columns, the header 2"),
        (b'c2,"Leeds', "a quotation mark is opened and not closed"),
        (b'c2,"Leeds" or York', "the row cannot be read as CSV"),
        (b"c2," + b"x" * 1_500_000, "the line is longer than 1,000,000 characters"),
        (b"c2," + b"x" * 900_000, "the row cannot be read as CSV (field larger than"),
        (b'c2,"' + b"x" * 1_500_000, "the line is longer than 1,000,000 characters"),
    ],
)
def test_a_broken_row_is_rejected_alone(in_acme: Retailer, file: Write, line: bytes, reason: str) -> None:
    path = file(b"external_id,city\nc1,Leeds\n" + line + b"\nc3,York\nc4,Hull\n")

    summary = import_customers(path)

    assert _counts(summary) == {"rows": 4, "created": 3, "updated": 0, "unchanged": 0, "rejected": 1}
    (row,) = rejected(Path(summary["rejects_path"]))[1:]
    assert row[0] == "3"
    assert row[1].startswith(reason)


def test_bytes_that_are_no_text_come_out_of_the_reject_file_as_they_went_in(in_acme: Retailer, file: Write) -> None:
    summary = import_customers(file(b"external_id,city\nc1,Caf\xe9\n"))

    assert b"c1,Caf\xe9" in Path(summary["rejects_path"]).read_bytes()


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        ("", "f.csv", "the file is empty"),
        ("\n\n", "f.csv", "the file is empty"),
        ("email,city\na@example.test,Leeds\n", "f.csv", "the column 'external_id' is missing"),
        ("external_id;city\nc1;Leeds\n", "f.csv", "Found: 'external_id;city'"),
        ("external_id,colour\nc1,red\n", "f.csv", "the column 'colour' is unknown"),
        ("external_id,attributes.\nc1,red\n", "f.csv", "the column 'attributes.' is unknown"),
        ("external_id,city,city\nc1,a,b\n", "f.csv", "the column 'city' is there 2 times"),
        ('external_id,"city\nc1,a\n', "f.csv", "the header cannot be read"),
        ("external_id\nc1\n".encode("utf-16"), "f.csv", "looks like UTF-16"),
        ("external_id\nc1\n".encode("utf-16-le"), "f.csv", "looks like UTF-16"),
        ("external_id\nc1\n", "f.csv.gz", "is not gzipped"),
        (gzip.compress(b"external_id\n" + bytes(range(48, 58)) * 9, mtime=0)[:-9], "f.csv.gz", "damaged or incomplete"),
        (b"PK\x03\x04rest of a workbook", "f.csv", "zip or Excel file"),
    ],
)
def test_a_malformed_file_is_refused_with_its_reason_and_nothing_is_done(
    in_acme: Retailer, file: Write, content: str | bytes, name: str, told: str
) -> None:
    path = file(content, name=name)

    with pytest.raises(CommandError, match=told):
        import_customers(path)

    assert not Customer.objects.exists()
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_not_there_is_named(in_acme: Retailer, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"There is no file .*absent\.csv"):
        import_events(tmp_path / "absent.csv")
    with pytest.raises(CommandError, match="cannot be opened"):
        import_events(tmp_path)


def test_a_reject_file_that_cannot_be_written_is_told_before_anything_is_imported(
    in_acme: Retailer, file: Write
) -> None:
    path = file("external_id\nc1\n")

    for rejects in (path, path.parent / "absent" / "rejects.csv"):
        with pytest.raises(CommandError, match="Nothing was imported"):
            import_customers(path, rejects=rejects)

    assert not Customer.objects.exists()
    assert path.read_text() == "external_id\nc1\n"


def test_the_printed_summary_tells_counts_and_where_the_rejected_rows_are(in_acme: Retailer, file: Write) -> None:
    path = file("external_id,email\nc1,\nc2,nonsense\n")
    out = io.StringIO()

    call_command("import_customers", "acme", str(path), stdout=out)

    assert "1 created, 0 updated, 0 unchanged, 1 rejected." in out.getvalue()
    assert f"{path}.rejects.csv" in out.getvalue()


def _run(command: str, path: Path, **options: Any) -> dict[str, Any]:
    out = io.StringIO()
    call_command(command, "acme", str(path), json=True, stdout=out, **options)
    return dict(json.loads(out.getvalue()))


def _counts(summary: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in summary.items() if name not in {"seconds", "rejects_path"}}

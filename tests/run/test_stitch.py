"""Where a run comes together: what must be unique over a run, and findings in file order."""

from __future__ import annotations

import json

import pytest

from feedbridge.findings import Finding, Severity
from feedbridge.platforms import platforms
from feedbridge.platforms.base import Outcome
from feedbridge.rules import Problem
from feedbridge.run.engine import run
from feedbridge.run.process import Chunk, Entry
from feedbridge.run.stitch import FindingFile, Stitcher
from tests.mapping.trial import Rows
from tests.run.runs import job_of, made

FLAT = 'feedbridge: 1\nproduct: {sku: Id, title: Name, price: {from: Price, currency: EUR, decimal: "."}}\n'
ROWS = """\
feedbridge: 1
records: {one: variant, group_by: Group}
product: {sku: Group, title: Name}
variant: {sku: Id, price: {from: Price, currency: EUR, decimal: "."}, options: [{name: {value: Size}, value: Size}]}
"""


def stitched(
    *products: tuple[tuple[str, ...], tuple[tuple[str, str], ...]], platform: str = "flickrocket"
) -> tuple[Stitcher, list[Finding]]:
    """Products as (keys, claims), one chunk each, through a stitcher that writes nothing."""
    found = FindingFile(None)
    stitcher = Stitcher([platforms()[platform]], [], found, None, [Rows(["a"], [])], None)
    for number, (keys, claims) in enumerate(products):
        entry = Entry(number + 2, 0, "", keys[0], 0, 1, "w", [Outcome(b"{}", keys, claims)])
        stitcher.take(Chunk(0, [entry], [], []), True)
    stitcher.check_law()
    found.finish([])
    return stitcher, found.kept


def turned_away(stitcher: Stitcher) -> list[int]:
    return [late.line for late in stitcher.late]


@pytest.mark.parametrize(
    ("products", "away"),
    [
        pytest.param([("A",), ("B",)], [], id="different"),
        pytest.param([("A",), ("A",)], [3], id="equal"),
        pytest.param([("A", "A1"), ("B", "A1")], [3], id="a variant's"),
        pytest.param(
            [("A", "A1"), ("B", "B1", "A1"), ("C", "B1")],
            [3],
            id="what a product that is turned away brought does not count",
        ),
        pytest.param([("A",), ("A",), ("A",)], [3, 4], id="again and again"),
    ],
)
@pytest.mark.parametrize("platform", ["flipsnack", "magento"])
def test_keys_are_unique_over_a_run(products, away, platform):
    stitcher, _ = stitched(*((keys, ()) for keys in products), platform=platform)
    assert turned_away(stitcher) == away
    assert stitcher.counts[0].products.held_back == len(away)


def by_case(products: list[tuple[str, ...]], severity: Severity) -> list[int] | None:
    for name, platform in platforms().items():
        if platform.unique_case is not None and platform.unique_case.severity is severity:
            stitcher, _ = stitched(*((keys, ()) for keys in products), platform=name)
            return turned_away(stitcher)
    return None


def test_keys_that_differ_in_case():
    strict = by_case([("tee",), ("Tee",)], Severity.ERROR)
    assert strict in (None, [3])
    if (lenient := by_case([("tee",), ("Tee",), ("TEE",), ("Tee",)], Severity.WARNING)) is not None:
        assert lenient == [5]
        # the spelling of a product that is turned away for another key is free again
        assert by_case([("tee",), ("x",), ("Tee", "x"), ("Tee",)], Severity.WARNING) == [4]


@pytest.mark.parametrize(
    ("claims", "away"),
    [
        pytest.param([(("gold", "5"),), (("gold", "5"),)], [], id="the same content"),
        pytest.param([(("gold", "5"),), (("gold", "6"),)], [3], id="other content"),
        pytest.param([(("gold", "5"), ("gold", "6"))], [2], id="other content in the same product"),
        pytest.param(
            [(("gold", "5"),), (("new", "1"), ("gold", "6")), (("new", "2"),)],
            [3],
            id="what a product that is turned away claimed does not count",
        ),
    ],
)
def test_a_name_stands_for_one_content(claims, away):
    stitcher, _ = stitched(*(((f"P{number}",), own) for number, own in enumerate(claims)))
    assert turned_away(stitcher) == away


# in whole runs


def test_a_twin_is_named_with_its_column_on_every_platform(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(
        "Group,Id,Name,Price,Size\ng,A-M,G,1.00,M\ng,A-L,G,1.00,L\nh,B-M,H,1.00,M\nh,A-L,H,1.00,L\n", encoding="utf-8"
    )
    result = made(job_of(path, ROWS, ["flipsnack", "magento"]), tmp_path / "out")
    result.keeps_the_law()
    errors = [finding for finding in result.findings if finding["severity"] == "error"]
    assert [(error["platform"], error["line"], error["column"], error["sku"]) for error in errors] == [
        ("flipsnack", 5, "Id", "A-L"),
        ("magento", 5, "Id", "A-L"),
    ]


def test_twins_in_two_files(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text("Id,Name,Price\nA,Pot,5.00\n", encoding="utf-8")
    result = made(job_of([tmp_path / "one.csv", tmp_path / "two.csv"], FLAT, ["flipsnack"]), tmp_path / "out")
    (error,) = [finding for finding in result.findings if finding["severity"] == "error"]
    assert (error["file"], error["line"]) == ("two.csv", 2) and "one.csv:2" in error["message"]
    assert list(name for name in result.tree if name.startswith("quarantine/")) == ["quarantine/two.csv"]


def test_twins_in_documents_are_named_by_their_pointer(tmp_path):
    path = tmp_path / "pim.json"
    path.write_text(
        json.dumps([{"sku": sku, "title": "x", "price": 5} for sku in ("A", "B", "A", "A")]), encoding="utf-8"
    )
    result = made(job_of(path, "pim-json", ["flipsnack"], set={"currency": "EUR"}), tmp_path / "out")
    assert [finding["pointer"] for finding in result.findings if finding["severity"] == "error"] == ["/2", "/3"]
    assert [f["message"] for f in result.findings if f["severity"] == "error"] == [
        '"A" was there before, at pim.json:1#/0'
    ] * 2
    assert result.counts("flipsnack")["written"] == 2


def test_findings_stand_in_file_order_also_the_late_ones(tmp_path):
    rows = ["A,Pot,5.00", "B,Pot,x", "A,Twin,5.00", "C,Pot,x", "B,Pot,5.00", "C,Pot,y", "A,Twin,5.00"]
    path = tmp_path / "x.csv"
    path.write_text("Id,Name,Price\n" + "\n".join(rows) + "\n", encoding="utf-8")
    result = made(job_of(path, FLAT, ["flipsnack"]), tmp_path / "out")
    assert [finding["line"] for finding in result.findings if finding["severity"] == "error"] == [3, 4, 5, 7, 8]
    checked = run(job_of(path, FLAT, ["flipsnack"]), None)
    assert [finding.to_dict() for finding in checked.findings.kept] == result.findings


def test_late_findings_go_to_their_places(tmp_path):
    for path in (tmp_path / "findings.jsonl", None):
        file = FindingFile(path)
        for order in (1, 1, 3, 7):
            file.add(order, finding(f"early.{order}"))
        file.finish([(5, finding("late.5")), (1, finding("late.1")), (9, finding("late.9"))])
        codes = (
            [json.loads(line)["code"] for line in path.read_bytes().splitlines()]
            if path
            else [one.code for one in file.kept]
        )
        assert codes == ["early.1", "early.1", "late.1", "early.3", "late.5", "early.7", "late.9"]
        assert file.codes.total() == 7 and file.severities == {"error": 7}


def test_the_first_few_of_each_code_are_kept_and_all_are_counted():
    file = FindingFile(None)
    for _ in range(50):
        file.add(1, finding("x.y"))
    file.finish([])
    assert len(file.first["x.y"]) == FindingFile.EXAMPLES and file.codes == {"x.y": 50}


def finding(code: str) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, message="is wrong")


def test_problems_have_a_field_and_a_message():
    assert Problem("sku", "x").value == "" and Problem("sku", "x").mend == ""

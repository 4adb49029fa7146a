"""Parcels out and tracking numbers in, over real HTTP against the sandbox."""

from __future__ import annotations

import csv
import io
import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from feedbridge.errors import CommandError
from feedbridge.platforms.flickrocket.client import BurstRate, Client, connect
from feedbridge.platforms.flickrocket.fulfillments import (
    COLUMNS,
    RESULT_COLUMNS,
    Tracking,
    export,
    guarded,
    parcels,
    read_tracking,
    results,
    write_results,
)
from feedbridge.platforms.flickrocket.hosts import hosts_of
from feedbridge.platforms.flickrocket.resources import Fulfillment
from feedbridge.platforms.flickrocket.tokens import Tokens, TokenStore
from feedbridge.sandbox.keys import FLICKROCKET_CLIENT_ID, FLICKROCKET_REFRESH_TOKEN
from feedbridge.sandbox.server import SandboxServer

EVIL = "=HYPERLINK(\"http://evil.example\")"


@pytest.fixture(scope="module")
def box(tmp_path_factory) -> Iterator[SandboxServer]:
    with SandboxServer(data=tmp_path_factory.mktemp("sandbox"), port=0) as running:
        yield running


@pytest.fixture
def shop(box: SandboxServer, tmp_path_factory) -> Iterator[Client]:
    box.store.reset()
    box.set_faults([])
    store = TokenStore(tmp_path_factory.mktemp("shop") / "tokens")
    store.write("default", Tokens(
        "", FLICKROCKET_REFRESH_TOKEN, datetime(2000, 1, 1, tzinfo=UTC), FLICKROCKET_CLIENT_ID, "1202", "products,orders",
        "this machine",
    ))
    hosts = hosts_of({"FEEDBRIDGE_FLICKROCKET_HOSTS": f"{box.url}/flickrocket"})
    with connect(store=store, hosts=hosts, environment={}, rate=BurstRate(per_second=0), pause_seconds=0.02, tries=3) as client:
        yield client
    box.set_faults([])


def asked(box: SandboxServer, path: str, given: Any = None, method: str = "GET") -> Any:
    data = None if given is None else json.dumps(given).encode()
    request = urllib.request.Request(f"{box.url}{path}", data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def changes(box: SandboxServer) -> list[str]:
    return [call["action"] for call in reversed(box.calls(1000)) if call["action"].startswith("PUT")]


def file(folder: Path, text: str | bytes) -> Path:
    path = folder / "tracking.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def order(number: str, **members: Any) -> dict[str, Any]:
    return {"id": number, "created_at": "2024-03-04T10:15:00", "status": 0, "tracking_number": "", **members}


def as_csv(rows: Any) -> list[dict[str, str]]:
    out = io.BytesIO()
    export(rows, "csv", out)
    return list(csv.DictReader(io.StringIO(out.getvalue().decode(), newline="")))


# Out.


def test_a_row_a_line_item(shop):
    rows = as_csv(parcels(shop.fulfillments()))
    assert list(rows[0]) == list(COLUMNS)
    assert rows[0] == {
        "order": "267227", "created_at": "2024-03-04T10:15:00Z", "status": "open", "tracking": "", "tracking_url": "",
        "shipping_model": "Standard parcel", "line": "1", "lines": "1", "quantity": "1", "product_id": "142997",
        "long_id": "0001-26ED-EA4F-AA34", "title": "Field recordings", "version": "1", "gtin": "4006381333931",
        "weight_grams": "160", "name": "Ada Brandt", "first_name": "Ada", "last_name": "Brandt", "company": "",
        "address1": "Hafenstraße 7", "address2": "", "zip": "20457", "city": "Hamburg", "province": "", "province_code": "",
        "country_name": "Germany", "country_code": "DE",
    }
    assert (rows[1]["order"], rows[1]["status"], rows[1]["tracking"]) == ("267228", "complete", "00340434161094000001")


def test_parcels_of_any_shape():
    rows = list(parcels([
        Fulfillment.model_validate(order("1", line_items=[{"id": 1, "Quantity": 2}, {"id": 2, "Quantity": 3, "Weight_Grams": 5}])),
        Fulfillment.model_validate(order("2", tracking_number="A, B", status=50)),
        Fulfillment.model_validate({"id": "3"}),
    ]))
    assert [(row["order"], row["line"], row["lines"], row["quantity"]) for row in rows] == [
        ("1", 1, 2, 2), ("1", 2, 2, 3), ("2", 1, 0, None), ("3", 1, 0, None)]
    assert (rows[1]["weight_grams"], rows[2]["tracking"], rows[2]["status"], rows[3]["status"]) == ("5", "A,B", "50", "")
    assert all(tuple(row) == COLUMNS for row in rows)


@pytest.mark.parametrize(("text", "cell"), [
    pytest.param("=1+1", "'=1+1", id="formula"),
    pytest.param("+49 40 1", "'+49 40 1", id="plus"),
    pytest.param("-1", "'-1", id="minus"),
    pytest.param("@SUM(A1)", "'@SUM(A1)", id="at"),
    pytest.param("'=1", "''=1", id="guarded already"),
    pytest.param("＝1+1", "'＝1+1", id="wide sign"),
    pytest.param("a=1", "a=1", id="inside"),
    pytest.param("", "", id="nothing"),
    pytest.param("'s-Gravenhage", "'s-Gravenhage", id="a town"),
])
def test_cells_are_guarded(text, cell):
    assert guarded(text) == cell


def hostile() -> Iterator[dict[str, Any]]:
    return parcels([Fulfillment.model_validate(order("1", customer={
        "name": EVIL, "address1": "a\r\nb\tc\x00d", "zip": "01067", "city": "Köln \U0001f4e6", "company": "\x1b[31m"},
        line_items=[{"id": 7, "title": "-2+3", "Quantity": -1}]))])


def test_csv_runs_nothing():
    (row,) = as_csv(hostile())
    assert (row["name"], row["title"], row["quantity"]) == (f"'{EVIL}", "'-2+3", "-1")
    assert (row["address1"], row["zip"], row["city"], row["company"]) == ("a b c d", "01067", "Köln \U0001f4e6", "[31m")


def test_workbook_runs_nothing_and_keeps_zeros():
    out = io.BytesIO()
    assert export(hostile(), "xlsx", out) == 1
    sheet = load_workbook(io.BytesIO(out.getvalue()))["parcels"]
    header, row = sheet.iter_rows()
    cells = {name.value: cell for name, cell in zip(header, row, strict=True)}
    assert tuple(cells) == COLUMNS
    assert (cells["name"].value, cells["name"].data_type, cells["title"].data_type) == (EVIL, "s", "s")
    assert (cells["zip"].value, cells["quantity"].value, cells["quantity"].data_type) == ("01067", -1, "n")


def test_json_is_as_it_is():
    out = io.BytesIO()
    assert export(hostile(), "json", out) == 1
    (row,) = json.loads(out.getvalue())
    assert (row["name"], row["zip"], row["quantity"]) == (EVIL, "01067", -1)
    empty = io.BytesIO()
    assert export(iter(()), "json", empty) == 0
    assert json.loads(empty.getvalue()) == []


@pytest.mark.parametrize(("given", "orders"), [
    pytest.param({"state": "open"}, ["267227"], id="open"),
    pytest.param({"state": "complete"}, ["267228"], id="complete"),
    pytest.param({"created_at_min": "2024-03-05"}, ["267228"], id="from"),
    pytest.param({"created_at_max": "2024-03-04"}, ["267227"], id="until"),
    pytest.param({"created_at_max": "2024-03-03"}, [], id="none"),
])
def test_which_parcels(shop, given, orders):
    assert [row["order"] for row in parcels(shop.fulfillments(**given))] == orders


def test_rows_come_before_the_list_is_at_its_end(box, shop):
    asked(box, "/_/flickrocket/fulfillments", [order(str(300000 + number)) for number in range(120)], "PUT")
    rows = parcels(shop.fulfillments())
    next(rows)
    assert len([call for call in box.calls(1000) if "fulfillments" in call["action"]]) == 1
    assert sum(1 for _ in rows) == 119


# In.


@pytest.mark.parametrize(("text", "found"), [
    pytest.param("order,tracking\n267227,A1\n", [Tracking("267227", ("A1",), None, 2)], id="two columns"),
    pytest.param("Order;Tracking;State\r\n267227;A1,B2;complete\r\n", [Tracking("267227", ("A1", "B2"), 100, 2)], id="semicolons"),
    pytest.param("order\ttracking\tstate\n1\t\t0\n", [Tracking("1", (), 0, 2)], id="tabs, state only"),
    pytest.param('\ufefforder,tracking,state\n1,"A, B",100\n', [Tracking("1", ("A", "B"), 100, 2)], id="mark and quotes"),
    pytest.param("name,order,tracking\nx,1,A\n", [Tracking("1", ("A",), None, 2)], id="other columns"),
    pytest.param("order,tracking\n1,A\n\n,\n1,\n1,A\n2,\n", [Tracking("1", ("A",), None, 2)], id="rows that say nothing, or the same"),
    pytest.param("order,tracking,state\n1,,open\n1,A,\n", [Tracking("1", ("A",), 0, 2)], id="one order in two rows"),
    pytest.param("order,tracking\n1,A1;A2\n", [Tracking("1", ("A1", "A2"), None, 2)], id="semicolon in a cell"),
    pytest.param("order,tracking\n1,A1 ; A2|A3\n", [Tracking("1", ("A1", "A2", "A3"), None, 2)], id="blanks and a bar"),
    pytest.param("order;tracking\n1;A1,A2|A3\n", [Tracking("1", ("A1", "A2", "A3"), None, 2)], id="comma in a cell"),
    pytest.param("order,tracking\n1,1Z 999 AA1\n", [Tracking("1", ("1Z 999 AA1",), None, 2)], id="blanks alone part nothing"),
    pytest.param("order,tracking\n1,%(00)34-A/1.x_\n", [Tracking("1", ("%(00)34-A/1.x_",), None, 2)], id="signs of labels"),
    pytest.param("\ufeffsep=;\r\norder;tracking\r\n1;A,B\r\n", [Tracking("1", ("A", "B"), None, 3)], id="Excel's first line"),
    pytest.param('"sep=|"\norder|a,b;c,d;e|tracking\n1|x|A\n', [Tracking("1", ("A",), None, 3)], id="in quotes, another delimiter"),
    pytest.param(f"order,tracking\n1,{'9' * 64}\n", [Tracking("1", ("9" * 64,), None, 2)], id="64 characters"),
    pytest.param("order,tracking\n", [], id="empty"),
])
def test_tracking_file_is_read(tmp_path, text, found):
    assert read_tracking(file(tmp_path, text)) == found


@pytest.mark.parametrize(("row", "column", "told"), [
    pytest.param(f"1,{'9' * 65}", "tracking", "65 characters", id="K33: too long"),
    pytest.param(f'1,"{"9" * 40},{"8" * 24}"', "tracking", "65 characters", id="K33: with its comma"),
    pytest.param(f"1,{'9' * 40};{'8' * 24}", "tracking", "65 characters", id="K33: with a semicolon"),
    pytest.param("1,A,50", "State", '"50" is no state', id="K33: state"),
    pytest.param("1,A,sent", "State", '"sent" is no state', id="K33: word"),
    pytest.param(",A", "order", "names no order", id="no order"),
    pytest.param("1/../2,A", "order", "no id of an order", id="path"),
    pytest.param("open,A", "order", "no id of an order", id="a word of the API"),
    pytest.param("1,3.40434E+17", "tracking", "lost digits", id="spoilt by a spreadsheet"),
    pytest.param('1,"3,40434E+17"', "tracking", "lost digits", id="spoilt by a German one"),
    pytest.param('1,"A1;3,40434E+17"', "tracking", "lost digits", id="the second spoilt"),
    pytest.param("2.67E+05,A", "order", "lost digits", id="order spoilt"),
    pytest.param('1,"A,,B"', "tracking", "no tracking numbers", id="empty number"),
    pytest.param("1,A1;", "tracking", "no tracking numbers", id="separator at the end"),
    pytest.param('1,"A\x07"', "tracking", "a control character (U+0007)", id="control character"),
    pytest.param('1,"A1\nA2"', "tracking", "a control character (U+000A)", id="line break"),
    pytest.param("1,=HYPERLINK(1)", "tracking", 'begins with "="', id="formula"),
    pytest.param('1,"=A1;B1"', "tracking", '"=A1;B1" begins with "="', id="formula with a separator"),
    pytest.param("1,A1;+B1", "tracking", '"+B1" begins with "+"', id="formula behind a separator"),
    pytest.param("1,@A1", "tracking", 'begins with "@"', id="at"),
    pytest.param("1,-", "tracking", 'begins with "-"', id="a dash for none"),
    pytest.param("1,'-A1", "tracking", 'begins with "-"', id="guarded formula"),
    pytest.param("1,#NAME?", "tracking", 'begins with "#"', id="error of a spreadsheet"),
    pytest.param("1,ÄÖ ß", "tracking", "LATIN CAPITAL LETTER A WITH DIAERESIS (U+00C4)", id="umlauts"),
    pytest.param("1,1Z\u00a0999", "tracking", "NO-BREAK SPACE (U+00A0)", id="a blank from a page"),
    pytest.param("1,１２", "tracking", "FULLWIDTH DIGIT ONE", id="wide digits"),
    pytest.param("1,A,,B", "", "has 4 cells, and the header 3", id="comma without quotes"),
    pytest.param("7,B", "tracking", "other tracking numbers than in line 2", id="two answers"),
    pytest.param("7,A,complete", "State", "another state than in line 2", id="two states"),
])
def test_a_wrong_line_is_refused_and_the_others_go_on(tmp_path, row, column, told):
    path = file(tmp_path, f"order, tracking ,State\n7,A,open\n{row}\n8,C1,complete\n")
    found = read_tracking(path)
    (refused,) = [one for one in found if one.fault is not None]
    assert (refused.line, refused.numbers, refused.state, found[-1].order) == (3, (), None, "8")
    named = f', column "{column}"' if column else ""
    order = f", order {refused.order}" if refused.order else ""
    assert refused.fault.where == f"{path}:3{named}{order}"
    assert told in refused.fault.message
    assert refused.fault.code == "flickrocket.K33" and refused.fault.mend
    assert [one.order for one in found if one.fault is None] == (["8"] if row.startswith("7") else ["7", "8"])


def test_an_order_with_a_wrong_line_is_refused_whole(tmp_path):
    found = read_tracking(file(tmp_path, "order,tracking\n1,A\n2,B\n1,=B\n1,A\n1,ß\n"))
    assert [(one.order, one.line, one.fault is None) for one in found] == [("2", 3, True), ("1", 4, False), ("1", 6, False)]


@pytest.mark.parametrize(("text", "told"), [
    pytest.param("id,tracking\n1,A\n", "order", id="no column"),
    pytest.param("sep=;\norder,tracking\n1,A\n", "order", id="another delimiter than told"),
    pytest.param("", "order", id="nothing"),
    pytest.param('order,tracking\n1,"A\n', "line 2", id="quote that is not closed"),
    pytest.param('sep=,\norder,tracking\n1,"A\n', "line 3", id="quote that is not closed, behind Excel's line"),
    pytest.param(b"order,tracking\n1,\xff\n", "UTF-8", id="no UTF-8"),
])
def test_a_file_that_cannot_be_read_is_refused_whole(tmp_path, text, told):
    with pytest.raises(CommandError) as caught:
        read_tracking(file(tmp_path, text))
    assert told in caught.value.message and "nothing was sent" in caught.value.message
    assert caught.value.code == "flickrocket.K33" and caught.value.mend


@pytest.mark.parametrize("dry_run", [True, False])
def test_orders_with_a_wrong_line_are_told_and_the_others_sent(box, shop, tmp_path, dry_run):
    path = file(tmp_path, "order,tracking\n267228,=HYPERLINK(1)\n267227,A1;A2\n")
    found = list(results(shop, read_tracking(path), dry_run=dry_run))
    assert [(one.tracking.order, one.result) for one in found] == [
        ("267228", "refused"), ("267227", "would send" if dry_run else "sent")]
    assert found[0].row() == {
        "order": "267228", "result": "refused", "tracking_before": "", "tracking": "", "state_before": "", "state": "", "line": 2,
        "message": f'{path}:2, column "tracking", order 267228: "=HYPERLINK(1)" begins with "=", as formulas and errors of a '
        "spreadsheet do and tracking numbers do not [flickrocket.K33] mend: write the number itself, in a column formatted as text",
    }
    assert changes(box) == ([] if dry_run else ["PUT api/fulfillments/267227.json"])
    assert [one.tracking for one in shop.fulfillments()] == ["" if dry_run else "A1,A2", "00340434161094000001"]


def test_missing_tracking_file(tmp_path):
    with pytest.raises(CommandError):
        read_tracking(tmp_path / "none.csv")


def test_only_what_differs_is_sent_and_only_once(box, shop, tmp_path):
    wanted = read_tracking(file(
        tmp_path, "order,tracking,state\n267227,\"A1,B2\",complete\n267228,00340434161094000001,complete\n"))
    dry = list(results(shop, wanted, dry_run=True))
    assert [one.result for one in dry] == ["would send", "same"]
    assert changes(box) == []
    first = list(results(shop, wanted))
    assert [one.result for one in first] == ["sent", "same"]
    assert first[0].row() == {
        "order": "267227", "result": "sent", "tracking_before": "", "tracking": "A1,B2", "state_before": "open",
        "state": "complete", "line": 2, "message": "",
    }
    assert changes(box) == ["PUT api/fulfillments/267227.json"]
    assert [one.result for one in results(shop, wanted)] == ["same", "same"]
    assert len(changes(box)) == 1
    parcel = shop.fulfillment("267227")
    assert (parcel.tracking_numbers, parcel.state) == (("A1", "B2"), 100)


def test_what_the_file_does_not_say_stays(shop, tmp_path):
    list(results(shop, read_tracking(file(tmp_path, "order,tracking,state\n267227,A1,\n267228,,open\n"))))
    assert [(one.tracking, one.state) for one in shop.fulfillments()] == [("A1", 0), ("00340434161094000001", 0)]


def test_exported_file_goes_back_in(shop, tmp_path):
    out = tmp_path / "parcels.csv"
    with out.open("wb") as opened:
        export(parcels(shop.fulfillments()), "csv", opened)
    text = out.read_text(encoding="utf-8").replace("open,,", "open,A1,")
    out.write_text(text, encoding="utf-8")
    assert [(one.tracking.order, one.result) for one in results(shop, read_tracking(out))] == [
        ("267227", "sent"), ("267228", "same")]
    assert shop.fulfillment("267227").state == 0  # its column "status" is not a wish


def test_one_order_that_is_refused_does_not_stop_the_others(box, shop, tmp_path):
    wanted = read_tracking(file(tmp_path, "order,tracking\n999,A\n267228,B\n267227,C\n"))
    box.set_faults(["reject:267228"])
    found = list(results(shop, wanted))
    assert [one.result for one in found] == ["failed", "failed", "sent"]
    assert all(one.message for one in found[:2]) and found[2].well


def test_flickrocket_down_stops_and_the_rest_is_not_tried(box, shop, tmp_path):
    wanted = read_tracking(file(tmp_path, "order,tracking\n267227,A\n267228,B\n"))
    assert shop.fulfillment("267227").state == 0
    box.set_faults(["flickrocket/503:all"])
    found = list(results(shop, wanted))
    assert [one.result for one in found] == ["failed", "not tried"]
    assert found[0].error is not None and found[1].error is None
    box.set_faults([])
    assert [one.result for one in results(shop, wanted)] == ["sent", "sent"]


def test_lost_answer_is_asked_again(box, shop, tmp_path):
    wanted = read_tracking(file(tmp_path, "order,tracking\n267227,A\n"))
    shop.fulfillment("267227")
    box.set_faults(["flickrocket/drop-after:3"])  # GET, GET, PUT
    assert [one.result for one in results(shop, wanted)] == ["sent"]
    assert shop.fulfillment("267227").tracking == "A"


def test_result_file(shop, tmp_path):
    out = io.BytesIO()
    found = results(shop, read_tracking(file(tmp_path, "order,tracking,state\n267227,A,open\n999,=B,\n999,B,\n")), dry_run=True)
    assert write_results(found, out) == 2
    rows = list(csv.DictReader(io.StringIO(out.getvalue().decode(), newline="")))
    assert tuple(rows[0]) == RESULT_COLUMNS
    assert [(row["order"], row["result"], row["tracking"]) for row in rows] == [
        ("267227", "would send", "A"), ("999", "refused", "")]

"""What runs tell: one alert a problem and not one a run, whatever the problem; metrics of every run."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from feedbridge.errors import FeedbridgeError
from feedbridge.sync.ledger_errors import JobRunning
from feedbridge.sync.syncing import Report
from tests.sync.shops import Box, Shop, goods, sandbox


class Receiver:
    """Takes alerts by POST. ``answers``: the HTTP status it gives."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.answers = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if receiver.answers == 200:
                    receiver.told.append(body)
                self.send_response(receiver.answers)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook?token=s3cret-token"

    def words(self) -> list[str]:
        return [json.dumps(one) for one in self.told]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with sandbox(tmp_path_factory.mktemp("telling")) as one:
        yield one


@pytest.fixture
def shop(tmp_path: Path, box: Box, receiver: Receiver) -> Iterator[Shop]:
    shop = Shop(
        tmp_path / tmp_path.name, box, environment={"FEEDBRIDGE_ALERT_WEBHOOK": receiver.url},
        alerts={"on": ["held", "failed", "products", "source"]},
    )
    shop.feed(goods(8))
    assert shop.sync().status == 0
    yield shop
    box.faults()


def half(shop: Shop) -> None:
    shop.feed(goods(2))


def down(shop: Shop) -> None:
    shop.feed(goods(9))
    shop.box.faults("wrong-key")


def bad(shop: Shop) -> None:
    shop.feed(goods(7) | {"P008": {"price": "12,5O"}})


def gone(shop: Shop) -> None:
    shop.source.unlink()


def run(shop: Shop) -> Report | FeedbridgeError:
    try:
        return shop.sync()
    except FeedbridgeError as exc:
        return exc


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        pytest.param(half, "shrunken-source", id="a guard holds"),
        pytest.param(down, "flipsnack", id="delivery fails"),
        pytest.param(bad, "cell.price-format", id="a product is held back"),
        pytest.param(gone, "shop.csv", id="the source is not there"),
    ],
)
def test_one_alert_a_problem_and_one_when_it_is_over(shop: Shop, receiver: Receiver, problem: Any, said: str):
    problem(shop)
    for _ in range(3):
        run(shop)
    assert len(receiver.told) == 1
    assert said in receiver.words()[0]
    shop.box.faults()
    shop.feed(goods(8))
    for _ in range(2):
        assert shop.sync().status == 0
    assert len(receiver.told) == 2
    assert "over" in receiver.words()[1]
    problem(shop)
    run(shop)
    assert len(receiver.told) == 3  # a new problem of the same kind


def test_an_alert_that_is_not_taken_is_tried_again_and_never_changes_the_run(shop: Shop, receiver: Receiver):
    receiver.answers = 500
    half(shop)
    report = shop.sync()
    assert report.status == 4
    assert report.warnings and "s3cret" not in " ".join(report.warnings)
    receiver.answers = 200
    shop.sync()
    shop.sync()
    assert len(receiver.told) == 1


def test_a_second_run_beside_the_first_is_no_problem_to_tell(shop: Shop, receiver: Receiver):
    with shop.opened() as sync, sync.ledger.lease(sync.row.id, run="held"), pytest.raises(JobRunning):
        sync.sync()
    assert receiver.told == []


def test_each_target_and_each_guard_is_a_problem_of_its_own(tmp_path: Path, box: Box, receiver: Receiver):
    shop = Shop(
        tmp_path / tmp_path.name, box, to=["flipsnack", "magento"], environment={"FEEDBRIDGE_ALERT_WEBHOOK": receiver.url},
    )
    shop.feed(goods(8))
    assert shop.sync().status == 0
    for number, name in ((9, "flipsnack"), (10, "magento"), (11, "magento")):
        shop.feed(goods(number))
        box.faults(f"{name}/wrong-key")
        assert shop.sync().status == 3
    box.faults()
    assert shop.sync().status == 0
    half(shop)
    assert shop.sync().status == 4
    shop.feed(goods(11))
    shop.source.write_text(shop.source.read_text().replace("Vendor", "Maker", 1))
    assert shop.sync().status == 4
    titles = [one["title"].removeprefix("feedbridge job shop: ") for one in receiver.told]
    assert titles == [
        "delivery failed (flipsnack)", "delivery failed (magento)", "over: delivery failed (flipsnack)",
        "over: delivery failed (magento)", "held by 2 guards", "held by the guard lost-column",
    ]


@pytest.mark.parametrize(("hours", "told"), [(23, 0), (25, 1)])
def test_a_run_that_has_the_job_for_a_day_is_told_of_once(shop: Shop, receiver: Receiver, hours: int, told: int):
    with shop.opened() as holder, holder.ledger.lease(holder.row.id, run="hangs"):
        later = datetime.now(UTC) + timedelta(hours=hours)
        for _ in range(3):
            with shop.opened(clock=lambda: later) as sync, pytest.raises(JobRunning):
                sync.sync()
    assert [one["title"] for one in receiver.told] == ["feedbridge job shop: a run does not come to its end"] * told
    assert shop.sync().status == 0
    assert len(receiver.told) == 2 * told


def test_metrics_keep_the_last_success(shop: Shop, tmp_path: Path):
    shop.sync(metrics=tmp_path)
    before = (tmp_path / "feedbridge_shop.prom").read_text()
    half(shop)
    shop.sync(metrics=tmp_path)
    after = (tmp_path / "feedbridge_shop.prom").read_text()

    def success(text: str) -> str:
        return next(line for line in text.splitlines() if line.startswith("feedbridge_last_success_timestamp_seconds{"))

    assert success(before) == success(after)
    assert 'feedbridge_last_run_status{job="shop"} 4' in after


def test_metrics_that_cannot_be_written_are_a_warning(shop: Shop, tmp_path: Path):
    report = shop.sync(metrics=tmp_path / "no such folder" / "metrics")
    assert report.status == 0
    assert any("metrics" in warning for warning in report.warnings)

"""``plan``, ``apply``, ``sync``, ``status``, ``quarantine`` and ``ids``, as they are typed."""

from __future__ import annotations

import json
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import feedbridge
from feedbridge.cli import run
from feedbridge.sandbox import keys
from tests.sync.shops import Shop, goods, sandbox

Typed = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with sandbox(tmp_path) as box:
        shop = Shop(tmp_path / "shop", box)
        shop.feed(goods(6))
        monkeypatch.chdir(shop.folder)
        for name, value in shop.environment.items():
            monkeypatch.setenv(name, value)
        yield shop


@pytest.fixture
def typed(capfd: pytest.CaptureFixture[str]) -> Typed:
    """Type a command: its exit status, stdout, stderr."""

    def typed(*words: str | Path) -> tuple[int, str, str]:
        status = run([str(word) for word in words])
        told = capfd.readouterr()
        assert "Traceback" not in told.err
        return status, told.out, told.err

    return typed


def test_sync_says_what_it_did(shop: Shop, typed: Typed):
    status, out, err = typed("sync", "shop")
    assert (status, out) == (0, "")
    assert "6 created (1 call)" in err
    shop.is_as_its_feed()
    assert typed("sync", "--quiet") == (0, "", "")


def test_sync_as_json(shop: Shop, typed: Typed):
    status, out, _ = typed("sync", "shop", "--json")
    told = json.loads(out)
    assert (status, told["status"], told["job"], told["kind"]) == (0, 0, "shop", "sync")
    assert told["targets"][0]["done"] == {"created": 6}
    assert (told["targets"][0]["calls"], told["holds"]) == (1, [])


def test_log_is_one_object_a_line_with_the_run_in_each(shop: Shop, typed: Typed):
    shop.feed(goods(5) | {"BAD": {"price": "12,5O"}})
    status, _, err = typed("sync", "shop", "--log-format", "json")
    lines = [json.loads(line) for line in err.splitlines()]
    assert status == 1
    assert {"run.started", "intending", "calling", "answered", "written", "run.finished", "result"} <= {
        line["event"] for line in lines
    }
    assert len({line["run"] for line in lines}) == 1
    assert all(line["run"] for line in lines)


def test_log_of_a_run_that_failed_names_it_in_its_error_too(shop: Shop, typed: Typed):
    (shop.folder / "shop.csv").write_text("")
    status, _, err = typed("sync", "shop", "--log-format", "json")
    lines = [json.loads(line) for line in err.splitlines()]
    assert (status, lines[-1]["event"], lines[-1]["status"]) == (3, "error", 3)
    assert {line["run"] for line in lines} == {lines[0]["run"]} != {""}
    _, _, err = typed("status", "elsewhere", "--log-format", "json")
    assert "run" not in json.loads(err.splitlines()[-1]), "a command after it is not of its run"


def test_plan_shows_one_field_of_one_product(shop: Shop, typed: Typed):
    typed("sync")
    shop.feed(goods(5) | {"P006": {"price": "11.00", "title": "Product 6"}})
    status, out, _ = typed("plan", "shop")
    assert status == 0
    assert "1 update, 5 unchanged" in out
    assert 'update P006 "Product 6": sell_price 10 → 11 (shop.csv:7)' in out
    before = shop.calls()
    assert "P006" not in json.dumps(before[1:])
    assert typed("sync")[0] == 0
    assert [(call["action"], call["items"]) for call in shop.calls()[len(before):]] == [("products.update", 1)]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        pytest.param((), {"P001", "P005", "P006", "NEW"}, id="all"),
        pytest.param(("--only", "update"), {"P001", "P005"}, id="one operation"),
        pytest.param(("--only", "update", "--only", "create"), {"P001", "P005", "NEW"}, id="two operations"),
        pytest.param(("--sku", "P00[56]"), {"P005", "P006"}, id="a pattern"),
        pytest.param(("--field", "sell_price"), {"P001"}, id="a field"),
        pytest.param(("--target", "magento"), set(), id="another target"),
    ],
)
def test_plan_filters(shop: Shop, typed: Typed, words: tuple[str, ...], shown: set[str]):
    typed("sync")
    changed = goods(5) | {"NEW": {"price": "3.00"}}
    changed["P001"]["price"] = "11.00"
    changed["P005"]["title"] = "Another"
    shop.feed(changed)
    status, out, _ = typed("plan", "--json", *words)
    told = json.loads(out)
    assert status == 0
    assert {change["key"] for change in told["changes"]} == shown
    assert told["targets"][0]["counts"] == {"delete": 1, "update": 2, "create": 1, "unchanged": 3}
    text = typed("plan", *words)[1]
    assert {sku for sku in ("P001", "P005", "P006", "NEW") if re.search(rf"(update|create|delete) {sku}\b", text)} == shown


def test_plan_as_a_page(shop: Shop, typed: Typed):
    assert typed("plan", "--html", "plan.html")[0] == 0
    assert "P003" in (shop.folder / "plan.html").read_text()


def test_plan_is_a_file_that_apply_takes_once(shop: Shop, typed: Typed):
    status, _, err = typed("plan", "shop", "--out", "night.jsonl")
    assert (status, "feedbridge apply night.jsonl" in err) == (0, True)
    assert stat.S_IMODE((shop.folder / "night.jsonl").stat().st_mode) == 0o600
    status, _, err = typed("apply", "night.jsonl")
    assert (status, "6 created" in err) == (0, True)
    shop.is_as_its_feed()
    calls = len(shop.calls())
    status, _, err = typed("apply", "night.jsonl")
    assert (status, "[plan.stale]" in err, "feedbridge plan shop" in err) == (2, True, True)
    assert len(shop.calls()) == calls


def move_source(shop: Shop) -> None:
    shop.feed(goods(7))


def move_mapping(shop: Shop) -> None:
    shop.write_job(shop.spec | {"set": {"currency": "USD"}})


def move_job(shop: Shop) -> None:
    shop.write_job(shop.spec | {"guards": {"max_deletes": 5}})


def move_ledger(shop: Shop) -> None:
    shop.sync()


@pytest.mark.parametrize("move", [move_source, move_mapping, move_job, move_ledger])
def test_stale_plan_is_refused(shop: Shop, typed: Typed, move: Callable[[Shop], None]):
    typed("plan", "shop", "--out", "night.jsonl")
    move(shop)
    calls = len(shop.calls())
    status, _, err = typed("apply", "night.jsonl")
    assert (status, "the plan is stale" in err, "[plan.stale]" in err) == (2, True, True)
    assert len(shop.calls()) == calls


def test_guard_holds_until_released(shop: Shop, typed: Typed):
    typed("sync")
    shop.feed(goods(2))
    status, _, err = typed("sync", "shop")
    assert (status, "[mass-delete]" in err, "feedbridge apply shop --release" in err) == (4, True, True)
    assert typed("apply", "shop")[0] == 4
    assert "a guard holds the last run" in typed("status", "shop")[1]
    status, _, err = typed("apply", "shop", "--release")
    assert (status, "4 deleted, 2 unchanged" in err) == (0, True)
    shop.is_as_its_feed()
    assert "a guard holds" not in typed("status", "shop")[1]
    status, _, err = typed("apply", "shop", "--release")
    assert (status, "[command.no-held-plan]" in err) == (2, True)


def test_status_names_the_file_and_the_run_that_is_held(shop: Shop, typed: Typed):
    typed("sync")
    shop.feed(goods(2))
    typed("sync")
    kept = shop.source.read_bytes()
    shop.source.unlink()
    assert typed("sync")[0] == 3
    shop.source.write_bytes(kept)
    out = typed("status")[1]
    assert "shop.csv: there is no such file" in out
    assert "a guard holds run 2" in out and "the last run." not in out
    assert typed("apply", "shop", "--release")[0] == 0


def test_status_tells_the_history(shop: Shop, typed: Typed):
    assert "last run: none yet" in typed("status")[1]
    typed("sync")
    shop.feed(goods(5) | {"P006": {"price": "bad"}})
    typed("sync")
    status, out, _ = typed("status", "--json")
    (job,) = json.loads(out)["jobs"]
    assert status == 0
    assert [run["status"] for run in job["runs"]] == [1, 0]
    assert [run["kind"] for run in job["runs"]] == ["sync", "sync"]
    assert re.search(r"held back: 1 product\b|1 product (is )?held back", typed("status")[1]), typed("status")[1]
    run_id = job["runs"][1]["id"]
    assert "flipsnack: 6 created" in typed("status", "--run", run_id)[1]
    assert typed("status", "--run", "never")[0] == 2


def test_quarantine_lives_until_it_is_mended(shop: Shop, typed: Typed):
    shop.feed(goods(4) | {"TEE": {"sizes": {"S": "5.00", "M": "5,0O"}}, "MUG": {"price": "free"}})
    assert typed("sync")[0] == 1
    status, out, _ = typed("quarantine", "list", "--json")
    held = json.loads(out)
    held = held if isinstance(held, list) else held["held"]
    assert (status, {one["sku"] for one in held}) == (0, {"TEE", "MUG"})
    assert "cell.price-format" in typed("quarantine", "show", "TEE")[1]
    assert "cell.price-format" in typed("quarantine", "show", "shop", "TEE")[1]
    assert typed("quarantine", "show", "P001")[0] == 2
    assert 'there is no job "TEE"' in typed("quarantine", "show", "TEE", "shop")[2]
    assert typed("quarantine", "show", "shop", "TEE", "MUG")[0] == 2

    status, out, _ = typed("quarantine", "export", "shop", "--out", "mend")
    (path,) = (Path(line) for line in out.splitlines())
    text = path.read_text(encoding="utf-8-sig")
    assert (status, text.count("TEE-S"), text.count("TEE-M")) == (0, 1, 1)  # a product goes whole
    assert typed("quarantine", "export", "shop", "--out", "mend")[0] == 2  # what is mended there is not lost
    path.write_text(text.replace("5,0O", "5.50").replace("free", "still free"))

    calls = len(shop.calls())
    status, _, err = typed("quarantine", "replay", "shop", path)
    assert (status, "1 created" in err) == (1, True)
    assert "the source still has them as they were: mend it there, too" in err
    assert "held back: 1 product; see feedbridge quarantine list shop" in err
    assert [(call["action"], call["items"]) for call in shop.calls()[calls:]] == [("products.create", 1)]
    assert set(shop.on("flipsnack")) == {"P001", "P002", "P003", "P004", "TEE"}
    assert "MUG" in typed("quarantine", "list")[1]
    assert "TEE" not in typed("quarantine", "list")[1]
    assert "replayed" in typed("quarantine", "list", "--closed")[1]

    shop.feed(goods(4) | {"TEE": {"sizes": {"S": "5.00", "M": "5.50"}}, "MUG": {"price": "7.00"}})
    assert typed("sync")[0] == 0
    assert "nothing is held back" in typed("quarantine", "list")[1]
    assert "fixed by the source" in typed("quarantine", "list", "--closed")[1]
    shop.is_as_its_feed()


def test_records_that_are_gone_are_named(shop: Shop, typed: Typed):
    shop.feed(goods(4) | {"MUG": {"price": "free"}})
    typed("sync")
    with shop.ledger() as ledger:
        shutil.rmtree(ledger.folder / "shop")
    status, out, err = typed("quarantine", "export", "shop", "--out", "mend")
    assert (status, out) == (1, "")
    assert "run folders with their records are gone: MUG\n" in err and "mend: run feedbridge sync shop" in err
    typed("sync")
    assert typed("quarantine", "export", "shop", "--out", "mend")[0] == 0


def test_what_a_platform_refused_is_named_by_status_and_plan(shop: Shop, typed: Typed):
    typed("sync")
    shop.feed(goods(6, price="11.00"))
    shop.box.faults(*[f"partial:P00{number}" for number in range(1, 7)])
    assert typed("sync")[0] == 1
    shop.box.faults()
    out = typed("status")[1]
    assert re.search(r"    failed P001 since 20\d\d-\d\d-\d\d .*: \S", out), out
    assert "    and 1 more; --json has all" in out and "P006" not in out
    (job,) = json.loads(typed("status", "--json")[1])["jobs"]
    assert [one["key"] for one in job["targets"][0]["not_taken"]] == [f"P00{number}" for number in range(1, 7)]
    assert all(one["message"] and one["since"].endswith("Z") for one in job["targets"][0]["not_taken"])
    assert "; it was not taken before: " in typed("plan")[1]
    typed("sync")
    assert "failed P00" not in typed("status")[1]


def test_forgotten_item_is_sent_as_new(shop: Shop, typed: Typed):
    typed("sync")
    assert typed("ids", "forget", "shop", "NEVER")[0] == 2
    status, _, err = typed("ids", "forget", "shop", "P003")
    assert (status, err) == (0, "1 forgotten; what the feed has of them is sent as new\n")
    status, out, _ = typed("plan")
    assert (status, "create P003" in out, "5 unchanged" in out) == (0, True, True)


def test_a_job_gets_another_name(shop: Shop, typed: Typed):
    typed("sync")
    file = shop.folder / "feedbridge.yaml"
    file.write_text(file.read_text().replace('"shop": {', '"store": {'))
    assert "shop: no longer in the job file" in (told := typed("status")[1]) and "feedbridge job rename shop NEW" in told
    status, _, err = typed("sync")
    assert (status, "feedbridge job rename shop store" in err) == (3, True)
    assert typed("job", "rename", "shop", "store") == (0, "", "shop is store now, with all that it has sent\n")
    status, out, _ = typed("plan")
    assert (status, "6 products are as the feed says" in out) == (0, True)
    assert "no longer in the job file" not in typed("status")[1]


def test_ids_are_taken_from_a_file(shop: Shop, typed: Typed):
    typed("sync")
    ids = shop.folder / "ids.csv"
    ids.write_text("sku,id\nP001,142995\n")
    assert typed("ids", "import", "shop", ids) == (0, "", "1 id taken\n")
    assert shop.rows()["P001"].platform_id == "142995"
    ids.write_text("sku,id\nNEVER,1\n")
    status, _, err = typed("ids", "import", "shop", ids)
    assert (status, "NEVER" in err) == (2, True)
    ids.write_text("code,id\nP001,1\n")
    assert typed("ids", "import", "shop", ids)[0] == 2
    assert typed("ids", "import", "shop", shop.folder / "gone.csv")[0] == 2


def test_metrics_are_written_also_when_a_run_is_held(shop: Shop, typed: Typed):
    typed("sync", "--metrics", shop.folder)
    text = (shop.folder / "feedbridge_shop.prom").read_text()
    assert 'feedbridge_last_run_status{job="shop"} 0' in text
    assert 'feedbridge_products{job="shop",target="flipsnack",operation="created"} 6' in text
    shop.feed(goods(1))
    typed("sync", "--metrics", shop.folder)
    assert 'feedbridge_last_run_status{job="shop"} 4' in (shop.folder / "feedbridge_shop.prom").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(("sync", "shp"), 'did you mean "shop"?', id="job"),
        pytest.param(("plan", "--jobs", "none.yaml"), "feedbridge init", id="job file"),
        pytest.param(("apply", "shop"), "no plan that a guard holds", id="no plan"),
        pytest.param(("apply", "plans/night.jsonl"), "there is no such plan", id="no plan file"),
        pytest.param(("status", "shp"), 'did you mean "shop"?', id="status"),
        pytest.param(("quarantine", "export", "--out", "x"), "nothing is held back", id="quarantine"),
    ],
)
def test_mistakes_are_answered(shop: Shop, typed: Typed, words: tuple[str, ...], said: str):
    status, _, err = typed(*words)
    assert (status, said in err) == (2, True), err


def test_damaged_plan_is_refused(shop: Shop, typed: Typed):
    typed("plan", "--out", "night.jsonl")
    path = shop.folder / "night.jsonl"
    path.write_text(path.read_text().replace("10", "99"))
    status, _, err = typed("apply", "night.jsonl")
    assert (status, "[plan.damaged]" in err) == (2, True)
    assert shop.calls() == []


# -- files that are there


@pytest.mark.parametrize("option", ["--out", "--html"])
@pytest.mark.parametrize("name", ["shop.csv", "feedbridge.yaml", "ledger.sqlite", "notes.txt"])
def test_plan_overwrites_nothing_that_is_not_its_own(shop: Shop, typed: Typed, option: str, name: str):
    typed("plan")  # so that there is a ledger
    (shop.folder / "notes.txt").write_text("mine")
    before = (shop.folder / name).read_bytes()
    status, _, err = typed("plan", "shop", option, name)
    assert (status, "[command.out]" in err, name in err) == (2, True, True)
    assert (shop.folder / name).read_bytes() == before


def test_plan_replaces_its_own_files(shop: Shop, typed: Typed):
    for _ in range(2):
        assert typed("plan", "--out", "night.jsonl", "--html", "plan.html")[0] == 0
    (shop.folder / "empty").touch()
    assert typed("plan", "--out", "empty")[0] == 0
    assert typed("plan", "--out", "plan.html")[0] == 2
    assert typed("plan", "--html", "night.jsonl")[0] == 2
    assert typed("plan", "--out", "same", "--html", "./same")[0] == 2
    assert typed("convert", "shop.csv", "--to", "flipsnack", "--set", "currency=EUR", "--out", "out")[0] == 0
    assert typed("plan", "--html", "out/report.html")[0] == 2


# -- keys


def with_real_endpoint(shop: Shop) -> None:
    target = {"endpoint": f"{shop.box.url}/flipsnack/v1/", "rate": "off", "settings": {"source_hash": shop.source_hash}}
    store = {"endpoint": f"{shop.box.url}/magento/rest", "rate": "off"}
    shop.write_job(shop.spec | {"targets": {"flipsnack": target, "magento": store}})


KEYS = {
    "FEEDBRIDGE_FLIPSNACK_API_KEY", "FEEDBRIDGE_FLIPSNACK_API_SECRET", "FEEDBRIDGE_MAGENTO_CONSUMER_KEY",
    "FEEDBRIDGE_MAGENTO_CONSUMER_SECRET", "FEEDBRIDGE_MAGENTO_ACCESS_TOKEN", "FEEDBRIDGE_MAGENTO_ACCESS_TOKEN_SECRET",
}


def test_a_plan_needs_no_keys_and_a_sync_names_all_it_lacks(shop: Shop, typed: Typed, monkeypatch: pytest.MonkeyPatch):
    with_real_endpoint(shop)
    for name in [*KEYS, "FEEDBRIDGE_MAGENTO_BEARER_TOKEN"]:
        monkeypatch.delenv(name, raising=False)
    status, out, err = typed("plan")
    assert (status, out.count("6 creates")) == (0, 2), err
    status, _, err = typed("sync")
    assert (status, {word.strip(",;") for word in err.split() if word.startswith("FEEDBRIDGE_")}) == (2, KEYS)
    assert "[command.keys]" in err
    assert shop.calls() == []


def test_a_plan_of_an_unchanged_feed_needs_no_keys(shop: Shop, typed: Typed, monkeypatch: pytest.MonkeyPatch):
    with_real_endpoint(shop)
    for name, value in (
        ("FLIPSNACK_API_KEY", keys.FLIPSNACK_API_KEY), ("FLIPSNACK_API_SECRET", keys.FLIPSNACK_API_SECRET),
        ("MAGENTO_CONSUMER_KEY", keys.MAGENTO_CONSUMER_KEY), ("MAGENTO_CONSUMER_SECRET", keys.MAGENTO_CONSUMER_SECRET),
        ("MAGENTO_ACCESS_TOKEN", keys.MAGENTO_ACCESS_TOKEN),
        ("MAGENTO_ACCESS_TOKEN_SECRET", keys.MAGENTO_ACCESS_TOKEN_SECRET),
    ):
        monkeypatch.setenv(f"FEEDBRIDGE_{name}", value)
    assert typed("sync")[0] == 0
    for name in KEYS:
        monkeypatch.delenv(name)
    status, out, err = typed("plan")
    assert (status, out.count("nothing to do, 6 products are as the feed says")) == (0, 2), out + err


# -- what is left to a person


def test_folders_are_to_be_uploaded(tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch):
    shutil.copytree(ROOT / "fixtures/digital", tmp_path / "shop")
    monkeypatch.chdir(tmp_path / "shop")
    Path("feedbridge.yaml").write_text(
        "feedbridge: 1\nstate: ledger.sqlite\njobs:\n  books:\n    source: catalogue.csv\n    set: {currency: EUR}\n"
        "    targets:\n      flickrocket: {outbox: outbox}\n"
    )
    status, _, err = typed("sync")
    assert (status, "created" in err) == (0, True), err
    outbox = tmp_path / "shop/outbox"
    folders = sorted(path.name for path in outbox.iterdir())
    upload = f"flickrocket: upload the folders in {outbox}, {len(folders)} folders wait there, then: feedbridge flickrocket verify"
    assert upload in err
    for words in (("sync",), ("status",)):  # as long as they wait
        status, out, err = typed(*words)
        assert (status, upload in out + err) == (0, True), out + err


def test_a_folder_that_was_never_uploaded_and_is_gone_is_named(tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch):
    shutil.copytree(ROOT / "fixtures/digital", tmp_path / "shop")
    monkeypatch.chdir(tmp_path / "shop")
    Path("feedbridge.yaml").write_text(
        "feedbridge: 1\nstate: ledger.sqlite\njobs:\n  books:\n    source: catalogue.csv\n    set: {currency: EUR}\n"
        "    targets:\n      flickrocket: {outbox: outbox}\n"
    )
    typed("sync")
    gone, known, *left = sorted(path.name for path in Path("outbox").iterdir())
    shutil.rmtree(Path("outbox", gone))
    Path("ids.csv").write_text(f"sku,id\n{known},142995\n")
    assert typed("ids", "import", "books", "ids.csv")[0] == 0
    for words in (("sync",), ("status",)):
        status, out, err = typed(*words)
        told = out + err
        assert status == 0
        assert f"1 product was written as new, has no id yet, and the folder is no longer in the outbox: {gone}. Uploaded?" in told
        assert f"never uploaded? feedbridge ids forget books {gone}" in told
        assert f"{tmp_path}/shop/outbox, 1 folder waits there" in told
        assert f"{known} in {tmp_path}/shop/outbox was uploaded, for the id is known: move it away" in told
    outbox = {"waiting": len(left), "new": False, "uploaded": [known], "gone": [gone]}
    assert json.loads(typed("sync", "--json")[1])["targets"][0]["outbox"] == outbox
    assert json.loads(typed("status", "--json")[1])["jobs"][0]["targets"][0]["outbox"] == outbox
    assert typed("ids", "forget", "books", gone)[0] == 0
    assert "1 created" in typed("sync")[2]
    assert gone not in typed("status")[1]


def test_a_held_plan_is_applied_by_the_name_of_its_job(shop: Shop, typed: Typed):
    typed("sync")
    shop.feed(goods(2))
    assert typed("sync")[0] == 4
    report = feedbridge.api.apply_plan("shop", release=True)
    assert (report.status, report.targets["flipsnack"].counts) == (0, {"deleted": 4})
    out = typed("status", "--json")[1]
    (told,) = json.loads(out)["jobs"]
    assert told["ledger"] == f"sqlite:///{shop.folder}/ledger.sqlite"
    assert f"  ledger: {told['ledger']}\n" in typed("status")[1]
    assert {(run["kind"], len(run["mappings"])) for run in told["runs"]} == {("sync", 1), ("apply", 1)}


def test_what_a_platform_refused_is_in_the_history(shop: Shop, typed: Typed):
    shop.box.faults("partial:P002")
    assert typed("sync")[0] == 1
    (job,) = json.loads(typed("status", "--json")[1])["jobs"]
    (failure,) = job["runs"][0]["counts"]["failures"]
    assert (failure["sku"], failure["op"]) == ("P002", "create")
    assert f"not taken: flipsnack: create P002: {failure['message']}" in typed("status", "--run", job["runs"][0]["id"])[1]

"""``feedbridge init``, ``job check``, ``job schema`` and ``cron`` as they are typed; and docs/jobs.md knows every key."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from feedbridge.cli import cli, run
from feedbridge.cli.jobs import cron, init, job
from feedbridge.platforms import platform_names
from feedbridge.sync.job_targets import delivery_model
from feedbridge.sync.jobfile import read_jobs
from feedbridge.sync.jobspec import Alerts, EmailAlert, Guards, JobFileSpec, JobSpec
from feedbridge.sync.ledger import Ledger

ROOT = Path(__file__).resolve().parents[2]

for command in (init, job, cron):
    cli.add_command(command)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    shutil.copy(ROOT / "fixtures/shopify/classic.csv", tmp_path / "shop.csv")
    monkeypatch.chdir(tmp_path)
    for name in ("FEEDBRIDGE_FLIPSNACK_API_KEY", "FEEDBRIDGE_FLIPSNACK_API_SECRET", "FEEDBRIDGE_JOBS", "FEEDBRIDGE_ALERT_WEBHOOK"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def typed(capsys, *words):
    status = run(list(words))
    shown = capsys.readouterr()
    return status, shown.out, shown.err


def test_from_a_source_to_a_job_that_lacks_nothing(folder, capsys, monkeypatch):
    status, out, err = typed(capsys, "init", "shop.csv")
    assert (status, out) == (0, "")
    assert "wrote feedbridge.yaml: job shop, mapping shopify, to flipsnack" in err
    (line,) = re.findall(r"feedbridge\.yaml:(\d+)  currency: ", err)
    assert "FEEDBRIDGE_FLIPSNACK_API_KEY" in err

    status, out, err = typed(capsys, "job", "check")
    assert (status, out) == (2, "")
    assert f"feedbridge.yaml:{line}, jobs.shop.set.currency: is not filled in yet [job.todo]" in err

    path = folder / "feedbridge.yaml"
    path.write_text(path.read_text().replace("currency: TODO", "currency: EUR"))
    status, out, err = typed(capsys, "job", "check")
    assert status == 2
    assert "MISSING  target flipsnack: FEEDBRIDGE_FLIPSNACK_API_KEY is not set" in out
    assert out.endswith("2 things are missing\n")

    monkeypatch.setenv("FEEDBRIDGE_FLIPSNACK_API_KEY", "key-of-mine")
    monkeypatch.setenv("FEEDBRIDGE_FLIPSNACK_API_SECRET", "secret-of-mine")
    status, out, err = typed(capsys, "job", "check", "shop")
    assert (status, err) == (0, "")
    assert "MISSING" not in out
    assert "of-mine" not in out
    assert "mapping shopify: reads the first product" in out


def test_init_with_all_that_is_needed(folder, capsys):
    status, _, err = typed(
        capsys, "init", "shop.csv", "--set", "currency=EUR", "--sandbox", "--to", "flipsnack", "--to", "magento", "--name", "mine",
        "--out", "jobs.yaml",
    )
    assert status == 0
    assert "TODO" not in err
    assert "feedbridge job check --jobs jobs.yaml" in err
    assert typed(capsys, "job", "check", "--jobs", "jobs.yaml")[0] == 0


def test_init_leaves_what_is_there(folder, capsys):
    (folder / "feedbridge.yaml").write_text("mine\n")
    status, _, err = typed(capsys, "init", "shop.csv")
    assert status == 2
    assert "--force" in err
    assert (folder / "feedbridge.yaml").read_text() == "mine\n"
    assert typed(capsys, "init", "shop.csv", "--force")[0] == 0


def test_init_of_an_unknown_file_says_what_to_do(folder, capsys):
    (folder / "odd.csv").write_text("aa,bb\n1,2\n")
    status, _, err = typed(capsys, "init", "odd.csv")
    assert status == 2
    assert "feedbridge mapping suggest odd.csv --out my.yaml" in err
    assert "feedbridge init odd.csv --mapping my.yaml" in err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        pytest.param(["job", "check"], 2, "feedbridge init SOURCE", id="no file"),
        pytest.param(["cron", "shop"], 2, "feedbridge init SOURCE", id="no file for cron"),
        pytest.param(["init", "gone.csv"], 3, "gone.csv", id="no source"),
    ],
)
def test_nothing_to_begin_with(words, status, said, folder, capsys):
    done, _, err = typed(capsys, *words)
    assert done == status
    assert said in err


def test_check_names_the_job_that_is_not_there(folder, capsys):
    typed(capsys, "init", "shop.csv", "--set", "currency=EUR", "--sandbox")
    status, _, err = typed(capsys, "job", "check", "shp")
    assert status == 2
    assert 'did you mean "shop"?' in err


def test_check_without_reading(folder, capsys):
    typed(capsys, "init", "shop.csv", "--set", "currency=EUR", "--sandbox")
    status, out, _ = typed(capsys, "job", "check", "--no-read")
    assert status == 0
    assert "no mistake in it" in out
    assert "reads the first product" not in out


def test_cron(folder, capsys):
    typed(capsys, "init", "shop.csv", "--set", "currency=EUR", "--sandbox")
    status, out, _ = typed(capsys, "cron", "--print", "crontab", "--at", "4:30")
    assert status == 0
    assert out.splitlines()[-1].startswith("30 4 * * * ( cd ")
    status, out, _ = typed(capsys, "cron", "shop", "--print", "systemd", "--jobs", str(folder / "feedbridge.yaml"))
    assert status == 0
    assert "[Service]" in out
    assert "[Timer]" in out
    assert typed(capsys, "cron", "shop", "--at", "25:00")[0] == 2


def test_schema_is_json(capsys):
    status, out, _ = typed(capsys, "job", "schema")
    assert status == 0
    assert json.loads(out)["$schema"].endswith("2020-12/schema")


# -- docs/jobs.md

PAGE = (ROOT / "docs/jobs.md").read_text(encoding="utf-8")
MODELS = [JobFileSpec, JobSpec, Guards, Alerts, EmailAlert, *(delivery_model(name) for name in platform_names())]


@pytest.mark.parametrize(
    "key", sorted({f"{model.__name__}.{key}" for model in MODELS for key in model.model_fields}), ids=str
)
def test_the_page_has_every_key(key):
    name = key.split(".")[1]
    assert re.search(rf"`{name}`|`{name}:", PAGE) or re.search(rf"^\| `{name}`", PAGE, re.MULTILINE)


@pytest.mark.parametrize("model", [Guards, Alerts, EmailAlert, JobSpec], ids=lambda model: model.__name__)
def test_the_page_has_the_true_defaults(model):
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]*)` \|", PAGE, re.MULTILINE))
    wrong = {}
    for name, info in model.model_fields.items():
        default = info.get_default(call_default_factory=True)
        if info.is_required() or default is None or isinstance(default, dict | Guards) or name not in rows:
            continue
        shown = json.dumps(default) if not isinstance(default, str) else default
        if rows[name].replace('"', "") != shown.replace('"', ""):
            wrong[name] = (rows[name], shown)
    assert wrong == {}
    assert len(set(rows) & set(model.model_fields)) >= len(model.model_fields) // 2


EXAMPLES = re.findall(r"```yaml\n(feedbridge: 1\n.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", [pytest.param(text, id=f"example {number}") for number, text in enumerate(EXAMPLES, 1)])
def test_the_pages_examples_load(text):
    assert read_jobs(text, Path("/srv/shop/feedbridge.yaml"), "feedbridge.yaml").jobs


def test_the_page_has_examples():
    assert len(EXAMPLES) >= 3


# -- what nothing uses, and what stands in the way


def test_columns_that_nothing_uses_are_named(folder, capsys):
    (folder / "own.csv").write_text("sku;name;preis;Kampfpreis;Lagerort\nA;Tee;10,00;8,00;x\n")
    _, _, err = typed(capsys, "init", "own.csv", "--set", "currency=EUR", "--sandbox")
    said = "Columns of own.csv that nothing uses (is a price among them?): Kampfpreis, Lagerort"
    text = (folder / "feedbridge.yaml").read_text()
    assert said in err
    assert f"    # {said}\n" in text
    assert "None:" not in text
    status, out, _ = typed(capsys, "job", "check")
    assert (status, "columns of own.csv that nothing uses: Kampfpreis, Lagerort" in out) == (0, True)


def test_check_tells_when_the_ledger_knows_the_job_from_another_file(folder, capsys, monkeypatch):
    monkeypatch.setenv("FEEDBRIDGE_STATE_URL", str(folder / "ledger.sqlite"))
    typed(capsys, "init", "shop.csv", "--set", "currency=EUR", "--sandbox")
    status, out, _ = typed(capsys, "job", "check")
    assert (status, f"ledger {folder}/ledger.sqlite: not there yet, the first run makes it" in out) == (0, True)
    assert not (folder / "ledger.sqlite").exists()
    assert typed(capsys, "plan", "shop")[0] == 0
    status, out, _ = typed(capsys, "job", "check")
    assert (status, "ledger.sqlite: knows nothing of this job yet" in out) == (0, True)
    with Ledger.open(f"sqlite:///{folder}/ledger.sqlite") as ledger:
        ledger.job("shop", str(folder / "feedbridge.yaml"))
    status, out, _ = typed(capsys, "job", "check")
    assert (status, "ledger.sqlite: knows this job" in out) == (0, True)
    (folder / "other").mkdir()
    typed(capsys, "init", "shop.csv", "--set", "currency=EUR", "--sandbox", "--out", "other/feedbridge.yaml", "--name", "shop")
    status, out, _ = typed(capsys, "job", "check", "--jobs", "other/feedbridge.yaml")
    assert (status, 'it has a job "shop" of another job file' in out) == (2, True)
    (folder / "ledger.sqlite").write_bytes(b"no database " * 1000)
    assert typed(capsys, "job", "check")[0] == 2


def test_cron_names_what_is_set_and_never_its_value(folder, capsys, monkeypatch):
    typed(capsys, "init", "shop.csv", "--set", "currency=EUR", "--sandbox", "--out", "jobs.yaml")
    given = {
        "FEEDBRIDGE_STATE_URL": "postgresql://me:hunter2@db/x", "FEEDBRIDGE_SANDBOX_URL": "http://127.0.0.1:1/hunter2",
        "FEEDBRIDGE_ALERT_WEBHOOK": "https://h.example/hunter2", "FEEDBRIDGE_SMTP_PASSWORD": "hunter2",
        "FEEDBRIDGE_FLIPSNACK_API_KEY": "hunter2",
    }
    for name, value in {**given, "FEEDBRIDGE_MAGENTO_CONSUMER_KEY": "hunter2", "FEEDBRIDGE_JOBS": "jobs.yaml"}.items():
        monkeypatch.setenv(name, value)
    for kind in ("crontab", "systemd"):
        status, out, _ = typed(capsys, "cron", "shop", "--print", kind, "--jobs", "jobs.yaml")
        assert (status, "hunter2" in out) == (0, False)
        assert {name for name in given if f"  {name}='...'" in out} == set(given)
        assert "FEEDBRIDGE_MAGENTO" not in out and "FEEDBRIDGE_JOBS" not in out
        assert "must exist before the first night" in out
        for words in ("quarantine list shop", "job check shop", "plan shop", "apply shop --release"):
            assert f"feedbridge {words} --jobs {folder}/jobs.yaml" in out

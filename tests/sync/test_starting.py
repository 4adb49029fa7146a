"""The job file that ``init`` writes, and what ``job check`` says is still missing."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from feedbridge.errors import CommandError, OutputError, SourceError
from feedbridge.mapping.recognise import NotRecognised
from feedbridge.platforms import platform, platform_names
from feedbridge.sync.job_schema import job_schema
from feedbridge.sync.job_targets import delivery_model
from feedbridge.sync.jobfile import JobError, load_jobs, read_jobs
from feedbridge.sync.jobspec import Guards, JobSpec
from feedbridge.sync.starting import missing_keys, readiness, shared_places, start, write_job_file

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
ENDPOINT = "https://shop.example.com/rest"
KEYS = {
    "FEEDBRIDGE_FLIPSNACK_API_KEY": "key-of-mine", "FEEDBRIDGE_FLIPSNACK_API_SECRET": "secret-of-mine",
    "FEEDBRIDGE_MAGENTO_CONSUMER_KEY": "a-of-mine", "FEEDBRIDGE_MAGENTO_CONSUMER_SECRET": "b-of-mine",
    "FEEDBRIDGE_MAGENTO_ACCESS_TOKEN": "c-of-mine", "FEEDBRIDGE_MAGENTO_ACCESS_TOKEN_SECRET": "d-of-mine",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a shop's export that asks for a currency, and a catalogue that asks for nothing."""
    shutil.copy(FIXTURES / "shopify/classic.csv", tmp_path / "classic.csv")
    shutil.copy(FIXTURES / "demo/digital.csv", tmp_path / "digital.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def started(*sources, out="feedbridge.yaml", **given):
    return start(sources, out=Path(out), **given)


def loaded(text, folder):
    return read_jobs(text, folder / "feedbridge.yaml", "feedbridge.yaml").only()


def filled(text, currency="EUR"):
    return text.replace("currency: TODO", f"currency: {currency}").replace("endpoint: TODO", f"endpoint: {ENDPOINT}")


# -- the file loads


@pytest.mark.parametrize("sandbox", [True, False], ids=["sandbox", "platform itself"])
@pytest.mark.parametrize("name", platform_names())
def test_the_file_loads_once_what_is_not_known_is_filled_in(name, sandbox, folder):
    made = started("classic.csv", to=[name], sandbox=sandbox)
    todo = [text.split(":")[0] for _, text in made.todo]
    assert todo == ["currency"] + (["endpoint"] if name == "magento" and not sandbox else [])
    with pytest.raises(JobError) as caught:
        loaded(made.text, folder)
    assert str(caught.value).count("[job.todo]") == len(todo)
    for line, _ in made.todo:
        assert f"feedbridge.yaml:{line}, " in str(caught.value)
    job = loaded(filled(made.text), folder)
    assert list(job.spec.targets) == [name]
    assert job.spec.set == {"currency": "EUR"}
    assert job.delivery_settings(name).sandbox is (sandbox and name != "flickrocket")


@pytest.mark.parametrize("name", platform_names())
def test_the_file_loads_at_once_when_all_is_known(name, folder):
    made = started("classic.csv", to=[name], sandbox=True, set={"currency": "EUR"})
    assert made.todo == []
    assert loaded(made.text, folder).spec.set == {"currency": "EUR"}


def test_a_source_that_says_it_all_asks_nothing(folder):
    made = started("digital.csv", to=["flickrocket"])
    assert (made.todo, made.mapping, made.keys) == ([], "digital", [])
    assert loaded(made.text, folder).spec.set == {}


def test_a_file_that_nearly_is_a_digital_catalogue_is_begun_as_one(folder):
    (folder / "near.csv").write_text("SKU,Title,File,Medium,Price ID,Price\nA,Book,a.epub,ebook,4,3.00\n")
    made = started("near.csv", to=["flickrocket"], set={"currency": "EUR"})
    assert made.mapping == loaded(made.text, folder).mapping == "digital"


def test_all_platforms_at_once(folder):
    made = started("classic.csv", to=list(platform_names()), set={"currency": "EUR"})
    job = loaded(filled(made.text), folder)
    assert sorted(job.spec.targets) == sorted(platform_names())
    assert set(made.keys) == set(KEYS)


def test_only_what_differs_from_the_defaults_is_said(folder):
    """Commented lines show defaults, so that the job means the same as the shortest one."""
    made = started("classic.csv", to=["flipsnack"], set={"currency": "EUR"})
    short = (
        "feedbridge: 1\njobs:\n  classic:\n    source: classic.csv\n    mapping: shopify\n    set: {currency: EUR}\n"
        "    targets: {flipsnack: {settings: {feed: classic}}}\n"
    )
    assert loaded(made.text, folder).digest == loaded(short, folder).digest


@pytest.mark.parametrize("name", platform_names())
def test_commented_lines_are_true_defaults(name, folder):
    """Every ``# key: value`` line, with its # taken away, still loads and changes nothing."""
    made = started("classic.csv", to=[name], set={"currency": "EUR"}, sandbox=True)
    models = (JobSpec, Guards, delivery_model(name), platform(name).settings)
    keys = "|".join(key for model in models for key in model.model_fields if key not in ("endpoint", "set", "alerts"))
    lines = [re.sub(rf"^( +)# (({keys}):( \S+| \".*\"| \[.*\]| \{{\}})?)$", r"\1\2", line) for line in made.text.split("\n")]
    shown = "\n".join(lines)
    assert shown != made.text
    before, after = loaded(made.text, folder), loaded(shown, folder)
    assert after.spec.guards == before.spec.guards == Guards()
    assert after.delivery_settings(name) == before.delivery_settings(name)
    model = platform(name).settings
    said = {key: value for key, value in after.platform_settings(name).items() if value is not None}
    assert model(**said) == model(**before.platform_settings(name))


@pytest.mark.parametrize("name", platform_names())
def test_every_key_is_shown(name, folder):
    text = started("classic.csv", to=[name], set={"currency": "EUR"}).text
    keys = [*JobSpec.model_fields, *Guards.model_fields, *platform(name).settings.model_fields]
    if name != "flickrocket":
        keys += delivery_model(name).model_fields
    assert [key for key in keys if not re.search(rf"^ *(# )?{key}:", text, re.MULTILINE)] == []


def test_the_editors_schema_accepts_it(folder):
    schema = Draft202012Validator(job_schema())
    text = started("classic.csv", to=list(platform_names()), sandbox=True, set={"currency": "EUR"}).text
    assert text.startswith("# yaml-language-server: $schema=feedbridge.schema.json\n")
    loader = YAML(typ="safe", pure=True)
    assert [error.message for error in schema.iter_errors(loader.load(text))] == []
    unfilled = started("classic.csv", to=["magento"]).text
    assert len(list(schema.iter_errors(loader.load(unfilled)))) == 2


# -- what is written in it


def test_paths_are_written_from_the_file(folder):
    (folder / "jobs").mkdir()
    inside = started("classic.csv", out="feedbridge.yaml", set={"currency": "EUR"})
    assert "source: classic.csv\n" in inside.text
    outside = started("classic.csv", out="jobs/feedbridge.yaml", set={"currency": "EUR"})
    assert f"source: {folder}/classic.csv\n" in outside.text
    assert loaded(outside.text, folder / "jobs").sources == [str(folder / "classic.csv")]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a b: {c} #d.csv", id="what YAML acts on"),
        pytest.param("true.csv", id="word"),
        pytest.param("it's \"5\".csv", id="quotes"),
        pytest.param("läden – 日本.csv", id="not ascii"),
        pytest.param("TODO.csv", id="todo"),
        pytest.param("[x].csv", id="brackets"),
    ],
)
def test_any_file_name(name, folder):
    (folder / "classic.csv").rename(folder / name)
    made = started(name, set={"currency": "EUR"})
    job = loaded(made.text, folder)
    assert job.sources == [str(folder / name)]
    assert re.fullmatch(r"[A-Za-z0-9_-]+", job.name)


def test_globs_stay(folder):
    (folder / "feeds").mkdir()
    (folder / "classic.csv").rename(folder / "feeds/a.csv")
    made = started("feeds/*.csv", name="shop", set={"currency": "EUR"})
    assert loaded(made.text, folder).shown_sources == ["feeds/*.csv"]


def test_several_values_that_are_asked_for(folder):
    shutil.copy(FIXTURES / "akeneo-csv/families.models.csv", folder / "models.csv")
    made = started("models.csv")
    assert {text.split(":")[0] for _, text in made.todo} >= {"locale", "channel", "currency"}


def test_an_own_mapping(folder):
    (folder / "own.yaml").write_text("feedbridge: 1\nextends: shopify\n")
    made = started("classic.csv", mapping="own.yaml", set={"currency": "EUR"})
    assert loaded(made.text, folder).mapping == str(folder / "own.yaml")


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        pytest.param({"to": ["flipsnak"]}, CommandError, 'there is no platform "flipsnak"', id="platform"),
        pytest.param({"sources": ["gone.csv"]}, SourceError, "gone.csv", id="no file"),
        pytest.param({"sources": ["-"]}, CommandError, "not standard input", id="standard input"),
        pytest.param({"sources": ["odd.csv"]}, NotRecognised, "feedbridge mapping suggest odd.csv", id="not recognised"),
        pytest.param({"set": {"colour": "red"}}, CommandError, 'no parameter "colour"', id="unknown parameter"),
        pytest.param({"name": "my shop"}, CommandError, "--name", id="name"),
    ],
)
def test_what_cannot_be_begun(given, error, words, folder):
    (folder / "odd.csv").write_text("aa,bb\n1,2\n")
    sources = given.pop("sources", ["classic.csv"])
    with pytest.raises(error) as caught:
        started(*sources, **given)
    assert words in str(caught.value)
    assert not (folder / "feedbridge.yaml").exists()


# -- writing it


def test_a_file_that_is_there_stays(folder):
    made = started("digital.csv", to=["flickrocket"])
    path = folder / "feedbridge.yaml"
    path.write_text("mine\n")
    with pytest.raises(CommandError, match="somebody's work"):
        write_job_file(made, path)
    assert path.read_text() == "mine\n"
    write_job_file(made, path, replace=True)
    assert load_jobs(path, environment={}).only().name == "digital"
    assert sorted(one.name for one in folder.iterdir()) == ["classic.csv", "digital.csv", "feedbridge.yaml"]


def test_a_link_that_leads_nowhere_stays(folder):
    (folder / "feedbridge.yaml").symlink_to("gone/elsewhere.yaml")
    with pytest.raises(CommandError):
        write_job_file(started("digital.csv", to=["flickrocket"]), folder / "feedbridge.yaml")


def test_a_folder_that_is_not_there(folder):
    with pytest.raises(OutputError):
        write_job_file(started("digital.csv", to=["flickrocket"]), folder / "gone/feedbridge.yaml")


# -- job check


def checked(job, environment, **given):
    return [(check.ok, check.text) for check in readiness(job, environment, **given)]


def test_keys_are_named_and_never_shown(folder):
    job = loaded(filled(started("classic.csv", to=["flipsnack", "magento"]).text), folder)
    environment = {key: value for key, value in KEYS.items() if key != "FEEDBRIDGE_FLIPSNACK_API_SECRET"}
    found = checked(job, environment)
    assert (True, "target flipsnack: FEEDBRIDGE_FLIPSNACK_API_KEY is set") in found
    assert (False, "target flipsnack: FEEDBRIDGE_FLIPSNACK_API_SECRET is not set") in found
    assert [text for ok, text in found if not ok] == ["target flipsnack: FEEDBRIDGE_FLIPSNACK_API_SECRET is not set"]
    assert any(text.startswith(f"target magento: delivers to {ENDPOINT}") for _, text in found)
    assert "of-mine" not in str(found)
    assert missing_keys(job, environment) == ["FEEDBRIDGE_FLIPSNACK_API_SECRET"]
    assert missing_keys(job, KEYS) == []


def test_the_sandbox_needs_no_keys(folder):
    job = loaded(started("classic.csv", sandbox=True, set={"currency": "EUR"}).text, folder)
    found = checked(job, {})
    assert all(ok for ok, _ in found)
    assert any("sandbox" in text for _, text in found)


def test_a_source_that_is_gone_and_a_value_that_is_not_said(folder):
    job = loaded(started("classic.csv", sandbox=True, set={"currency": "EUR"}).text.replace("currency: EUR", "x: y"), folder)
    assert next(text for ok, text in checked(job, {}) if not ok).startswith("mapping shopify: ")
    text = started("classic.csv", sandbox=True, set={"currency": "EUR"}).text.replace("      currency: EUR\n", "")
    job = loaded(text, folder)
    (check,) = [check for check in readiness(job, {}) if not check.ok]
    assert check.text.startswith("mapping shopify: currency is not said")
    assert "add currency: EUR under set:" in check.mend
    (folder / "classic.csv").unlink()
    assert [text for ok, text in checked(job, {}) if not ok] == ["source classic.csv: there is no such file"]


def test_a_mapping_that_is_gone(folder):
    (folder / "own.yaml").write_text("feedbridge: 1\nextends: shopify\n")
    job = loaded(started("classic.csv", mapping="own.yaml", sandbox=True, set={"currency": "EUR"}).text, folder)
    (folder / "own.yaml").unlink()
    for read in (True, False):
        (check,) = [check for check in readiness(job, {}, read=read) if not check.ok]
        assert check.text.startswith("mapping own.yaml: ")


def test_mail_needs_its_password(folder):
    text = started("digital.csv", to=["flickrocket"]).text
    text += "    alerts: {email: {to: [a@b.example], sender: a@b.example, host: m.example, security: tls, user: me}}\n"
    job = loaded(text, folder)
    assert (False, "alerts: FEEDBRIDGE_SMTP_PASSWORD is not set") in checked(job, {})
    assert all(ok for ok, _ in checked(job, {"FEEDBRIDGE_SMTP_PASSWORD": "x"}))


def test_jobs_that_share_a_place_are_named():
    def shared(*feeds):
        jobs = "".join(
            f"  job{n}: {{source: a.csv, targets: {{flipsnack: {{settings: {{feed: {feed}}}}}}}}}\n" for n, feed in enumerate(feeds)
        )
        return shared_places(read_jobs(f"feedbridge: 1\njobs:\n{jobs}", Path("/srv/feedbridge.yaml"), "feedbridge.yaml"))

    assert shared("a", "b") == []
    assert shared("a", "b", "a") == ["job0.flipsnack and job2.flipsnack deliver to the same place; let no product be in both sources"]

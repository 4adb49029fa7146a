"""Job files: what is read, what each mistake is answered with, and what the editor's schema says to the same files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from feedbridge.errors import CommandError
from feedbridge.platforms import platform, platform_names
from feedbridge.sync.job_schema import job_schema
from feedbridge.sync.jobfile import JobError, load_jobs, needed_variables, read_jobs
from feedbridge.sync.jobspec import JobSpec

HEAD = "feedbridge: 1\njobs:\n  shop:\n    source: shop.csv\n"
TARGET = "    targets: {flipsnack: {}}\n"
SMALL = HEAD + TARGET


def read(text, folder=Path("/srv/shop")):
    return read_jobs(text, folder / "feedbridge.yaml", "feedbridge.yaml")


def mistakes(text):
    """The complaints about a file: (line, key, code)."""
    with pytest.raises(JobError) as caught:
        read(text)
    assert caught.value.exit_status == 2
    found = []
    for line in str(caught.value).splitlines():
        if line.startswith("feedbridge.yaml:"):
            place, _, rest = line.partition(": ")
            number, _, key = place.removeprefix("feedbridge.yaml:").partition(", ")
            found.append((int(number), key, rest.rpartition("[")[2].rstrip("]")))
    return found


def said(text):
    with pytest.raises(JobError) as caught:
        read(text)
    return str(caught.value)


@pytest.fixture(scope="module")
def editor():
    schema = job_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def as_editors_read(text):
    loader = YAML(typ="safe", pure=True)
    loader.version = (1, 2)
    return loader.load(text)


# -- what is read

GOOD = [
    pytest.param(SMALL, id="least"),
    pytest.param(HEAD + "    targets:\n      flipsnack:\n", id="target without a word"),
    pytest.param(HEAD + "    targets: {flipsnack: {sandbox: true, settings: {feed: demo}}}\n", id="sandbox and feed"),
    pytest.param(
        HEAD + "    targets:\n      summer: {platform: flipsnack, settings: {feed: a}}\n"
        "      winter: {platform: flipsnack, settings: {feed: b}}\n",
        id="two feeds",
    ),
    pytest.param(HEAD + "    targets: {magento: {endpoint: https://shop.example.com/rest}}\n", id="magento"),
    pytest.param(HEAD + "    targets: {magento: {sandbox: true}}\n", id="magento in the sandbox"),
    pytest.param(
        HEAD + "    targets: {magento: {endpoint: http://127.0.0.1:8765/magento/rest, rate: 'off'}}\n",
        id="loopback",
    ),
    pytest.param(
        HEAD + "    targets: {flipsnack: {rate: {per_second: 0.5, per_minute: 30}, connect_seconds: 5}}\n",
        id="rate",
    ),
    pytest.param(
        HEAD + "    targets: {flickrocket: {outbox: out, settings: {themes: '1,2', with_credentials: true}}}\n",
        id="folders",
    ),
    pytest.param(SMALL + "    set: {currency: EUR, decimal: ',', limit: 3, x: true, share: 0.5}\n", id="set"),
    pytest.param(SMALL + "    guards:\n    set:\n    alerts:\n    workers:\n", id="keys without values"),
    pytest.param(
        SMALL + "    guards: {max_shrink: 0.5, max_deletes: 0, empty_source: false, grace_runs: 2}\n",
        id="guards",
    ),
    pytest.param(
        SMALL + "    alerts:\n      email: {to: [a@example.com, b@example.com], sender: f@example.com, host: mail.example.com,\n"
        "              port: 587, security: starttls, user: me}\n      on: [held, products]\n",
        id="mail",
    ),
    pytest.param(SMALL + "    alerts: {webhook: https://hooks.example.com/T0/abc}\n", id="webhook"),
    pytest.param(
        "feedbridge: 1\nstate: ledger.sqlite\njobs:\n  a.b-c_1:\n    source: [a.csv, 'feeds/*.csv']\n    mapping: shopify\n"
        "    reconcile: partial\n    strict: true\n    download: true\n    keep_runs: 5\n    workers: 2\n" + TARGET,
        id="all of a job",
    ),
    pytest.param(SMALL.replace("  shop:", "  password-books:"), id="a job may be called like a secret"),
]


@pytest.mark.parametrize("text", GOOD)
def test_is_read_and_the_schema_agrees(text, editor):
    assert read(text).jobs
    assert [f"{error.json_path}: {error.message}" for error in editor.iter_errors(as_editors_read(text))] == []


def test_paths_start_in_the_job_files_folder(tmp_path, monkeypatch):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "feedbridge.yaml").write_text(
        "feedbridge: 1\njobs:\n  shop:\n    source: [feeds/*.csv, ../other.csv, /abs/x.csv]\n    mapping: own/my.yaml\n"
        "    targets:\n      flickrocket: {outbox: out, settings: {download_folder: fetched}}\n"
    )
    monkeypatch.chdir(tmp_path)
    job = load_jobs(Path("shop/feedbridge.yaml"), environment={}).only()
    assert job.sources == [str(folder / "feeds/*.csv"), str(tmp_path / "other.csv"), "/abs/x.csv"]
    assert job.shown_sources == ["feeds/*.csv", "../other.csv", "/abs/x.csv"]
    assert job.mapping == str(folder / "own/my.yaml")
    assert job.spec.targets["flickrocket"].delivery["outbox"] == str(folder / "out")
    assert str(job.delivery_settings("flickrocket").outbox) == str(folder / "out")
    assert job.platform_settings("flickrocket") == {"download_folder": str(folder / "fetched")}
    assert (job.file.shown, job.file.path, job.file.folder) == ("shop/feedbridge.yaml", folder / "feedbridge.yaml", folder)


def test_a_folder_with_brackets_is_no_pattern(tmp_path):
    from feedbridge.sources.files import expand

    folder = tmp_path / "feeds [new]"
    folder.mkdir()
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text("x")
    job = read(SMALL.replace("shop.csv", '"*.csv"'), folder).only()
    assert expand(job.sources) == [folder / "a.csv", folder / "b.csv"]


def test_home_is_understood(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert read(SMALL.replace("shop.csv", "~/shop.csv")).only().sources == ["/home/me/shop.csv"]


def test_values_of_set_are_text():
    spec = read(SMALL + "    set: {a: true, b: 3, c: 0.1, d: 'x', e: ''}\n").only().spec
    assert spec.set == {"a": "true", "b": "3", "c": "0.1", "d": "x", "e": ""}


def test_preset_and_auto_stay():
    assert read(SMALL).only().mapping == "auto"
    assert read(SMALL + "    mapping: shopify\n").only().mapping == "shopify"


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        pytest.param("", "    # a comment\n", True, id="comment"),
        pytest.param("", "    reconcile: full\n", True, id="default written out"),
        pytest.param("", "    alerts: {webhook: https://x.example}\n", True, id="alerts"),
        pytest.param("", "    keep_runs: 3\n    workers: 1\n", True, id="what changes no product"),
        pytest.param("    set: {a: 1, b: 2}\n", "    set: {b: '2', a: '1'}\n", True, id="order and quotes"),
        pytest.param("", "    reconcile: partial\n", False, id="reconcile"),
        pytest.param("", "    guards: {max_deletes: 5}\n", False, id="guard"),
        pytest.param("", "    set: {currency: EUR}\n", False, id="set"),
        pytest.param("", "    mapping: shopify\n", False, id="mapping"),
    ],
)
def test_digest_is_of_the_meaning(before, after, same):
    assert (read(SMALL + before).only().digest == read(SMALL + after).only().digest) is same


def test_digest_of_targets():
    def digest(target):
        return read(HEAD + f"    targets: {{flipsnack: {target}}}\n").only().digest

    assert digest("{}") == digest("{sandbox: false, connect_seconds: 3, rate: {per_minute: 5}}") == digest("{settings: {}}")
    assert len({digest("{}"), digest("{sandbox: true}"), digest("{settings: {feed: b}}")}) == 3
    assert read(SMALL, Path("/srv/a")).only().digest == read(SMALL, Path("/srv/b")).only().digest


# -- which file, which job


def test_the_file_that_is_meant(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("feedbridge.yaml", "other.yaml", "third.yaml"):
        Path(name).write_text(SMALL.replace("shop:", f"{name.split('.')[0]}:"))
    assert list(load_jobs(None, environment={}).jobs) == ["feedbridge"]
    assert list(load_jobs(None, environment={"FEEDBRIDGE_JOBS": "other.yaml"}).jobs) == ["other"]
    assert list(load_jobs(Path("third.yaml"), environment={"FEEDBRIDGE_JOBS": "other.yaml"}).jobs) == ["third"]


@pytest.mark.parametrize(
    ("path", "environment", "shown"),
    [
        pytest.param(None, {}, "feedbridge.yaml: there is no job file here", id="usual"),
        pytest.param(
            None, {"FEEDBRIDGE_JOBS": "gone.yaml"}, "gone.yaml: there is no job file here (FEEDBRIDGE_JOBS)",
            id="variable",
        ),
        pytest.param(Path("x.yaml"), {}, "x.yaml: there is no job file here", id="named"),
    ],
)
def test_no_file(path, environment, shown, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError) as caught:
        load_jobs(path, environment=environment)
    assert str(caught.value).startswith(shown)
    assert "feedbridge init SOURCE" in caught.value.mend


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b"", "job.shape", id="empty"),
        pytest.param(b"# nothing\n", "job.shape", id="comments only"),
        pytest.param(b"- a\n", "job.shape", id="list"),
        pytest.param(b"jobs: {a: [}\n", "job.yaml", id="broken"),
        pytest.param(b"feedbridge: 1\nfeedbridge: 1\n", "job.yaml", id="twice"),
        pytest.param(b"jobs: {caf\xe9: 1}\n", "job.encoding", id="latin-1"),
        pytest.param(b"a: &a [1,1,1,1,1,1,1,1,1,1]\n" + b"".join(
            b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 10)) for n in range(6)), "job.yaml", id="bomb"),
    ],
)
def test_a_file_that_is_none(content, code, tmp_path):
    path = tmp_path / "feedbridge.yaml"
    path.write_bytes(content)
    with pytest.raises(JobError) as caught:
        load_jobs(path, environment={})
    assert caught.value.code == code


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(JobError) as caught:
        load_jobs(tmp_path, environment={})
    assert caught.value.code == "job.unreadable"


def test_jobs_by_name():
    file = read(SMALL + SMALL.split("jobs:\n")[1].replace("shop:", "books:").replace("flipsnack: {}", "magento: {sandbox: true}"))
    assert file.job("books").name == "books"
    with pytest.raises(CommandError, match="there are shop, books") as caught:
        file.job("shp")
    assert caught.value.mend == 'did you mean "shop"?'
    with pytest.raises(CommandError, match="which job is not said"):
        file.only()
    assert read(SMALL).only().name == "shop"


def test_where_a_key_stands():
    assert read(SMALL).only().where("targets", "flipsnack") == "feedbridge.yaml:5, jobs.shop.targets.flipsnack"


# -- what is refused


@pytest.mark.parametrize(
    ("text", "line", "key", "code"),
    [
        pytest.param(SMALL[14:], 1, "feedbridge", "job.shape", id="no version"),
        pytest.param("feedbridge: 2\n" + SMALL[14:], 1, "feedbridge", "job.shape", id="a later version"),
        pytest.param("feedbridge: 1\njobs:\n", 2, "jobs", "job.shape", id="no jobs"),
        pytest.param(SMALL + "jbos: 1\n", 6, "jbos", "job.shape", id="unknown key"),
        pytest.param(SMALL + "    reconsile: full\n", 6, "jobs.shop.reconsile", "job.shape", id="unknown key of a job"),
        pytest.param(
            SMALL + "    guards: {max_delets: 1}\n",
            6, "jobs.shop.guards.max_delets", "job.shape", id="unknown guard",
        ),
        pytest.param(
            SMALL + "    guards: {max_shrink: 30}\n",
            6, "jobs.shop.guards.max_shrink", "job.shape", id="share above 1",
        ),
        pytest.param(
            SMALL + "    guards: {max_shrink: 30%}\n",
            6, "jobs.shop.guards.max_shrink", "job.shape", id="per cent",
        ),
        pytest.param(
            SMALL + "    guards: {max_shrink: .nan}\n",
            6, "jobs.shop.guards.max_shrink", "job.shape", id="no number",
        ),
        pytest.param(SMALL + "    guards: 5\n", 6, "jobs.shop.guards", "job.shape", id="a number for a block"),
        pytest.param(SMALL + "    reconcile: ful\n", 6, "jobs.shop.reconcile", "job.shape", id="unknown word"),
        pytest.param(SMALL + "    mapping: shopfy\n", 6, "jobs.shop.mapping", "job.mapping", id="unknown preset"),
        pytest.param(
            SMALL + "    set: {currency: }\n",
            6, "jobs.shop.set.currency", "job.todo", id="set without a value",
        ),
        pytest.param(
            SMALL + "    set: {currency: TODO}\n",
            6, "jobs.shop.set.currency", "job.todo", id="to be filled in",
        ),
        pytest.param(SMALL + "    set: {a: [1]}\n", 6, "jobs.shop.set.a", "job.shape", id="list in set"),
        pytest.param(
            SMALL + "    set: {flipsnack.feed: a}\n",
            6, "jobs.shop.set.flipsnack.feed", "job.setting", id="platform's in set",
        ),
        pytest.param(HEAD, 3, "jobs.shop.targets", "job.shape", id="no targets"),
        pytest.param(HEAD + "    targets: {}\n", 5, "jobs.shop.targets", "job.shape", id="empty targets"),
        pytest.param(HEAD + "    targets: [flipsnack]\n", 5, "jobs.shop.targets", "job.shape", id="list of targets"),
        pytest.param("feedbridge: 1\njobs:\n  shop:\n" + TARGET, 3, "jobs.shop.source", "job.shape", id="no source"),
        pytest.param(SMALL.replace("shop.csv", "[]"), 4, "jobs.shop.source", "job.shape", id="no source in the list"),
        pytest.param(SMALL.replace("shop.csv", "'-'"), 4, "jobs.shop.source", "job.shape", id="standard input"),
        pytest.param(
            SMALL.replace("shop.csv", "[a.csv, 'https://x.example/a.csv']"),
            4, "jobs.shop.source.1", "job.shape", id="address",
        ),
        pytest.param(SMALL.replace("shop.csv", "5"), 4, "jobs.shop.source", "job.shape", id="a number for a source"),
        pytest.param(SMALL.replace("shop:", "my shop:"), 3, "jobs.my shop", "job.shape", id="name with a blank"),
        pytest.param(
            HEAD + "    targets: {flipsnak: {}}\n",
            5, "jobs.shop.targets.flipsnak", "job.platform", id="unknown platform",
        ),
        pytest.param(
            HEAD + "    targets: {a: {platform: magneto}}\n",
            5, "jobs.shop.targets.a.platform", "job.platform", id="platform:",
        ),
        pytest.param(
            HEAD + "    targets: {flipsnack: {sandbx: true}}\n",
            5, "jobs.shop.targets.flipsnack.sandbx", "job.key", id="unknown key of a target",
        ),
        pytest.param(
            HEAD + "    targets: {flipsnack: {delivery: {}}}\n",
            5, "jobs.shop.targets.flipsnack.delivery", "job.key", id="ours, not the user's",
        ),
        pytest.param(
            HEAD + "    targets: {flipsnack: {feed: a}}\n",
            5, "jobs.shop.targets.flipsnack.feed", "job.setting", id="setting in the target",
        ),
        pytest.param(
            HEAD + "    targets: {flipsnack: {settings: {sandbox: true}}}\n",
            5, "jobs.shop.targets.flipsnack.settings.sandbox", "job.setting", id="target's key in settings",
        ),
        pytest.param(
            HEAD + "    targets: {flipsnack: {settings: {feeed: a}}}\n",
            5, "jobs.shop.targets.flipsnack.settings.feeed", "job.setting", id="unknown setting",
        ),
        pytest.param(
            HEAD + "    targets: {flipsnack: {settings: {batch_products: 501}}}\n",
            5, "jobs.shop.targets.flipsnack.settings.batch_products", "job.setting", id="setting out of bounds",
        ),
        pytest.param(
            HEAD + "    targets: {flipsnack: {settings: 3}}\n",
            5, "jobs.shop.targets.flipsnack.settings", "job.shape", id="settings that are none",
        ),
        pytest.param(
            HEAD + "    targets: {flipsnack: {endpoint: 'http://example.com/'}}\n",
            5, "jobs.shop.targets.flipsnack.endpoint", "job.shape", id="http",
        ),
        pytest.param(
            HEAD + "    targets: {flipsnack: {endpoint: 'https://me:pw@example.com/'}}\n",
            5, "jobs.shop.targets.flipsnack.endpoint", "job.shape", id="login in an address",
        ),
        pytest.param(
            HEAD + "    targets: {flipsnack: {rate: {per_secnd: 1}}}\n",
            5, "jobs.shop.targets.flipsnack.rate.per_secnd", "job.shape", id="unknown key of rate",
        ),
        pytest.param(
            HEAD + "    targets: {flipsnack: {rate: 5}}\n",
            5, "jobs.shop.targets.flipsnack.rate", "job.shape", id="rate that is none",
        ),
        pytest.param(
            HEAD + "    targets: {flipsnack: {rate: 'off'}}\n",
            5, "jobs.shop.targets.flipsnack.rate", "job.shape", id="no rate for a platform",
        ),
        pytest.param(
            HEAD + "    targets: {magento: {}}\n",
            5, "jobs.shop.targets.magento.endpoint", "job.endpoint", id="magento's address",
        ),
        pytest.param(
            HEAD + "    targets: {flickrocket: {}}\n",
            5, "jobs.shop.targets.flickrocket.outbox", "job.shape", id="outbox",
        ),
        pytest.param(
            SMALL + "    alerts: {email: {to: [a@b.example]}}\n",
            6, "jobs.shop.alerts.email.sender", "job.shape", id="no sender",
        ),
        pytest.param(
            SMALL + "    alerts: {email: {to: a@b.example, sender: a@b.example}}\n",
            6, "jobs.shop.alerts.email.to", "job.shape", id="one recipient",
        ),
        pytest.param(
            SMALL + "    alerts: {email: {to: [\"a@b.example\\nBcc: x@y.example\"], sender: a@b.example}}\n",
            6, "jobs.shop.alerts.email.to.0", "job.shape", id="header in an address",
        ),
        pytest.param(
            SMALL + "    alerts: {email: {to: [a@b.example], sender: a@b.example, host: mail.example, user: me}}\n",
            6, "jobs.shop.alerts.email.user", "job.shape", id="login in the clear",
        ),
        pytest.param(
            SMALL + "    alerts: {webhook: 'http://example.com/x'}\n",
            6, "jobs.shop.alerts.webhook", "job.address", id="webhook over http",
        ),
        pytest.param(SMALL + "    alerts: {on: [helt]}\n", 6, "jobs.shop.alerts.on.0", "job.shape", id="unknown alert"),
        pytest.param("state: ''\n" + SMALL, 1, "state", "job.shape", id="empty state"),
    ],
)
def test_refuses(text, line, key, code):
    assert mistakes(text) == [(line, key, code)]


REFUSED = {param.id: param.values[0] for param in test_refuses.pytestmark[0].args[1]}


@pytest.mark.parametrize("case", sorted(name for name in REFUSED if name.startswith("unknown") and name != "unknown preset"))
def test_the_schema_refuses_what_it_does_not_know(case, editor):
    assert list(editor.iter_errors(as_editors_read(REFUSED[case])))


@pytest.mark.parametrize(
    ("text", "line", "variable"),
    [
        pytest.param(HEAD + "    targets: {flipsnack: {api_key: K}}\n", 5, "FEEDBRIDGE_FLIPSNACK_API_KEY", id="key"),
        pytest.param(
            HEAD + "    targets: {flipsnack: {secret: K}}\n",
            5, "FEEDBRIDGE_FLIPSNACK_API_SECRET", id="secret",
        ),
        pytest.param(
            HEAD + "    targets: {flipsnack: {settings: {apiKey: K}}}\n",
            5, "FEEDBRIDGE_FLIPSNACK_API_KEY", id="in settings",
        ),
        pytest.param(
            HEAD + "    targets: {flipsnack: {settings: {extra_parameters: {api_secret: K}}}}\n",
            5, "FEEDBRIDGE_FLIPSNACK_API_SECRET", id="deep",
        ),
        pytest.param(
            HEAD + "    targets: {m: {platform: magento, sandbox: true, access_token_secret: K}}\n",
            5, "FEEDBRIDGE_MAGENTO_ACCESS_TOKEN_SECRET", id="magento",
        ),
        pytest.param(
            HEAD + "    targets: {magento: {sandbox: true, bearer_token: K}}\n", 5, "FEEDBRIDGE_MAGENTO_BEARER_TOKEN", id="bearer"
        ),
        pytest.param(
            SMALL + "    alerts: {email: {to: [a@b.example], sender: a@b.example, password: K}}\n",
            6, "FEEDBRIDGE_SMTP_PASSWORD", id="mail",
        ),
        pytest.param(SMALL + "    set: {api_token: K}\n", 6, "FEEDBRIDGE_API_TOKEN", id="set"),
        pytest.param("state: postgresql://me:geheim-K@db/feeds\n" + SMALL, 1, "FEEDBRIDGE_STATE_URL", id="state"),
        pytest.param(
            "state: postgresql://db/feeds?user=me&password=geheim-K\n" + SMALL,
            1, "FEEDBRIDGE_STATE_URL", id="query",
        ),
    ],
)
def test_secrets_do_not_stand_in_the_file(text, line, variable):
    text = text.replace("K}", "geheim-K}")
    (found,) = mistakes(text)
    assert (found[0], found[2]) == (line, "job.secret")
    words = said(text)
    assert variable in words
    assert "geheim" not in words


def test_a_setting_that_only_sounds_like_a_secret():
    assert read(HEAD + "    targets: {flickrocket: {outbox: o, settings: {with_credentials: true}}}\n")


@pytest.mark.parametrize(
    "targets",
    [
        pytest.param("{a: {platform: flipsnack}, b: {platform: flipsnack}}", id="both the usual feed"),
        pytest.param(
            "{flipsnack: {settings: {feed: x}}, b: {platform: flipsnack, settings: {feed: x, drafts: write}}}",
            id="one feed",
        ),
        pytest.param(
            "{magento: {endpoint: 'https://a.example/rest'}, b: {platform: magento, endpoint: 'https://A.example/rest/'}}",
            id="one store",
        ),
        pytest.param("{flickrocket: {outbox: out}, b: {platform: flickrocket, outbox: ./x/../out}}", id="one folder"),
        pytest.param("{magento: {sandbox: true}, b: {platform: magento, sandbox: true}}", id="one sandbox"),
    ],
)
def test_two_targets_in_one_place(targets):
    assert [(key, code) for _, key, code in mistakes(HEAD + f"    targets: {targets}\n")] == [
        ("jobs.shop.targets.b", "job.place-twice")
    ]


def test_every_mistake_is_told_at_once_in_the_order_of_the_file():
    found = mistakes(
        "feedbridge: 1\nstat: x\njobs:\n  shop:\n    source: a.csv\n    mapping: shopfy\n    set: {currency: TODO}\n"
        "    guards: {max_shrink: 3, max_delets: 5}\n    targets:\n      flipsnack: {sandbx: 1, api_key: x}\n"
        "      magento: {settings: {currency: eur}}\n      third: {}\n  other: {source: '-'}\n"
    )
    assert found == sorted(found, key=lambda one: one[0])
    assert sorted(line for line, *_ in found) == [2, 6, 7, 8, 8, 10, 10, 11, 11, 12, 13, 13]


def two_jobs(first, second, **more):
    """A file with two jobs to Flipsnack; ``more``: their mappings."""
    return "feedbridge: 1\njobs:\n" + "".join(
        f"  {name}: {{source: {name}.csv, mapping: {more.get(name, 'shopify')}, targets: {{{target}}}}}\n"
        for name, target in (("a", first), ("b", second))
    )


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        pytest.param("flipsnack: {}", "flipsnack: {}", "b", id="neither says"),
        pytest.param("flipsnack: {}", "x: {platform: flipsnack, settings: {batch_products: 9}}", "b", id="another name"),
        pytest.param("flipsnack: {}", "flipsnack: {settings: {feed: feedbridge}}", "a", id="the second says"),
        pytest.param("flipsnack: {settings: {feed: feedbridge}}", "flipsnack: {}", "b", id="the first says"),
        pytest.param("flipsnack: {settings: {feed: feedbridge}}", "flipsnack: {settings: {feed: feedbridge}}", "", id="both say"),
        pytest.param("flipsnack: {}", "flipsnack: {settings: {feed: b}}", "", id="another feed"),
        pytest.param("flipsnack: {}", "flipsnack: {settings: {source_hash: abc}}", "", id="a sourceHash"),
        pytest.param("flipsnack: {}", "flipsnack: {sandbox: true}", "", id="another address"),
        pytest.param("magento: {sandbox: true}", "magento: {sandbox: true}", "", id="no feeds there"),
    ],
)
def test_two_jobs_that_fill_one_feed_without_saying_so(first, second, told):
    text = two_jobs(first, second)
    if not told:
        assert set(read(text).jobs) == {"a", "b"}
        return
    ((_, key, code),) = mistakes(text)
    assert (key.rpartition(".")[0], code) == (f"jobs.{told}.targets", "job.feed-shared")
    mend = said(text)
    assert f"write feed: {told} under settings:" in mend and "feed: feedbridge there in both" in mend


def test_a_mapping_file_may_say_which_feed_a_job_is_for():
    assert set(read(two_jobs("flipsnack: {}", "flipsnack: {}", b="own.yaml")).jobs) == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        pytest.param(SMALL + "    reconsile: full\n", 'did you mean "reconcile"?', id="key"),
        pytest.param(SMALL + "    reconcile: ful\n", 'did you mean "full"?', id="word"),
        pytest.param(SMALL + "    mapping: shopfy\n", 'did you mean "shopify"?', id="preset"),
        pytest.param(HEAD + "    targets: {flipsnak: {}}\n", 'did you mean "flipsnack"?', id="platform"),
        pytest.param(
            HEAD + "    targets: {flipsnack: {sandbx: true}}\n", 'did you mean "sandbox"?',
            id="key of a target",
        ),
        pytest.param(HEAD + "    targets: {flipsnack: {settings: {feeed: x}}}\n", 'did you mean "feed"?', id="setting"),
        pytest.param(
            HEAD + "    targets: {flipsnack: {feed: x}}\n", "write feed: under settings: of the target",
            id="one too high",
        ),
        pytest.param(SMALL + "    guards: {max_shrink: 30}\n", "0.3 is 30 per cent", id="share"),
        pytest.param(HEAD + "    targets: {magento: {}}\n", "sandbox: true to try it out", id="endpoint"),
        pytest.param(HEAD + "    targets: {flickrocket: {}}\n", "add outbox:", id="outbox"),
    ],
)
def test_says_how_to_mend(text, mend):
    assert mend in said(text)


def test_a_value_cannot_steer_the_terminal():
    assert "\x1b" not in said(SMALL + '    reconcile: "\\e[31mred"\n')


def test_a_webhook_is_in_no_message():
    assert "T0" not in said(SMALL + "    alerts: {webhook: 'ftp://hooks.example/T0/x'}\n")


@pytest.mark.parametrize(
    ("target", "count"),
    [
        pytest.param("flipsnack: {}", 2, id="flipsnack"),
        pytest.param("flipsnack: {sandbox: true}", 0, id="sandbox"),
        pytest.param("magento: {endpoint: 'https://a.example'}", 4, id="oauth"),
        pytest.param("flickrocket: {outbox: o}", 0, id="folders"),
        pytest.param("flickrocket: {outbox: o, settings: {with_credentials: true}}", 2, id="folders with logins"),
    ],
)
def test_variables_that_are_needed(target, count):
    job = read(HEAD + f"    targets: {{{target}}}\n").only()
    names = needed_variables(job, target.split(":")[0])
    assert len(names) == count
    assert all(name.startswith("FEEDBRIDGE_") for name in names)


WHOLE = {
    "feedbridge": 1,
    "state": "ledger.sqlite",
    "jobs": {
        "shop": {
            "source": ["a.csv", "b.csv"],
            "mapping": "shopify",
            "set": {"currency": "EUR"},
            "reconcile": "full",
            "targets": {
                "flipsnack": {
                    "sandbox": True, "rate": {"per_second": 1, "per_minute": 9},
                    "settings": {"feed": "a", "extra_parameters": {"a": "b"}},
                },
                "m": {"platform": "magento", "endpoint": "https://shop.example.com/rest", "settings": {"currency": "EUR"}},
                "flickrocket": {"outbox": "out", "settings": {"themes": [1], "download_folder": "d"}},
            },
            "guards": {"max_shrink": 0.5},
            "alerts": {
                "email": {"to": ["a@b.example"], "sender": "a@b.example", "host": "m.example", "user": "me", "security": "tls"},
                "webhook": "https://x.example", "on": ["held"],
            },
            "workers": 1,
        }
    },
}
JUNK = [None, -1, "x", "TODO", True, [[None]], {"a": None}]


def places_in(node, path=()):
    yield path
    for step, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places_in(value, (*path, step))


def with_junk(path, junk):
    tree = json.loads(json.dumps(WHOLE))
    node = tree
    for step in path[:-1]:
        node = node[step]
    if path:
        node[path[-1]] = junk
    return json.dumps(tree if path else junk)


@pytest.mark.parametrize("path", [pytest.param(path, id=".".join(map(str, path)) or "all") for path in places_in(WHOLE)])
def test_whatever_stands_in_a_place_is_read_or_refused(path):
    for junk in JUNK:
        try:
            read(with_junk(path, junk))
        except JobError as exc:
            assert str(exc).startswith("feedbridge.yaml")


def test_the_whole_file_is_right():
    assert read(json.dumps(WHOLE)).only().name == "shop"


# -- the schema says what things are for


def test_the_schema_explains_every_key():
    schema = job_schema()
    for name in platform_names():
        assert set(platform(name).settings.model_fields) == set(schema["$defs"][f"{name}-settings"]["properties"])
    job = schema["$defs"]["JobSpec"]["properties"]
    assert set(job) == set(JobSpec.model_fields)
    assert "whole catalogue" in job["reconcile"]["description"]
    assert "catalogue" not in schema["$defs"]["Guards"]["properties"]["max_deletes"]["description"]

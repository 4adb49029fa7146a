"""Keys come from the environment and go nowhere but into the call: no file, log, plan, report or message holds one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from feedbridge.cli import run
from feedbridge.sandbox import keys
from tests.sync.shops import Shop, goods, sandbox

FLIPSNACK = {
    "FEEDBRIDGE_FLIPSNACK_API_KEY": keys.FLIPSNACK_API_KEY, "FEEDBRIDGE_FLIPSNACK_API_SECRET": keys.FLIPSNACK_API_SECRET,
}
MAGENTO = {
    "FEEDBRIDGE_MAGENTO_CONSUMER_KEY": keys.MAGENTO_CONSUMER_KEY,
    "FEEDBRIDGE_MAGENTO_CONSUMER_SECRET": keys.MAGENTO_CONSUMER_SECRET,
    "FEEDBRIDGE_MAGENTO_ACCESS_TOKEN": keys.MAGENTO_ACCESS_TOKEN,
    "FEEDBRIDGE_MAGENTO_ACCESS_TOKEN_SECRET": keys.MAGENTO_ACCESS_TOKEN_SECRET,
}
OTHERS = {"FEEDBRIDGE_ALERT_WEBHOOK": "http://127.0.0.1:9/hook/of-nobody", "FEEDBRIDGE_SMTP_PASSWORD": "mail-password-1"}


@pytest.mark.parametrize(
    ("platform", "path", "given"),
    [
        pytest.param("flipsnack", "/flipsnack/v1/", FLIPSNACK, id="flipsnack"),
        pytest.param("magento", "/magento/rest", MAGENTO, id="magento"),
    ],
)
@pytest.mark.parametrize("fault", [(), ("wrong-key",), ("html:all",), ("400:all",)], ids=["well", "refused", "html", "400"])
def test_no_secret_is_left_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], platform: str, path: str,
    given: dict[str, str], fault: tuple[str, ...],
):
    with sandbox(tmp_path) as box:
        shop = Shop(tmp_path / "shop", box, to=[platform], target={"endpoint": box.url + path})
        shop.feed(goods(3) | {"BAD": {"price": "1,2,3"}})
        monkeypatch.chdir(shop.folder)
        for name, value in (given | OTHERS).items():
            monkeypatch.setenv(name, value)
        box.faults(*fault)
        run(["plan", "--json", "--html", "plan.html", "--out", "plan.jsonl"])
        # Waits take no time this way.
        shop.environment |= given | OTHERS
        report = shop.sync(metrics=shop.folder)
        print(json.dumps(report.result()), shop.events, report)
        if not fault:
            assert report.status == 1  # the keys were right: one product is held back, the others are there
            assert len(shop.on(platform)) == 3
            run(["sync", "--resend", "all", "--log-format", "json", "--json"])
        run(["status", "--json"])
        run(["quarantine", "list", "--json"])
        run(["job", "check", "--no-read"])
        told = capfd.readouterr()
        files = [file for file in shop.folder.rglob("*") if file.is_file()]
        assert {"ledger.sqlite", "plan.html", "plan.jsonl", "feedbridge_shop.prom"} <= {file.name for file in files}
        for secret in (given | OTHERS).values():
            assert secret not in told.out + told.err
            assert not [file.name for file in files if secret.encode() in file.read_bytes()]

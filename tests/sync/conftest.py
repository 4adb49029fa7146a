"""Ledgers over both databases: each test that asks for ``ledger`` or ``url`` runs twice."""

from __future__ import annotations

import pytest

from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_address import ledger_url
from tests.sync.postgres import running


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server, started by the first test of a worker that needs it."""
    with running() as server:
        if server is None:
            pytest.skip("PostgreSQL is not installed")
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """A database of the test's own."""
    if request.param == "sqlite":
        return ledger_url("ledger.sqlite", tmp_path, {})
    return request.getfixturevalue("postgres").make()


@pytest.fixture
def ledger(url):
    with Ledger.open(url) as opened:
        yield opened

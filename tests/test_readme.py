"""What the README says is run: its commands, its mapping, its Python."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
FLICKROCKET = next(text for language, text in BLOCKS if language == "sh" and "flickrocket login" in text)
"""Run in its order, by test_flickrocket."""
DELIVERY = next(text for language, text in BLOCKS if language == "sh" and "feedbridge sync demo" in text)
"""Run in its order, by test_delivery."""
COMMANDS = [
    line
    for language, text in BLOCKS
    if language == "sh" and text not in (DELIVERY, FLICKROCKET)
    for line in text.splitlines()
    if "feedbridge " in line and not line.startswith(("export", "make"))
]

FILES = {
    "export.jsonl": json.dumps(
        {
            "sku": "T",
            "title": "Tee",
            "variants": [
                {"sku": "T-S", "price": "9.50", "options": {"Size": "S"}},
                {"sku": "T-M", "price": "9.50", "options": {"Size": "M"}},
            ],
        }
    )
    + "\n",
    "products.json": json.dumps(
        [
            {
                "identifier": f"tee-{size}",
                "family": "tees",
                "parent": "tee",
                "enabled": True,
                "categories": ["shirts"],
                "values": {
                    "name": [{"locale": "en_US", "scope": None, "data": "Tee"}],
                    "size": [{"locale": None, "scope": None, "data": size}],
                    "color": [{"locale": None, "scope": None, "data": "red"}],
                    "price": [{"locale": None, "scope": None, "data": [{"amount": "9.50", "currency": "EUR"}]}],
                },
            }
            for size in ("s", "m")
        ]
    ),
    "models.json": json.dumps(
        [
            {
                "code": "tee",
                "family": "tees",
                "family_variant": "tees_size",
                "parent": None,
                "categories": ["shirts"],
                "values": {"name": [{"locale": "en_US", "scope": None, "data": "Tee"}]},
            }
        ]
    ),
    "list.csv": "sku;name;price\nA-1;Mug;12,50\nA-2;Jug;1.234,50\n",
    "weekly.csv": "Modell;Bezeichnung;Text;Bild 1;Bild 2;Artikelnr.;EAN;Preis;Gewicht;Größe;Farbe\n"
    "M1;Hemd;<p>Leinen</p>;https://cdn.example/1.jpg;;A1;4006381333931;12,50;0,3;S;blau\n"
    "M1;;;;;A2;;13,50;0,3;M;blau\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a user has it: the demo files, and the files the README speaks of."""
    import gzip

    place = tmp_path_factory.mktemp("readme")
    for name in ("fixtures", "examples", "feedbridge.yaml"):
        (place / name).symlink_to(ROOT / name)
    (place / "out").mkdir()
    for name, text in FILES.items():
        (place / name).write_text(text, encoding="utf-8")
    (place / "feed.csv.gz").write_bytes(gzip.compress((ROOT / "fixtures/demo/shop.csv").read_bytes()))
    (mapping,) = [text for language, text in BLOCKS if language == "yaml"]
    (place / "acme.yaml").write_text(mapping, encoding="utf-8")
    program = place / "bin" / "feedbridge"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m feedbridge "$@"\n')
    program.chmod(0o755)
    return place


def run(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    return subprocess.run(["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True)


WAIT = (
    "for _ in $(seq 100); do python3 -c 'import sys, urllib.request as u; u.urlopen(sys.argv[1])' "
    '"$FEEDBRIDGE_SANDBOX_URL/_/health" 2>/dev/null && break; sleep 0.1; done'
)


def free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_there_are_commands():
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("command", COMMANDS)
def test_command(folder: Path, command: str):
    mended = folder / "mended.csv"
    if "mended.csv" in command and not mended.exists():
        run(folder, next(line for line in COMMANDS if "--out out/shop" in line))
        mended.write_bytes((folder / "out/shop/quarantine/shop.csv").read_bytes())
    if "--mapping mine.yaml" in command and not (folder / "mine.yaml").exists():
        run(folder, next(line for line in COMMANDS if "--out mine.yaml" in line))
    done = run(folder, command.split("   #")[0])
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    out = re.search(r"--out (\S+)", command)
    if out and Path(out[1]).suffix:
        assert (folder / out[1]).is_file()
    elif out:
        manifest = json.loads((folder / out[1] / "manifest.json").read_bytes())
        assert all(about["counts"]["read"] for about in manifest["platforms"].values())
        if "mended" not in command:
            assert all(about["counts"]["written"] for about in manifest["platforms"].values()), done.stderr


def test_delivery(tmp_path: Path, folder: Path):
    """The rehearsal against the sandbox, line by line, as somebody types it in a fresh checkout."""
    port = free_port()
    for name in ("feedbridge.yaml", "examples"):
        run(tmp_path, f"cp -r {ROOT / name} .")
    run(tmp_path, "git init -q && git add -A && git -c user.name=n -c user.email=n@example.org commit -qm start")
    script = DELIVERY.replace("feedbridge sandbox &", f"feedbridge sandbox --port {port} > box.log 2>&1 &\n{WAIT}")
    lines = [line for line in script.splitlines() if line.strip()]
    told = "\n".join(f'{line}\necho "== $?" >&2' if line.startswith(("feedbridge", "git")) and "&" not in line[-3:] else line
                      for line in lines)
    environment = {
        **os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
        "FEEDBRIDGE_SANDBOX_URL": f"http://127.0.0.1:{port}",
    }
    done = subprocess.run(["bash", "-mc", told], cwd=tmp_path, env=environment, capture_output=True, text=True)
    statuses = re.findall(r"^== (\d+)$", done.stderr, re.MULTILINE)
    assert statuses == ["0", "0", "0", "4", "0", "0", "0"], done.stderr
    assert "11 created" in done.stderr
    assert 'update MUG-SUN "Sunrise Mug": sell_price 24.9 → 25.9' in done.stdout
    assert "1 updated, 10 unchanged" in done.stderr
    assert "[shrunken-source]" in done.stderr and "[mass-delete]" in done.stderr
    assert "6 deleted, 5 unchanged" in done.stderr
    assert "6 created, 1 updated, 4 unchanged" in done.stderr


def test_flickrocket(tmp_path: Path, folder: Path):
    """Login to parcels, line by line, against the sandbox; a program stands for the person at the browser."""
    port, receiver, redirect = free_port(), free_port(), free_port()
    for name in ("feedbridge.yaml", "examples"):
        run(tmp_path, f"cp -r {ROOT / name} .")
    run(tmp_path, "git init -q && git add -A && git -c user.name=n -c user.email=n@example.org commit -qm start")
    script = FLICKROCKET.replace("feedbridge sandbox &", f"feedbridge sandbox --port {port} > box.log 2>&1 &")
    script = script.replace("127.0.0.1:8765", f"127.0.0.1:{port}").replace("127.0.0.1:8767", f"127.0.0.1:{receiver}")
    script = script.replace("flickrocket login", f"flickrocket login --port {redirect}")
    script = script.replace(
        "listen --job books &", f"listen --job books --port {receiver} > listen.log 2>&1 &\n"
        + WAIT.replace("$FEEDBRIDGE_SANDBOX_URL/_/health", f"http://127.0.0.1:{receiver}/health"),
    )
    lines = [line.split("   #")[0].rstrip() for line in script.splitlines() if line.strip()]
    told = "\n".join(f'{line}\necho "== $?" >&2' if line.startswith("feedbridge") and "&" not in line[-3:] else line
                      for line in lines)
    browser = tmp_path / "browser.py"
    browser.write_text("import sys, urllib.request\nurllib.request.urlopen(sys.argv[1]).read()\n")
    environment = {
        **os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
        "FEEDBRIDGE_SANDBOX_URL": f"http://127.0.0.1:{port}", "HOME": str(tmp_path / "home"),
        "BROWSER": f"{sys.executable} {browser} %s", "FEEDBRIDGE_FLICKROCKET_RATE": "off",
        **{f"XDG_{name}_HOME": str(tmp_path / "home" / name.lower()) for name in ("CONFIG", "CACHE", "STATE", "DATA")},
    }
    done = subprocess.run(["bash", "-mc", told], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    said = done.stdout + done.stderr
    assert set(re.findall(r"^== (\d+)$", done.stderr, re.MULTILINE)) == {"0"}, said
    assert "2 of 2 live" in said
    assert "Books tier A,46" in (tmp_path / "prices.csv").read_text()
    assert "description" in said and "Short essays on nature" in said
    assert "1 updated, 1 unchanged (1 call)" in said, said
    assert "267227" in done.stdout  # an open order
    assert "142998" in (tmp_path / "listen.log").read_text(), (tmp_path / "listen.log").read_text()


def test_mistaken_mapping_is_answered_as_the_readme_says(folder: Path):
    text = (folder / "acme.yaml").read_text(encoding="utf-8")
    (folder / "wrong.yaml").write_text(text.replace("title: Bezeichnung", "title: Bezeichung"), encoding="utf-8")
    done = run(folder, "feedbridge convert weekly.csv --mapping wrong.yaml --to flipsnack --out out/wrong")
    assert done.returncode == 2
    assert (
        'wrong.yaml:8, product.title: weekly.csv has no column "Bezeichung"; it has Modell, Bezeichnung, Text'
        in done.stderr
    )
    assert 'did you mean "Bezeichnung"?' in done.stderr
    assert not (folder / "out/wrong").exists()


def test_python(folder: Path):
    (code,) = [text for language, text in BLOCKS if language == "python"]
    checks = "assert result.counts['flipsnack']['written'] == 9\nassert result.payload('flipsnack')[0]['type'] == 'product'\n"
    done = subprocess.run(
        [sys.executable, "-c", code + checks],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr

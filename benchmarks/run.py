"""Speed and memory of feedbridge beside scripts and other tools, on the same file, in the same run.

Run: ``make bench``, or ``python benchmarks/run.py [--rows N] [--runs N] [--large] [--only WORD]``.
How it is measured, and what came out: benchmarks/README.md.
Exit status 1 when a contender failed or made other products than the rest.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA = HERE / ".data"
FEEDBRIDGE = [sys.executable, "-m", "feedbridge"]


@dataclass
class Job:
    """One contender on one file.

    ``against``  the job its wall time is divided by, and whose products it must have made
    ``ratio``, ``seconds``, ``peak_mib``  targets; None: none
    ``needs``    a module that must be installed
    ``products`` folder of the batches inside its output; None: it makes no products
    ``leaves``   file that must be in its output when it did its work
    ``statuses`` exit statuses that mean it did (1: feedbridge held the bad products back)
    """

    name: str
    command: list[str]
    data: Path | None
    rows: int = 0
    against: str = ""
    ratio: float | None = None
    seconds: float | None = None
    peak_mib: float | None = None
    needs: str = ""
    products: str | None = "."
    leaves: str = "."
    statuses: tuple[int, ...] = (0,)
    walls: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)
    trouble: str = ""

    @property
    def slug(self) -> str:
        return "".join(letter if letter.isalnum() else "-" for letter in self.name)

    @property
    def out(self) -> Path:
        return DATA / "out" / self.slug

    def wall(self) -> float:
        return statistics.median(self.walls)

    def peak(self) -> float:
        return statistics.median(self.peaks)


def script(name: str, data: Path) -> list[str]:
    return [sys.executable, str(HERE / "contenders" / name), str(data)]


def convert(data: Path, *platforms: str, mapping: str = "shopify", workers: int = 1) -> list[str]:
    targets = [word for name in platforms for word in ("--to", name)]
    return [
        *FEEDBRIDGE, "convert", str(data), "--mapping", mapping, "--set", "currency=EUR", *targets,
        "--workers", str(workers), "--out",
    ]


def table_jobs(data: Path, rows: int, suffix: str, peak_one: float, peak_two: float, peak_all: float) -> list[Job]:
    """The hand-written script (a), and feedbridge's three ways to do its work and more."""
    script_a = f"(a) csv.DictReader + json.dumps{suffix}"
    every = ("flipsnack", "magento", "flickrocket")

    def job(name: str, command: list[str], ratio: float, peak: float) -> Job:
        return Job(
            name + suffix, command, data, rows, script_a, ratio=ratio, peak_mib=peak, products="flipsnack",
            leaves="manifest.json", statuses=(0, 1),
        )

    return [
        Job(script_a, script("hand_written.py", data), data, rows, script_a),
        job("feedbridge to Flipsnack, one process", convert(data, "flipsnack"), 0.8, peak_one),
        job("feedbridge to Flipsnack, two workers", convert(data, "flipsnack", workers=2), 0.45, peak_two),
        job("feedbridge to all three, one process", convert(data, *every), 1.6, peak_all),
    ]


def other_tools(data: Path, rows: int) -> list[Job]:
    script_a = "(a) csv.DictReader + json.dumps"
    return [
        Job("csv.reader alone", script("csv_reader.py", data), data, rows, script_a, products=None, leaves=""),
        Job("polars, grouped", script("polars_grouped.py", data), data, rows, script_a, needs="polars"),
        Job("petl", script("petl_rows.py", data), data, rows, script_a, needs="petl"),
        Job("dlt with a pydantic contract", script("dlt_load.py", data), data, rows, script_a, needs="dlt"),
    ]


def document_jobs(data: Path, rows: int) -> list[Job]:
    script_j = "(j) json.loads + json.dumps, JSON Lines"
    return [
        Job(script_j, script("json_hand_written.py", data), data, rows, script_j),
        Job(
            "feedbridge JSON Lines to Flipsnack", convert(data, "flipsnack", mapping=str(HERE / "pim.yaml")),
            data, rows, script_j, ratio=0.8, peak_mib=150, products="flipsnack", leaves="manifest.json",
            statuses=(0, 1),
        ),
    ]


PRESETS = {
    "shopify": ["--set", "currency=EUR"],
    "woocommerce": ["--set", "currency=EUR", "--set", "decimal=."],
    "magento2": ["--set", "currency=EUR", "--set", "media=https://shop.example/media"],
    "google": [],
}
"""Presets that are measured against a plain mapping of the same file, and what they ask for."""


def preset_jobs(table: Path, rows: int) -> list[Job]:
    """Each preset beside a mapping a user would write for that very file: it makes the same products."""
    jobs = []
    for name, asked in PRESETS.items():
        data = table if name == "shopify" else generate_vendor(name, rows)
        plain = f"plain mapping of the {name} file"
        begin = [*FEEDBRIDGE, "convert", str(data), "--to", "flipsnack", "--workers", "1"]
        of_preset = [*begin, "--mapping", name, *asked, "--out"]
        by_hand = [*begin, "--mapping", str(HERE / "plain" / f"{name}.yaml"), "--out"]
        shared = {"data": data, "rows": rows, "against": plain, "leaves": "manifest.json", "statuses": (0, 1)}
        jobs += [
            Job(plain, by_hand, products="flipsnack", **shared),
            Job(f"preset {name}", of_preset, ratio=1.3, products="flipsnack", **shared),
        ]
    return jobs


def small_jobs(data: Path) -> list[Job]:
    return [
        Job("feedbridge --help", [*FEEDBRIDGE, "--help"], None, seconds=0.15, products=None, leaves=""),
        Job(
            "feedbridge convert of 100 rows", convert(data, "flipsnack"), data, 100, seconds=0.4, products=None,
            leaves="manifest.json", statuses=(0, 1),
        ),
    ]


def generate(kind: str, rows: int, bad_share: float) -> Path:
    """The file to measure with; made once, and again when the generator has changed."""
    path = DATA / f"{rows}-{bad_share:g}.{kind}"
    generator = HERE / "generate.py"
    if not path.exists() or path.stat().st_mtime < generator.stat().st_mtime:
        print(f"writing {path.name} …", file=sys.stderr)
        subprocess.run([sys.executable, str(generator), kind, str(rows), str(bad_share), str(path)], check=True)
    return path


def generate_vendor(kind: str, rows: int) -> Path:
    """The same products as a vendor's system exports them."""
    path = DATA / f"{rows}-{kind}.csv"
    generators = [HERE / "vendor_files.py", HERE / "generate.py"]
    if not path.exists() or path.stat().st_mtime < max(one.stat().st_mtime for one in generators):
        print(f"writing {path.name} …", file=sys.stderr)
        subprocess.run([sys.executable, str(generators[0]), kind, str(rows), str(path)], check=True)
    return path


def run_once(job: Job) -> None:
    """One whole process, its output folder fresh, its input warm."""
    if job.out.exists():
        shutil.rmtree(job.out)
    job.out.parent.mkdir(parents=True, exist_ok=True)
    log = DATA / f"{job.slug}.log"
    command = job.command if job.data is None else [*job.command, str(job.out)]
    measure = [sys.executable, "-I", "-S", str(HERE / "measure.py"), str(log), *command]
    measured = json.loads(subprocess.run(measure, check=True, capture_output=True, text=True).stdout)
    if measured["status"] not in job.statuses or (job.leaves and not (job.out / job.leaves).exists()):
        last = log.read_text(errors="replace").strip().splitlines()[-3:]
        job.trouble = f"exit status {measured['status']}: {' / '.join(last)}"
        return
    job.walls.append(measured["seconds"])
    job.peaks.append(measured["peak_mib"])


def check_agreement(job: Job, reference: Job) -> None:
    """Compare a job's products with those of the job it is measured against."""
    if job is reference or job.products is None or job.data is None or reference.trouble:
        return
    bad = f"{job.data}.bad"
    theirs = reference.out / (reference.products or ".")
    command = [sys.executable, str(HERE / "agree.py"), str(theirs), str(job.out / job.products), bad]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        job.trouble = f"made other products: {(done.stdout + done.stderr).strip()}"


def measure_all(jobs: list[Job], runs: int) -> None:
    """Every job once, then every job again …: a slow minute of the machine falls on all of them."""
    by_name = {job.name: job for job in jobs}
    for number in range(runs):
        for job in jobs:
            if job.trouble:
                continue
            print(f"run {number + 1} of {runs}: {job.name}", file=sys.stderr)
            run_once(job)
            if number == 0 and not job.trouble and job.against:
                check_agreement(job, by_name[job.against])


def verdict(job: Job, ratio: float | None) -> tuple[str, str]:
    """Target and whether it was met."""
    parts, met = [], True
    if job.ratio is not None and ratio is not None:
        parts.append(f"{job.ratio:g} x")
        met &= ratio <= job.ratio
    if job.seconds is not None:
        parts.append(f"{job.seconds:g} s")
        met &= job.wall() <= job.seconds
    if job.peak_mib is not None:
        parts.append(f"{job.peak_mib:g} MiB")
        met &= job.peak() <= job.peak_mib
    return (", ".join(parts), "met" if met else "MISSED") if parts else ("", "")


def lines(jobs: list[Job]) -> Iterable[str]:
    """The table, as Markdown."""
    by_name = {job.name: job for job in jobs}
    yield "| what | wall s | x (a), (j), plain | rows/s | peak MiB | target | |"
    yield "|---|---:|---:|---:|---:|---:|---|"
    for job in jobs:
        if job.trouble or not job.walls:
            yield f"| {job.name} | – | – | – | – | | FAILED |"
            continue
        base = by_name.get(job.against)
        ratio = job.wall() / base.wall() if base is not None and base.walls else None
        target, met = verdict(job, ratio)
        speed = f"{job.rows / job.wall() / 1000:,.0f}k" if job.rows >= 1000 else ""
        shown = "" if ratio is None else f"{ratio:.2f}"
        yield f"| {job.name} | {job.wall():.2f} | {shown} | {speed} | {job.peak():.0f} | {target} | {met} |"


def chosen_jobs(options: argparse.Namespace) -> list[Job]:
    table, documents = (generate(kind, options.rows, options.bad) for kind in ("csv", "jsonl"))
    jobs = [
        *other_tools(table, options.rows), *table_jobs(table, options.rows, "", 150, 150, 200),
        *document_jobs(documents, options.rows), *preset_jobs(table, options.rows), *small_jobs(generate("csv", 100, options.bad)),
    ]
    if options.large:
        million = 1_000_000
        jobs += table_jobs(generate("csv", million, options.bad), million, ", 1,000,000 rows", 350, 350, 350)
    if options.only:
        wanted = [job for job in jobs if options.only.casefold() in job.name.casefold()]
        bases = {job.against for job in wanted}
        jobs = [job for job in jobs if job in wanted or job.name in bases]
    missing = [job for job in jobs if job.needs and importlib.util.find_spec(job.needs) is None]
    for job in missing:
        print(f"left out: {job.name} ({job.needs} is not installed; pip install -e '.[bench]')", file=sys.stderr)
    # The scripts come first, so that the products of the others can be compared with theirs.
    return sorted((job for job in jobs if job not in missing), key=lambda job: job.against != job.name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the table (default: 200000)")
    parser.add_argument("--bad", type=float, default=0.01, help="share of rows with something wrong (default: 0.01)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each, of which the median counts (default: 3)")
    parser.add_argument("--large", action="store_true", help="also a table of 1,000,000 rows")
    parser.add_argument("--only", metavar="WORD", default="", help="only what has this word in its name")
    options = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    jobs = chosen_jobs(options)
    measure_all(jobs, options.runs)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}; Python {platform.python_version()}"
    print(f"{machine}; {options.rows:,} rows, {options.bad:.0%} bad, medians of {options.runs} runs\n")
    print("\n".join(lines(jobs)))
    troubled = [job for job in jobs if job.trouble]
    for job in troubled:
        print(f"\n{job.name}: {job.trouble}", file=sys.stderr)
    return 1 if troubled else 0


if __name__ == "__main__":
    raise SystemExit(main())

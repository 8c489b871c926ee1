"""What a large file takes, in and out: time and memory.

    python benchmarks/importing.py [--rows 1000000] [--runs 3] [--database sqlite|postgresql|URL]

A file of people at 5,000 domains, some at many and most at few of them, is imported on a stated
basis into a fresh installation by `mailer subscriber import`, then exported. In and out are
processes of their own: CPU and memory are theirs, from their first line to their last.
"""

import argparse
import csv
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import _bench
from _bench import Cost, Table, median

DOMAINS = 5_000
ORGANISATIONS = 997
FIRST = ("ana", "ben", "chen", "dana", "elif", "femi", "gita", "hugo", "ines", "jun", "kim", "lee")
LAST = ("abe", "brown", "costa", "diaz", "evans", "garcia", "haddad", "ito", "khan", "silva")
LANGUAGES = ("en", "fr", "ja", "")
HEAD = ("email", "name", "language", "organisation", "country")
BASIS = ("--confirmed", "--basis", "signed up at the annual meeting")


def main() -> None:
    """Measure and print, run by run, then the medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--database", default="sqlite")
    options = parser.parse_args()
    table = Table(("what", "rows/s", "seconds", "CPU µs a row", "peak MB"))
    costs: dict[str, list[Cost]] = {"import": [], "export": []}
    with tempfile.TemporaryDirectory() as folder:
        people = Path(folder) / "people.csv"
        write(people, options.rows)
        for number in range(options.runs):
            home = Path(folder) / str(number)
            home.mkdir()
            for what, cost in zip(costs, once(home, people, options.database), strict=True):
                costs[what].append(cost)
                add(table, f"{what} {number + 1}", options.rows, [cost])
    for what, found in costs.items():
        add(table, f"**{what}, median**", options.rows, found)
    print(table)


def once(home: Path, people: Path, wanted: str) -> tuple[Cost, Cost]:
    """Import a file into a fresh installation and export it again; give what either cost."""
    with _bench.database(wanted, home) as url:
        os.environ["MAILER_DATABASE__URL"] = url
        os.environ["MAILER_LOG__LEVEL"] = "error"
        office = home / "office"
        mailer = [sys.executable, "-m", "mailer"]
        command = [*mailer, "--config", str(office / "config.toml")]
        _bench.run([*mailer, "init", str(office)])
        sender = ["--name", "Meeting News", "--from", "news@office.example"]
        _bench.run([*command, "list", "add", "meetings", *sender])
        taken = _bench.run([*command, "subscriber", "import", "meetings", str(people), *BASIS])
        out = ["--out", str(home / "out.csv")]
        return taken, _bench.run([*command, "subscriber", "export", "meetings", *out])


def add(table: Table, what: str, rows: int, costs: list[Cost]) -> None:
    """Keep a line: medians of some runs."""
    seconds = median(cost.seconds for cost in costs)
    cpu = median(cost.cpu for cost in costs) / rows * 1e6
    peak = median(cost.peak for cost in costs)
    table.add(what, f"{rows / seconds:,.0f}", f"{seconds:.1f}", f"{cpu:.1f}", f"{peak:.0f}")


def write(path: Path, rows: int) -> None:
    """Write a file of people, the same each time."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(HEAD)
        table.writerows(persons(rows))


def persons(rows: int) -> Iterator[tuple[str, ...]]:
    """Give people with distinct addresses, in no order."""
    dice = random.Random(1)
    weights = [1 / (number + 1) for number in range(DOMAINS)]
    domains = dice.choices(
        [f"office{number}.example.org" for number in range(DOMAINS)], weights, k=rows
    )
    for number, domain in enumerate(domains):
        first, last = dice.choice(FIRST), dice.choice(LAST)
        place = f"Office {number % ORGANISATIONS}"
        language = LANGUAGES[number % len(LANGUAGES)]
        email = f"{first}.{last}.{number * 7919 % 10**7}@{domain}"
        yield email, f"{first.title()} {last.title()}", language, place, "Fiji"


if __name__ == "__main__":
    main()

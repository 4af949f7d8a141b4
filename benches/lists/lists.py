"""Lists with a year's data: how long their pages take, and that no statement of theirs reads a whole table."""

import json
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from databases import Postgres, Sqlite
from homeserver import Homeserver
from pages import Measured, exports, pages, visitors
from processes import ROOT, Children, Failure, run, say
from tools import start_postgres
from world import ADMINISTRATION, HOME, Size, World, apply_file

SUMS = re.compile(r"^insert into \w+ .*?;$", re.MULTILINE | re.DOTALL)


def fill(database: Sqlite | Postgres, binary: Path, environment: dict[str, str], folder: Path, world: World) -> None:
    begun = time.monotonic()
    with_database = {**environment, "TCHAP_CONNECT_DATABASE_URL": database.url}
    run([binary, "migrate"], "migrate", env=with_database, cwd=folder)
    run([binary, "apply", folder / "world.toml"], "apply", env=with_database, cwd=folder)
    database.fill(world.tables())
    # What the program adds up at every sign-in the migration adds up from the counts.
    for sums in SUMS.findall((ROOT / "migrations/0018_lists.sql").read_text()):
        database.execute(sums)
    say(f"{database.name}: filled in {time.monotonic() - begun:.0f} s, {database.size() / 1e9:.1f} GB")


def table(database: str, measured: list[tuple[Measured, list[float]]]) -> list[str]:
    """Prints the times in milliseconds; answers which pages are too slow."""
    print(f"\n{database}: milliseconds of {len(measured[0][1])} requests each, one at a time\n")
    print("| page | p50 | p95 | longest |\n|---|---|---|---|")
    slow = []
    for page, times in measured:
        p95 = times[int(len(times) * 0.95) - 1]
        is_slow = p95 > page.limit
        print(f"| {page.name} | {statistics.median(times):.1f} | {p95:.1f}{' **too slow**' if is_slow else ''} | {times[-1]:.1f} |")
        if is_slow:
            slow.append(f"{database}: {page.name}: p95 {p95:.0f} ms, at most {page.limit:.0f}")
    return slow


def statements(log: Path) -> set[str]:
    """The reading statements in a provider's debug log."""
    found = set()
    for line in log.read_text().splitlines():
        fields = json.loads(line).get("fields", {}) if line.startswith("{") else {}
        sql = (fields.get("db.statement") or "").strip() or fields.get("summary", "")
        if sql.startswith(("select", "with")):
            found.add(sql)
    return found


def measure_lists(binary: Path, folder: Path, size: Size, times: int, only: str | None,
                  start: Callable[[Children, str, dict[str, str], str], str]) -> None:
    """`start` starts the provider on a database and answers its address."""
    world = World(size, int(time.time()))
    homeserver = Homeserver(HOME, ADMINISTRATION)
    (folder / "world.toml").write_text(apply_file(homeserver.url))
    problems = []
    for name in ("sqlite", "postgres"):
        if only not in (None, name):
            continue
        with Children(folder / "logs") as children:
            if name == "sqlite":
                database = Sqlite(folder)
            else:
                database = Postgres(start_postgres(children, folder / "postgres"), folder / "logs/postgres.log")
            problems += measure(database, binary, folder, world, times, start)
        if name == "sqlite":
            for file in folder.glob("lists.db*"):
                file.unlink()
    if problems:
        raise Failure("\n".join(problems))


def measure(database: Sqlite | Postgres, binary: Path, folder: Path, world: World, times: int, start) -> list[str]:
    world = World(world.size, world.now)
    url = {"TCHAP_CONNECT_DATABASE_URL": database.url}
    with Children(folder / "logs") as children:
        # The first start makes the keys.
        environment, _ = start(children, f"{database.name}-filling", url, "warn")
    fill(database, binary, environment, folder, world)
    with Children(folder / "logs") as children:
        environment, issuer = start(children, database.name, url, "warn")
        who = visitors(issuer, binary, environment, folder)
        asked = pages(world, *who)
        say(f"{database.name}: measuring {len(asked)} pages …")
        measured = []
        for page in asked:
            measured.append((page, page.run(times, before=3)))
        problems = table(database.name, measured)
        print(f"\n| {database.name}: download | ms | MB |\n|---|---|---|")
        for name, path in exports(world):
            who[0].connection.close()
            milliseconds, status, text = who[0].request(path)
            if status != 200:
                raise Failure(f"{path}: {status}")
            print(f"| {name} | {milliseconds:.0f} | {len(text) / 1e6:.2f} |")
    if isinstance(database, Postgres):
        database.explain_everything()
    with Children(folder / "logs") as children:
        name = f"{database.name}-plans"
        start(children, name, url, "warn,sqlx::query=debug")
        for page in asked:
            # PostgreSQL makes its plan for all parameters at the sixth time.
            page.run(7 if isinstance(database, Postgres) else 1)
        seen = statements(folder / f"logs/{name}.log")
        scans = database.scans(seen)
    print(f"\n{database.name}: {len(scans)} statements of the pages read a whole table of more than a few rows", flush=True)
    return problems + [f"{database.name}: {scan}" for scan in scans]

"""The two databases as the benchmark fills and asks them: rows in bulk, with the indexes made afterwards, and query plans."""

import json
import re
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from processes import Failure
from tools import postgres_bin

# A scan of fewer rows is no matter: the lists of homeservers, keys and the like.
SMALL = 500
# What a report of everything adds up, once a day, is all that there is (decision 68).
WHOLE = ("sign_in_counts", "sign_in_totals")
# Nor is there an order to a count: of what an emergency would end (decision 68), and of the unknown domains, whose number is limited.
COUNTS = tuple(f"select count(*) from {what}" for what in ("authorizations z", "browser_sessions s", "session_clients c", "unknown_email_domains"))


class Sqlite:
    name = "SQLite"

    def __init__(self, folder: Path):
        self.path = folder / "lists.db"
        self.url = f"sqlite:{self.path}"

    def connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, isolation_level=None)

    def fill(self, tables: Iterator[tuple[str, str, Iterator[tuple]]]) -> None:
        db = self.connect()
        for pragma in ("journal_mode = off", "synchronous = off", "cache_size = -1000000", "foreign_keys = off"):
            db.execute(f"pragma {pragma}")
        # Made by one sort instead of a million insertions.
        indexes = db.execute("select name, sql from sqlite_master where type = 'index' and sql is not null").fetchall()
        for name, _ in indexes:
            db.execute(f"drop index {name}")
        for table, columns, rows in tables:
            names = columns.split()
            db.execute("begin")
            db.execute(f"delete from {table}")
            db.executemany(f"insert into {table} ({', '.join(names)}) values ({', '.join('?' * len(names))})", rows)
            db.execute("commit")
        for _, sql in indexes:
            db.execute(sql)
        db.close()

    def execute(self, sql: str) -> None:
        db = self.connect()
        db.executescript(sql)
        db.close()

    def size(self) -> int:
        return self.path.stat().st_size

    def processes(self) -> list[int]:
        """Those of the database."""
        return []

    def scans(self, statements: Iterable[str]) -> list[str]:
        """What of these reads a whole table or a whole index that is not small, with the statement."""
        db, found = self.connect(), []
        large = [name for (name,) in db.execute("select name from sqlite_master where type = 'table'").fetchall()
                 if db.execute(f"select count(*) from (select 1 from {name} limit {SMALL + 1})").fetchone()[0] > SMALL]
        for sql in statements:
            plan = [row[3] for row in db.execute(f"explain query plan {sql}", [None] * sql.count("$"))]
            aliases = dict(re.findall(r"\b(?:from|join)\s+(\w+)\s+(?!where|join|left|on|order|group)(\w+)\b", sql))
            of = {alias: table for table, alias in aliases.items()}
            for step in plan:
                match = re.match(r"SCAN (\w+)", step)
                if match and of.get(match[1], match[1]) in large and match[1] not in WHOLE:
                    found.append(f"{step}: {' '.join(sql.split())}")
        db.close()
        return found


class Postgres:
    name = "PostgreSQL"

    def __init__(self, server: str, log: Path):
        self.server, self.log = server, log
        self.url = server.removesuffix("/postgres") + "/lists"
        self.ask("create database lists", self.server)

    def psql(self, url: str | None = None) -> list[str]:
        program = str(postgres_bin() / "psql")
        return [program, url or self.url, "--quiet", "--no-psqlrc", "--tuples-only", "--no-align", "-v", "ON_ERROR_STOP=1"]

    def ask(self, sql: str, url: str | None = None) -> list[str]:
        done = subprocess.run([*self.psql(url), "-c", sql], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"psql: {done.stderr}")
        return done.stdout.splitlines()

    def fill(self, tables: Iterator[tuple[str, str, Iterator[tuple]]]) -> None:
        loose = """select indexname || '|' || indexdef from pg_indexes where schemaname = 'public' and indexname not in
                   (select conname from pg_constraint)"""
        indexes = [line.split("|", 1) for line in self.ask(loose)]
        for name, _ in indexes:
            self.ask(f"drop index {name}")
        for table, columns, rows in tables:
            # As replication writes: nobody asks for every row whether what it refers to is there.
            begin = f"set session_replication_role = replica; delete from {table};"
            copy = f"copy {table} ({', '.join(columns.split())}) from stdin"
            process = subprocess.Popen([*self.psql(), "-c", begin, "-c", copy], stdin=subprocess.PIPE, text=True)
            process.stdin.writelines("\t".join(map(field, row)) + "\n" for row in rows)
            process.stdin.close()
            if process.wait() != 0:
                raise Failure(f"{table} could not be filled")
        for _, sql in indexes:
            self.ask(sql)
        self.ask("vacuum analyze")

    def execute(self, sql: str) -> None:
        self.ask(sql)

    def size(self) -> int:
        return int(self.ask("select pg_database_size('lists')")[0])

    def processes(self) -> list[int]:
        """Those of the database that work for the provider."""
        return [int(pid) for pid in self.ask("select pid from pg_stat_activity where application_name = 'tchap-connect'")]

    def explain_everything(self) -> None:
        """From now on new connections write the plan of every statement that they run into the server's log."""
        # The first one loads what knows the others.
        for setting in ("session_preload_libraries = 'auto_explain'", "auto_explain.log_min_duration = 0",
                        "auto_explain.log_format = 'json'"):
            self.ask(f"alter system set {setting}", self.server)
            self.ask("select pg_reload_conf()", self.server)

    def scans(self, _statements: Iterable[str]) -> list[str]:
        """The sequential scans among the plans in the server's log."""
        large = set(self.ask(f"select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and reltuples > {SMALL}")) - set(WHOLE)
        found = set()
        for plan in plans(self.log.read_text(errors="replace")):
            # The clean-up deletes from what is nearly empty.
            text = plan["Query Text"].lstrip()
            if not text.startswith("select") or text.startswith(COUNTS):
                continue
            for node in nodes(plan["Plan"]):
                if node["Node Type"] == "Seq Scan" and node["Relation Name"] in large:
                    found.add(f"Seq Scan on {node['Relation Name']}: {' '.join(plan['Query Text'].split())}")
        return sorted(found)


def field(value: object) -> str:
    """As COPY reads it."""
    if value is None:
        return r"\N"
    return value.replace("\\", r"\\").replace("\n", r"\n").replace("\t", r"\t") if isinstance(value, str) else str(value)


def plans(log: str) -> Iterator[dict]:
    decoder = json.JSONDecoder()
    for match in re.finditer(r"duration: [\d.]+ ms  plan:\n", log):
        yield decoder.raw_decode(log, match.end() + log[match.end():].index("{"))[0]


def nodes(plan: dict) -> Iterator[dict]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)

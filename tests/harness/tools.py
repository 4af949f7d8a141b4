"""What the tests need beside Cargo: looked for, installed where we may, named where we may not; then started."""

import glob
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

from processes import ROOT, Children, Failure, answers, free_port, run, say


def postgres_bin() -> Path | None:
    """Debian keeps PostgreSQL's server programs off the PATH, one folder a version."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: float(path.split("/")[4]))
    found = found or [path for path in [shutil.which("initdb")] if path]
    return Path(found[-1]).parent if found else None


# What each kind of test run needs of Debian.
TESTS = ["postgresql", "chromium", "chromium-driver", "npm", "python3-venv"]
INTEROP = ["npm", "python3-venv", "apache2", "libapache2-mod-auth-openidc"]


def missing_packages(wanted: list[str]) -> list[str]:
    there = {
        "postgresql": postgres_bin,
        "chromium": lambda: shutil.which("chromium"),
        "chromium-driver": lambda: shutil.which("chromedriver"),
        "npm": lambda: shutil.which("npm"),
        "python3-venv": lambda: importlib.util.find_spec("ensurepip"),
        "apache2": lambda: Path("/usr/sbin/apache2").exists(),
        "libapache2-mod-auth-openidc": lambda: Path("/usr/lib/apache2/modules/mod_auth_openidc.so").exists(),
    }
    return [package for package in wanted if not there[package]()]


def install_missing(wanted: list[str] = TESTS) -> None:
    """Debian packages as root or with a sudo that asks nothing; npm packages into node_modules. Never anything else."""
    if shutil.which("cargo") is None:
        raise Failure("Rust's cargo is missing: install a stable toolchain (Cargo.toml names the oldest that works).")
    missing = missing_packages(wanted)
    if missing:
        install_debian_packages(missing)
    lock, stamp = ROOT / "package-lock.json", ROOT / "node_modules/.package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        say("Installing npm packages with npm ci …")
        run(["npm", "ci", "--no-audit", "--no-fund"], "npm ci", cwd=ROOT)
        stamp.touch()


def install_debian_packages(packages: list[str]) -> None:
    by_hand = f"apt-get install {' '.join(packages)}"
    sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    may = shutil.which("apt-get") and (not sudo or shutil.which("sudo") and subprocess.run([*sudo, "true"]).returncode == 0)
    if not may:
        raise Failure(f"Missing, and only an administrator can install it: {', '.join(packages)}.\n  On Debian: {by_hand}")
    say(f"Installing Debian packages: {', '.join(packages)} …")
    quiet = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]
    run([*quiet, "update"], "apt-get update")
    run([*quiet, "install", "--no-install-recommends", *packages], by_hand)


def start_postgres(children: Children, folder: Path) -> str:
    """A throw-away cluster in `folder`, gone with it. Returns the URL of its maintenance database."""
    programs, port = postgres_bin(), free_port()
    folder.mkdir()
    account = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        account = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    init = [programs / "initdb", "-D", folder, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
    run(init, "initdb", cwd=folder, **account)
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": folder,
        "max_connections": 300,  # tests run side by side, each with a pool of its own
        "fsync": "off",
        "full_page_writes": "off",
        "autovacuum": "off",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    # SIGINT is PostgreSQL's "fast" stop: it does not wait for clients that forgot to leave.
    children.start(
        "postgres",
        [programs / "postgres", "-D", folder, "-p", port, *options],
        stop_signal=signal.SIGINT,
        cwd=folder,
        **account,
    )
    ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    children.wait_until(lambda: subprocess.run(ready).returncode == 0, "PostgreSQL", 30)
    return f"postgres://postgres@127.0.0.1:{port}/postgres"


def start_chromedriver(children: Children) -> str:
    url = f"http://127.0.0.1:{(port := free_port())}"
    children.start("chromedriver", [shutil.which("chromedriver"), f"--port={port}"])
    children.wait_until(lambda: answers(f"{url}/status"), "chromedriver", 30)
    return url


def start_oidc_provider(children: Children) -> str:
    """The certified provider that the restated conformance modules are proven on. Returns its issuer."""
    issuer = f"http://127.0.0.1:{(port := free_port())}"
    children.start("oidc-provider", [shutil.which("node"), ROOT / "tests/conformance/oidc_provider.mjs", port])
    children.wait_until(lambda: answers(f"{issuer}/.well-known/openid-configuration"), "oidc-provider", 30)
    return issuer

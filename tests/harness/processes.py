"""Child processes of the demo and of the test run: started with a log file each, awaited, and stopped by their own id."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
# A proxy in the environment must never see loopback traffic.
LOOPBACK = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
_PR_SET_PDEATHSIG = 1


class Failure(Exception):
    """Something that ends the run; its text is written for the person in front of the terminal."""


def say(text: str) -> None:
    """A line of progress. Goes to stderr: stdout belongs to results."""
    print(f"• {text}", file=sys.stderr, flush=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def port_is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def answers(url: str) -> bool:
    """Whether a GET of `url` is answered 200 within two seconds."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as response:
            return response.status == 200
    except OSError:
        return False


def tail(log: Path, lines: int = 25) -> str:
    text = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(f"    {line}" for line in text[-lines:]) or "    (its log is empty)"


def replace_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Write `path` so that a reader sees the old text or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode), "w") as file:
        file.write(text)
    partial.replace(path)


def _die_with_parent() -> None:
    # If this program is killed outright, the kernel stops what it started: no port stays taken.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # Ctrl-C goes to the whole terminal group; children wait for the orderly stop instead.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Children:
    """A set of child processes that live and die together. Use as a context manager."""

    def __init__(self, logs: Path):
        self.logs = logs
        self._running: list[tuple[str, subprocess.Popen, Path, signal.Signals]] = []
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "Children":
        def stop(number, _frame):
            raise KeyboardInterrupt(signal.Signals(number).name)

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGHUP, stop)
        return self

    def __exit__(self, *_exc) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave half of them running
        for _, process, _, stop_signal in reversed(self._running):
            if process.poll() is None:
                process.send_signal(stop_signal)
        for _, process, _, _ in reversed(self._running):
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(
        self, name: str, command: list, env: dict[str, str] | None = None, stop_signal=signal.SIGTERM, **options
    ) -> subprocess.Popen:
        log = self.logs / f"{name}.log"
        with open(log, "wb") as output:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **LOOPBACK, **(env or {})},
                preexec_fn=_die_with_parent,
                **options,
            )
        self._running.append((name, process, log, stop_signal))
        return process

    def check(self) -> None:
        """Raise a Failure that names the first child that has ended, with the end of its log."""
        for name, process, log, _ in self._running:
            if process.poll() is not None:
                raise Failure(f"{name} stopped (exit code {process.returncode}). The end of {log}:\n{tail(log)}")

    def wait_until(self, condition, what: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            self.check()
            if time.monotonic() > deadline:
                raise Failure(f"{what} was not ready after {seconds:.0f} s; logs are in {self.logs}")
            time.sleep(0.05)

    def watch(self) -> None:
        """Block until a child ends (a Failure) or a signal arrives (KeyboardInterrupt)."""
        while True:
            self.check()
            time.sleep(0.3)


def run(command: list, what: str, **options) -> None:
    """Run one command to its end; its output is shown only when it fails."""
    done = subprocess.run(
        [str(part) for part in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, **options
    )
    if done.returncode != 0:
        raise Failure(f"{what} failed (exit code {done.returncode}):\n{(done.stdout + done.stderr)[-4000:]}")


def python_venv(folder: Path, requirements: list[str]) -> Path:
    """A virtual environment holding exactly these requirements; made again when they change. Returns its bin/."""
    stamp, wanted = folder / ".ready", "\n".join([sys.version, *requirements])
    if stamp.exists() and stamp.read_text() == wanted:
        return folder / "bin"
    say(f"Installing {', '.join(requirements)} into {folder.relative_to(ROOT)} (once, about half a minute) …")
    shutil.rmtree(folder, ignore_errors=True)
    run([sys.executable, "-m", "venv", folder], "python3 -m venv (on Debian: apt-get install python3-venv)")
    run([folder / "bin/pip", "install", "--quiet", *requirements], "pip install")
    replace_atomically(stamp, wanted)
    return folder / "bin"

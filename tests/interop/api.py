"""The API against its OpenAPI document: schemathesis, as an operator's program and as a partner's. Their accesses are made as
people make them: signed in, with the second factor, in the console's form."""

import base64
import hmac
import json
import os
import re
import struct
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode, urljoin

from browser import Browser
from homeservers import ACCOUNTS, PASSWORD
from processes import CACHE, LOOPBACK, Failure, say

VENV = CACHE / "schemathesis-venv"
REQUIREMENTS = ["schemathesis==4.32.5"]
OPERATOR, PARTNER = ACCOUNTS[0], ACCOUNTS[1]
# What is asked of every answer. Not among them: that data which fit the document are taken (a name may be taken, an address wrong), and
# that a missing header is a 400 or so (a missing If-Match is a 428, RFC 6585, which the tests in Rust ask for).
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
]
EXAMPLES = 20  # for each operation
SECONDS = 60  # for each access


def totp(secret: str, at: float) -> str:
    """RFC 6238 with its defaults."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(at) // 30), "sha1")
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


def text(body: str, identifier: str) -> str:
    found = re.search(rf'id="{identifier}"[^>]*>([^<]*)<', body)
    if not found:
        raise Failure(f"no #{identifier} in\n{body[:3000]}")
    return found.group(1).strip()


def signed_in(account: dict, issuer: str) -> Browser:
    browser = Browser({"identifier-form": {"identifier": account["email"]}, "password-form": {"password": PASSWORD}})
    browser.visit(f"{issuer}/console")
    return browser


def enrol(browser: Browser, issuer: str, code: str) -> None:
    """The second factor, with the one-time code of the command line."""
    page = browser.open(f"{issuer}/console")
    form = page.forms()["enrol-form"]
    page = browser.open(urljoin(page.url, form.action), {**form.fields, "enrolment": code})
    secret = text(page.body, "factor-secret").replace(" ", "")
    form = page.forms()["factor-form"]
    browser.open(urljoin(page.url, form.action), {**form.fields, "code": totp(secret, time.time())})


def access(browser: Browser, issuer: str, role: str) -> tuple[str, str]:
    """An access with every scope that the form offers: its id and secret."""
    page = browser.open(f"{issuer}/console/api/nouveau?" + urlencode({"role": role, "administration": ""}))
    form = page.forms()["api-form"]
    page = browser.open(urljoin(page.url, form.action), {**form.fields, "name": "schemathesis", "days": "30"})
    return text(page.body, "new-client-id"), text(page.body, "client-secret")


def token(issuer: str, client: tuple[str, str]) -> str:
    basic = base64.b64encode(":".join(client).encode()).decode()
    form = urlencode({"grant_type": "client_credentials"}).encode()
    request = urllib.request.Request(f"{issuer}/token", data=form, headers={"Authorization": f"Basic {basic}"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        return json.load(answer)["access_token"]


def schemathesis(issuer: str, bearer: str, report: Path) -> bool:
    """Whether nothing was found. What was, is in the report."""
    command = [
        *(VENV / "bin/schemathesis", "run", f"{issuer}/api/v1/openapi.json"),
        *("--header", f"Authorization: Bearer {bearer}"),
        *("--checks", ",".join(CHECKS)),
        *("--phases", "examples,coverage,fuzzing"),
        *("--max-examples", str(EXAMPLES), "--max-time", str(SECONDS), "--seed", "1", "--continue-on-failure"),
        *("--request-timeout", "20", "--no-color"),
    ]
    with report.open("wb") as output:
        done = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **LOOPBACK},
            cwd=report.parent,
        )
    return done.returncode == 0


def check(issuer: str, command: Callable[..., dict], folder: Path) -> int:
    """Returns how many of the two accesses met something that they should not. `command` runs the provider's command line."""
    operator, partner = signed_in(OPERATOR, issuer), signed_in(PARTNER, issuer)
    code = command("operator", "add", OPERATOR["user_id"])["enrolment_code"]
    enrol(operator, issuer, code)
    failed = 0
    for name, browser, role in (("partner", partner, ""), ("operator", operator, "operator")):
        began, report = time.monotonic(), folder / f"schemathesis-{name}.txt"
        good = schemathesis(issuer, token(issuer, access(browser, issuer, role)), report)
        failed += not good
        result = "ok" if good else f"FAILED: {report}"
        print(f"{'API, by schemathesis':<20} {name:<28} {result} ({time.monotonic() - began:.1f} s)", flush=True)
        if not good:
            say("\n".join(report.read_text(errors="replace").splitlines()[-60:]))
    return failed

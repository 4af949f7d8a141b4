"""What is measured: every list and search of the console, of operators, partners and agents, and the public page."""

import base64
import hashlib
import hmac
import html
import http.client
import re
import struct
import subprocess
import time
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from browser import Browser
from homeserver import PASSWORD
from processes import Failure
from world import ADMINISTRATION, BUSY_CLIENT, BUSY_NETWORK, DAY, HOME, OPERATOR, PARTNER, World, client_id

NEXT = "pager-next"
# What an emergency would end is counted over all that lives: no list (decision 68).
COUNT = 2000


def totp(secret: str) -> str:
    """RFC 6238, six digits."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    number = struct.unpack(">I", digest[digest[-1] & 15:][:4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


class Visitor:
    """Somebody signed in, on one connection that is kept."""

    def __init__(self, issuer: str, who: str = ""):
        self.issuer, self.who, self.cookies, self.shown = issuer, who, "", ""
        parts = urlsplit(issuer)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)

    def sign_in(self, place: str) -> Browser:
        matrix_id = f"@{self.who}-{ADMINISTRATION}:{HOME}"
        browser = Browser({"identifier-form": {"identifier": matrix_id}, "password-form": {"password": PASSWORD}})
        page = browser.visit(self.issuer + place)
        if page.status != 200 or "password-form" not in browser.seen:
            raise Failure(f"{self.who} could not sign in: {page}")
        self.keep(browser)
        return browser

    def keep(self, browser: Browser) -> None:
        jar = next(handler.cookiejar for opener in browser._openers.values() for handler in opener.handlers
                   if hasattr(handler, "cookiejar"))
        self.cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)

    def enrol(self, browser: Browser, code: str) -> None:
        browser.answers["enrol-form"] = {"enrolment": code}
        page = browser.visit(f"{self.issuer}/console")
        secret = re.search(r'id="factor-secret"[^>]*>([A-Z2-7 ]+)<', page.body)
        if not secret:
            raise Failure(f"no secret of a second factor: {page}")
        form = page.forms()["factor-form"]
        page = browser.open(self.issuer + form.action, {**form.fields, "code": totp(secret[1].replace(" ", ""))})
        if 'id="console"' not in page.body:
            raise Failure(f"the second factor was not taken: {page}")
        self.keep(browser)

    def request(self, path: str, form: dict[str, str] | None = None) -> tuple[float, int, str]:
        """Milliseconds, status, body."""
        headers = {"Cookie": self.cookies, "Accept-Language": "fr"}
        body = None
        if form is not None:
            body = urlencode({**form, "shown": self.shown})
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        begun = time.perf_counter()
        self.connection.request("GET" if form is None else "POST", path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        return (time.perf_counter() - begun) * 1000, answer.status, text.decode(errors="replace")

    def open(self, path: str) -> str:
        _, status, text = self.request(path)
        if status != 200:
            raise Failure(f"{path}: {status} {text[:2000]}")
        return text

    def link(self, path: str, ident: str) -> str | None:
        """The address of this link of a page, if it has one."""
        found = re.search(rf'<a [^>]*id="{ident}"[^>]*>', self.open(path))
        return html.unescape(re.search(r'href="([^"]+)"', found[0])[1]) if found else None


class Measured:
    """A page: its name, who asks, its address or form, and the greatest p95 that passes, in milliseconds."""

    def __init__(self, name: str, visitor: Visitor, path: str, form: dict[str, str] | None = None, limit: float = 50):
        self.name, self.visitor, self.path, self.form, self.limit = name, visitor, path, form, limit

    def run(self, times: int) -> list[float]:
        """The milliseconds of so many requests, sorted."""
        taken = []
        self.visitor.connection.close()  # the provider closes one that was idle for long
        for _ in range(times):
            milliseconds, status, text = self.visitor.request(self.path, self.form)
            if status not in (200, 303):
                raise Failure(f"{self.name}: {status} at {self.path}\n{text[:2000]}")
            taken.append(milliseconds)
        return sorted(taken)


def wait_for_reports(operator: Visitor) -> None:
    """Those of everything are made once a day, beginning when the provider starts."""
    for _ in range(30):
        operator.connection.close()
        if operator.request("/console/statistiques?jours=365")[1] == 200:
            return
    raise Failure("the statistics of a year were not added up")


def visitors(issuer: str, binary: Path, environment: dict[str, str], folder: Path) -> tuple[Visitor, Visitor, Visitor]:
    """An operator who has just given the second factor, a partner with many clients who manages an administration too, and an
    agent with a long history."""
    operator, partner, busy = (Visitor(issuer, who) for who in (OPERATOR, PARTNER, "assidu"))
    done = subprocess.run([binary, "operator", "add", f"@{OPERATOR}-{ADMINISTRATION}:{HOME}"], env=environment, cwd=folder,
                          capture_output=True, text=True)
    code = re.search(r"enrolment code\s+(\S+)", done.stdout)
    if not code:
        raise Failure(f"there is no operator: {done.stdout} {done.stderr}")
    operator.enrol(operator.sign_in("/console"), code[1])
    partner.sign_in("/console")
    busy.sign_in("/mon-compte")
    operator.shown = re.search(r'name="shown" value="([^"]+)"', operator.open("/console/agents"))[1]
    return operator, partner, busy


def pages(world: World, operator: Visitor, partner: Visitor, busy: Visitor) -> list[Measured]:
    console, found = "/console", []

    def add(name: str, path: str, visitor: Visitor = operator, form: dict[str, str] | None = None, limit: float = 50) -> None:
        found.append(Measured(name, visitor, path, form, limit))

    def add_with_next(name: str, path: str, ident: str, visitor: Visitor = operator) -> None:
        add(name, path, visitor)
        if following := visitor.link(path, ident):
            add(f"{name}, next page", following, visitor)

    services = f"{console}/services"
    add_with_next("services", services, NEXT)
    add_with_next("services by name", f"{services}?qui=tous&nom=portail", NEXT)
    add("services by id", f"{services}?nom={client_id(4321)}")
    add_with_next("services by stage", f"{services}?qui=tous&etape=sandbox", NEXT)
    add_with_next("requests that wait", f"{services}/demandes", NEXT)
    add("a service, its health", f"{services}/{BUSY_CLIENT}")
    add_with_next("a service, its history", f"{services}/{BUSY_CLIENT}/historique", NEXT)
    add_with_next("partner: services", f"{services}?qui=miens", NEXT, partner)
    add_with_next("manager: services", f"{services}?qui=administration", NEXT, partner)
    add("manager: services by stage", f"{services}?qui=administration&etape=requested", partner)
    add("partner: a service", f"{services}/{BUSY_CLIENT}", partner)
    administrations = f"{console}/administrations"
    add_with_next("administrations", administrations, NEXT)
    for word in ("d", "direction", "13000", "administration-29", "introuvable"):
        add(f"administrations: {word}", f"{administrations}?q={word}")
    add("unknown domains", f"{administrations}/inconnus")
    add("homeservers", f"{console}/serveurs")
    add("a homeserver", f"{console}/serveurs/nom/{HOME}")
    add("signing keys", f"{console}/cles")
    add("team", f"{console}/equipe")
    search = f"{console}/agents/recherche"
    add("agent by Matrix id", search, form={"identifier": world.matrix_id(world.size.agents // 2)})
    add("agent by e-mail address", search, form={"identifier": f"{PARTNER}@{ADMINISTRATION}"})
    add("agent by sub", search, form={"identifier": "0123456789abcdef0123456789abcdef"})
    add("an agent", f"{console}/agents/{world.agent_id(1000)}")
    add("an agent with 5,000 authorizations", f"{console}/agents/{world.agent_id(2)}")
    for kind, name in (("client", BUSY_CLIENT), ("administration", ADMINISTRATION), ("homeserver", "agent.ministere-1.tchap.test"),
                       ("homeserver", "agent.ministere-9.tchap.test")):
        add(f"emergency: {name}", f"{console}/agents/urgence/apercu", form={"kind": kind, "name": name}, limit=COUNT)
    add_journal(world, add, add_with_next)
    for days in (7, 30, 365):
        statistics = f"{console}/statistiques?jours={days}"
        add(f"statistics, {days} days", statistics)
        add(f"statistics of a service, {days} days", f"{statistics}&service={BUSY_CLIENT}", partner)
        add(f"statistics of an administration, {days} days", f"{statistics}&administration={ADMINISTRATION}", partner)
    add("partner: statistics", f"{console}/statistiques", partner)
    add("public statistics", "/stats", Visitor(operator.issuer))
    add("agent: my account", "/mon-compte", busy)
    add_with_next("agent: my sign-ins", "/mon-compte/connexions", "history-older", busy)
    return found


def add_journal(world: World, add, add_with_next) -> None:
    """Each filter and those that meet, at the beginning, in the middle and at the end of the log."""
    journal = "/console/journal"

    def day(before: int) -> str:
        return datetime.fromtimestamp(world.now - before * DAY, timezone.utc).strftime("%Y-%m-%d")

    filters = {
        "": {}, "acts": {"categorie": "administrative"}, "security": {"categorie": "security"},
        "frequent": {"acte": "login.throttled"}, "rare": {"acte": "key.rotated"},
        "by the system": {"auteur": "system"}, "by an operator": {"auteur": "agent", "auteur_id": world.agent_id(0)},
        "by an agent": {"auteur": "agent", "auteur_id": world.agent_id(77)},
        "of a client": {"objet": "client", "objet_id": BUSY_CLIENT}, "of a network": {"objet": "network", "objet_id": BUSY_NETWORK},
    }
    met = [("acts", "of a client"), ("security", "of a client"), ("rare", "of a client"), ("by an operator", "of a client"),
           ("by the system", "of a client"), ("by the system", "of a network"), ("frequent", "of a network"),
           ("rare", "by the system"), ("acts", "by the system"), ("security", "by an operator"), ("frequent", "by an operator")]
    for name, fields in filters.items():
        path = f"{journal}?{urlencode(fields)}"
        title = f"journal {name}".strip()
        if name == "by an agent":
            add(title, path)
            continue
        add_with_next(title, path, NEXT)
        add(f"{title}, middle", f"{path}&au={day(180)}")
        add(f"{title}, end", f"{path}&au={day(360)}")
        add(f"{title}, a day", f"{path}&du={day(100)}&au={day(100)}")
    for one, other in met:
        path = f"{journal}?{urlencode({**filters[one], **filters[other]})}"
        add(f"journal {one}, {other}", path)
        add(f"journal {one}, {other}, end", f"{path}&au={day(359)}")


def exports(world: World) -> list[tuple[str, str]]:
    """What is downloaded whole: name and address."""
    return [("administrations", "/console/administrations/export"),
            ("statistics, 365 days", "/console/statistiques/export?jours=365&format=csv"),
            ("journal (its newest 100,000)", f"/console/journal/export?objet=network&objet_id={quote(BUSY_NETWORK)}")]

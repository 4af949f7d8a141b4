"""A provider that has run for a year: 10,000 clients, 1,000,000 agents, 5,000,000 audit events and what hangs on them.

Everything is made from one seed, so that both databases hold the same. `tables` gives the rows table by table; what the
program itself writes best (homeservers, administrations with what they are found by) comes from `apply_file`.
"""

import itertools
import json
import random
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

DAY = 86_400
HOME = "agent.liste.tchap.test"
GUESTS = "agent.externe.tchap.test"
# Who signs in while it is measured; the last one has far more of everything than others.
OPERATOR, PARTNER, BUSY = "operateur", "partenaire", "assidu"
ADMINISTRATION = "administration-0.gouv.fr"
BUSY_CLIENT, BUSY_NETWORK = "client-00000", "192.0.2.0/24"
WAYS = ["oauth", "sso", "password"]
FIRST_NAMES = "Jean Claire Anne Luc Paul Sophie Karim Nadia Hugo Alice Élodie François Zoé Inès Théo Chloé".split()
LAST_NAMES = "Dupont Martin Bernard Haddad Morel Petit Durand Leroy Moreau Simon Laurent Lefèvre Michel García Roux".split()
THINGS = "Démarche Agenda Annuaire Courrier Dossier Enquête Formation Gestion Inventaire Messagerie Portail Suivi".split()
SECURITY = [
    ("login.throttled", "system", "account", 34), ("login.throttled", "system", "network", 16),
    ("form.from_another_site", "system", "network", 12), ("account.state_changed", "system", "agent", 10),
    ("login.too_many_unfinished", "system", "network", 10), ("login.loop_stopped", "system", "client", 6),
    ("code.replayed", "client", "client", 6), ("refresh_token.reused", "client", "authorization", 3),
    ("second_factor.failed", "agent", "agent", 2), ("account.recreated", "system", "agent", 1),
]
ACTS = [
    ("client.changed", "agent", "client", 40), ("client.secret_added", "agent", "client", 15),
    ("client.tried", "agent", "client", 15), ("client.created", "agent", "client", 4),
    ("client.production_requested", "agent", "client", 4), ("client.production_approved", "agent", "client", 4),
    ("client.invited", "agent", "client", 5), ("administration.changed", "agent", "administration", 4),
    ("administration.changed", "command_line", "administration", 3), ("homeserver.tested", "agent", "homeserver", 3),
    ("agent.sessions_ended", "agent", "agent", 2), ("key.rotated", "system", "key", 1),
]


@dataclass
class Size:
    """How much there is. `small` is for trying the script."""

    clients: int = 10_000
    agents: int = 1_000_000
    events: int = 5_000_000
    counts_a_day: int = 5_000
    sign_ins: int = 1_000_000

    @classmethod
    def small(cls) -> "Size":
        return cls(clients=500, agents=10_000, events=50_000, counts_a_day=100, sign_ins=10_000)

    @property
    def active(self) -> int:
        return self.agents // 20


ADMINISTRATIONS, IN_USE, UNKNOWN_DOMAINS = 3000, 300, 1000
HOMESERVERS = [HOME, GUESTS, *(f"agent.ministere-{number}.tchap.test" for number in range(1, 18))]


def spread(rng: random.Random, number: int) -> Callable[[int], list[int]]:
    """Picks among `number` things of which few are used much (Zipf); answers how to pick so many at once."""
    weights = list(itertools.accumulate(1 / (rank + 2) for rank in range(number)))
    things = range(number)
    return lambda count: rng.choices(things, cum_weights=weights, k=count)


def domain(number: int) -> str:
    return f"administration-{number}.gouv.fr"


def siren(number: int) -> str:
    """Nine digits with the right check digit (Luhn)."""
    digits = f"{13_000_000 + number}"
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits))]
    return digits + str(-sum(value // 10 + value % 10 for value in doubled) % 10)


def client_id(number: int) -> str:
    return f"client-{number:05}"


def name_key(name: str) -> str:
    """As the program writes it: without case and accents, in hexadecimal digits."""
    plain = "".join(c for c in unicodedata.normalize("NFD", name.lower()) if not unicodedata.combining(c))
    return plain.encode().hex()


def apply_file(homeserver_url: str) -> str:
    """Homeservers and administrations for `tchap-connect apply`."""
    lines = []
    for number, name in enumerate(HOMESERVERS):
        url = homeserver_url if name == HOME else "http://127.0.0.1:9"
        lines += ["[[homeservers]]", f'name = "{name}"', f'label = "Ministère {number}"', f'base_url = "{url}"',
                  'ways = ["password"]', f"guests = {str(name == GUESTS).lower()}"]
        if name == HOME:
            lines.append(f"email_domains = {json.dumps([ADMINISTRATION])}")
    for number in range(ADMINISTRATIONS):
        lines += ["[[administrations]]", f'domain = "{domain(number)}"',
                  f'name = "Direction {LAST_NAMES[number % 15]} de la {THINGS[number % 12]} {number}"', f'siren = "{siren(number)}"']
    return "\n".join(lines)


@dataclass
class World:
    size: Size
    now: int
    rng: random.Random = field(default_factory=lambda: random.Random(5))

    def agent_id(self, number: int) -> str:
        return f"agent{number:017}"

    def token(self) -> str:
        return f"{self.rng.getrandbits(128):032x}"

    # The three who sign in are the first agents.
    def matrix_id(self, number: int) -> str:
        local = (OPERATOR, PARTNER, BUSY)[number] if number < 3 else f"agent.{number}"
        return f"@{local}-{ADMINISTRATION if number < 3 else 'gouv.fr'}:{self.homeserver(number)}"

    def homeserver(self, number: int) -> str:
        # A third of all agents are at one, as at the largest ministry.
        return HOME if number < 3 else HOMESERVERS[2] if number % 3 == 0 else HOMESERVERS[2 + number % 17]

    def tables(self) -> Iterator[tuple[str, str, Iterator[tuple]]]:
        """Table, columns, rows; each after what it refers to."""
        agents = ("id homeserver matrix_id display_name email_address email_added_at last_believed_address "
                  "last_believed_added_at created_at updated_at closed_at checked_at next_check_at")
        yield "agents", agents, self.agents()
        yield "clients", "id document created_at updated_at name_key stage administration version", self.clients()
        yield "client_owners", "client_id agent_id since", self.owners()
        yield "client_secrets", "id client_id fingerprint created_at expires_at", self.secrets()
        requests = "client_id document reasons base_version requested_by requested_at answer answered_at"
        yield "client_requests", requests, self.requests()
        yield "client_revisions", "id client_id author at before after", self.revisions()
        yield "client_errors", "client_id day code count", self.errors()
        yield "client_redirects", "client_id redirect_uri used_at", self.redirects()
        deliveries = "id client_id subject sid created_at next_attempt_at attempts last_error expires_at"
        yield "logout_deliveries", deliveries, self.deliveries()
        yield "subjects", "agent_id sector subject", self.subjects()
        yield "browser_sessions", "id agent_id way auth_time created_at expires_at", self.sessions()
        yield "session_clients", "session_id client_id sid subject", self.session_clients()
        yield "consents", "agent_id client_id claims given_at expires_at", self.consents()
        authorizations = "id client_id agent_id session_id document created_at expires_at revoked_at"
        yield "authorizations", authorizations, self.authorizations()
        yield "access_tokens", "fingerprint authorization_id details expires_at", self.access_tokens()
        yield "sign_ins", "client_id agent_id signed_in_at", self.latest_sign_ins()
        yield "sign_in_history", "id agent_id client_id client_name way at expires_at", self.history()
        yield "roles", "agent_id role administration granted_at granted_by", self.roles()
        invitations = "id matrix_id role administration invited_at invited_by expires_at"
        yield "role_invitations", invitations, self.invitations()
        yield "unknown_email_domains", "domain sign_ins first_seen_at last_seen_at", self.unknown_domains()
        yield "sign_in_counts", "day client_id administration way result count", self.counts()
        events = "id at class action actor_kind actor_id object_kind object_id detail day number hash"
        yield "audit_events", events, self.events()

    def agents(self) -> Iterator[tuple]:
        year = self.now - 365 * DAY
        pick = spread(self.rng, IN_USE)
        for start in range(0, self.size.agents, 10_000):
            for number, of in enumerate(pick(min(10_000, self.size.agents - start)), start):
                name = f"{FIRST_NAMES[number % 16]} {LAST_NAMES[number % 15]} [Direction {of}]"
                host = ADMINISTRATION if number < 3 else domain(of) if number % 33 else f"inconnu-{number % 1000}.fr"
                # Most addresses are of the administration's own domain, some of one below it.
                host = f"dep{number % 90}.{host}" if number > 3 and number % 10 == 0 else host
                email = f"{(OPERATOR, PARTNER, BUSY)[number] if number < 3 else f'agent.{number}'}@{host}"
                seen = year + number * 300 % (360 * DAY)
                closed = seen + DAY if number % 50 == 49 else None
                yield (self.agent_id(number), self.homeserver(number), self.matrix_id(number), name, email, seen, email, seen,
                       seen, seen, closed, seen, None)

    def document(self, number: int) -> dict:
        stage = self.stage(number)
        host = f"service-{number}.gouv.fr"
        standing = {} if stage == "production" else {"stage": stage, "testers": [self.matrix_id(number % 1000 + 3)]}
        return {
            "id": client_id(number), "name": f"{THINGS[number % 12]} de la {LAST_NAMES[number % 15]} n° {number}",
            "redirect_uris": [f"https://{host}/callback", f"https://{host}/retour"], "auth_methods": ["client_secret_basic"],
            "grant_types": ["authorization_code", "refresh_token"], "scopes": ["openid", "profile", "email"], "sector": host,
            "client_uri": f"https://{host}/", "policy_uri": f"https://{host}/donnees", "contacts": [f"equipe@{host}"],
            "post_logout_redirect_uris": [f"https://{host}/"], "backchannel_logout_uri": f"https://{host}/logout",
            "administration": domain(self.rank(number)), **standing,
        }

    def stage(self, number: int) -> str:
        return "requested" if number % 20 == 19 else "sandbox" if number % 4 == 3 else "production"

    def rank(self, number: int) -> int:
        """The administration that a client is of: every fourth one of the first."""
        return 0 if number % 4 == 0 else number % IN_USE

    def clients(self) -> Iterator[tuple]:
        for number in range(self.size.clients):
            document = self.document(number)
            made = self.now - (number * 2_777 % 360 + 2) * DAY
            yield (document["id"], json.dumps(document), made, made, name_key(document["name"]), self.stage(number),
                   document["administration"], 3)

    def owners(self) -> Iterator[tuple]:
        for number in range(self.size.clients):
            owners = {10 + number * 7 % 5000, 10 + number * 13 % 5000} if number % 20 else set()
            for owner in sorted(owners | ({1} if number % 50 == 0 else set())):
                yield client_id(number), self.agent_id(owner), self.now - 100 * DAY

    def secrets(self) -> Iterator[tuple]:
        for number in range(self.size.clients):
            for _ in range(1 + number % 3):
                yield self.token(), client_id(number), self.token(), self.now - number % 300 * DAY, self.now + 90 * DAY

    def requests(self) -> Iterator[tuple]:
        for number in range(self.size.clients):
            if self.stage(number) == "requested":
                document = {**self.document(number), "stage": "production", "logo_uri": "https://service.gouv.fr/logo.png"}
                yield (client_id(number), json.dumps(document), "Nos agents l'attendent.\nMerci.", 3,
                       self.agent_id(10 + number * 7 % 5000), self.now - number * 37 % (20 * DAY), None, None)

    def revisions(self) -> Iterator[tuple]:
        for number in range(self.size.clients):
            before, after = None, self.document(number)
            for step in range(300 if number == 0 else 3):
                after = {**after, "contacts": [f"equipe-{step}@service-{number}.gouv.fr"]}
                yield (self.token(), client_id(number), self.agent_id(10 + (number * 7 + step) % 5000),
                       self.now - (301 - step) * DAY, before and json.dumps(before), json.dumps(after))
                before = after

    def errors(self) -> Iterator[tuple]:
        today = self.now // DAY
        for number in range(0, self.size.clients, 3):
            for day in range(today - 89, today + 1):
                for code in ("invalid_grant", "invalid_request", "access_denied")[: 3 if number == 0 else 1 + day % 2]:
                    yield client_id(number), day, code, 1 + (number + day) % 50

    def redirects(self) -> Iterator[tuple]:
        for number in range(self.size.clients):
            yield client_id(number), f"https://service-{number}.gouv.fr/callback", self.now - number % 1000

    def deliveries(self) -> Iterator[tuple]:
        for number in range(self.size.clients // 50):
            for step in range(2000 if number == 0 else 20):
                yield (self.token(), client_id(number), self.token(), self.token(), self.now - step * 40, None, 5,
                       "the answer was 503", self.now + DAY)

    def active(self) -> list[int]:
        """Agents of whom something lives: the busy one and a twentieth of all, none of them closed."""
        return [number for number in range(2, self.size.active) if number % 50 != 49]

    def subjects(self) -> Iterator[tuple]:
        for number in self.active():
            for other in range(200 if number == 2 else 2):
                yield self.agent_id(number), f"service-{(number + other) % self.size.clients}.gouv.fr", self.token()

    def sessions(self) -> Iterator[tuple]:
        for number in self.active():
            for step in range(300 if number == 2 else 1):
                begun = self.now - (number + step * 60) % (20 * 3600)
                yield f"s{number:010}{step:03}", self.agent_id(number), WAYS[number % 3], begun, begun, self.now + DAY

    def session_clients(self) -> Iterator[tuple]:
        pick = spread(self.rng, self.size.clients)
        for number in self.active():
            for client in set(pick(2)):
                yield f"s{number:010}{0:03}", client_id(client), self.token(), self.token()

    def consents(self) -> Iterator[tuple]:
        pick = spread(self.rng, self.size.clients)
        for number in self.active():
            for client in set(range(200) if number == 2 else pick(3)):
                claims = json.dumps(["email", "given_name", "usual_name"])
                given = self.now - number % 300 * DAY
                yield self.agent_id(number), client_id(client), claims, given, self.now + 60 * DAY

    def authorizations(self) -> Iterator[tuple]:
        pick = spread(self.rng, self.size.clients)
        for number in self.active():
            for step, client in enumerate(pick(5000 if number == 2 else 3)):
                offline = step % 3 == 2
                session, at = f"s{number:010}{0:03}", self.now - step * 10
                document = {
                    "id": f"a{number:010}{step:05}", "client_id": client_id(client), "agent_id": self.agent_id(number),
                    "session_id": session, "subject": f"sub-{number}", "scope": ["openid", "offline_access"] if offline else ["openid"],
                    "claims": ["email", "given_name", "sub", "usual_name"], "demanded_in_userinfo": [], "demanded_in_id_token": [],
                    "nonce": None, "auth_time": at, "acr": "eidas1", "amr": ["pwd"], "sid": session, "created_at": at,
                }
                yield (document["id"], client_id(client), self.agent_id(number), None if offline else session,
                       json.dumps(document), at, self.now + (30 if offline else 1) * DAY, at + 1 if step % 10 == 9 else None)

    def access_tokens(self) -> Iterator[tuple]:
        for number in self.active():
            for step in range(3):
                yield self.token(), f"a{number:010}{step:05}", None, self.now + DAY

    def latest_sign_ins(self) -> Iterator[tuple]:
        pick = spread(self.rng, self.size.clients)
        for number in self.active():
            for client in set(pick(4)):
                yield client_id(client), self.agent_id(number), self.now - number % 29 * DAY

    def history(self) -> Iterator[tuple]:
        pick = spread(self.rng, self.size.clients)
        each = self.size.sign_ins // self.size.active
        for number in self.active():
            for step, client in enumerate(pick(5000 if number == 2 else each)):
                at = self.now - step * (6000 if number == 2 else 300 * DAY // each)
                yield (self.token(), self.agent_id(number), client_id(client), f"Service n° {client}", WAYS[number % 3], at,
                       self.now + 60 * DAY)

    def roles(self) -> Iterator[tuple]:
        yield self.agent_id(1), "manager", ADMINISTRATION, self.now - DAY, None
        for number in range(10, 1010):
            role, of = ("manager", domain(number % IN_USE)) if number > 30 else ("support", "")
            yield self.agent_id(number), role, of, self.now - number * 1000, self.agent_id(0)

    def invitations(self) -> Iterator[tuple]:
        for number in range(200):
            yield (self.token(), f"@nouveau.{number}:{HOMESERVERS[3]}", "manager", domain(number), self.now - number,
                   self.agent_id(0), self.now + DAY - number)

    def unknown_domains(self) -> Iterator[tuple]:
        for number in range(UNKNOWN_DOMAINS):
            yield f"inconnu-{number}.fr", 1 + number * number % 977, self.now - 60 * DAY, self.now - number

    def counts(self) -> Iterator[tuple]:
        today = self.now // DAY
        clients, administrations = spread(self.rng, self.size.clients), spread(self.rng, IN_USE)
        for day in range(today - 365, today + 1):
            number = self.size.counts_a_day
            seen = set(zip(clients(number), administrations(number), self.rng.choices((0, 1, 2, 3), (5, 3, 6, 1), k=number)))
            for client, administration, kind in seen:
                way, result = (WAYS[kind], "signed_in") if kind < 3 else ("password", "wrong_credentials")
                yield day, client_id(client), domain(administration), way, result, 1 + (client * administration + day) % 40

    def events(self) -> Iterator[tuple]:
        """In the order of time over 360 days; every tenth is an act of the chain, whose hashes are made up."""
        rng, size = self.rng, self.size
        begin = self.now - 360 * DAY
        clients = spread(rng, size.clients)
        day, in_day = 0, 0
        for start in range(0, size.events, 10_000):
            count = min(10_000, size.events - start)
            security = rng.choices(SECURITY, [kind[3] for kind in SECURITY], k=count)
            acts = rng.choices(ACTS, [kind[3] for kind in ACTS], k=count)
            picked = zip(security, acts, clients(count), rng.choices(range(size.agents), k=count))
            for number, (event, act, client, agent) in enumerate(picked, start):
                at = begin + number * 360 * DAY // size.events
                is_act = number % 10 == 0
                action, actor, kind, _ = act if is_act else event
                objects = {
                    "client": client_id(client), "agent": self.agent_id(agent), "administration": domain(client % IN_USE),
                    "homeserver": HOMESERVERS[client % 19], "network": BUSY_NETWORK if client == 0 else f"198.51.{agent % 65000}",
                    "account": f"{agent:032x}",
                }
                actors = {"agent": self.agent_id(0 if client % 3 == 0 else 10 + client % 5000), "client": client_id(client)}
                link = (None, None, None)
                if is_act:
                    in_day = in_day + 1 if at // DAY == day else 1
                    day = at // DAY
                    link = (day, in_day, f"{number:064x}")
                identity = f"{day:06}.{in_day:08}" if is_act else f"{rng.getrandbits(128):032x}"
                detail = '{"changes":[{"field":"contacts","from":["a@b.fr"],"to":["c@d.fr"]}]}' if is_act else '{"limit":"account"}'
                yield (identity, at, "administrative" if is_act else "security", action, actor, actors.get(actor, ""), kind,
                       objects.get(kind, f"{agent:022}"), detail, *link)

#!/usr/bin/env python3
"""Four real Synapse homeservers on loopback, with the agents of a small Tchap: for `make demo` and `make test`.

    homeservers.py --dir DIR [--ports P1,P2,P3,P4,PCAS,PAUTH] [--sso-client PREFIX] [--out FILE]

One homeserver asks for passwords, one sends agents to a single sign-on (cas.py, whose login page is a list of buttons),
one holds the guests, one delegates its login to an authentication service (auth_service.py, a list of buttons too). When all of them answer, one JSON document (see `describe`) goes to stdout and to FILE. Runs until
SIGINT or SIGTERM. Databases stay in DIR, so that a second start creates nothing.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import secrets
import sys
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from cas import CasMock
from processes import CACHE, Children, Failure, answers, free_port, python_venv, replace_atomically, say

SYNAPSE = "matrix-synapse[oidc]==1.163.2"
PASSWORD = "demo-tchap"
DINUM, FINANCES, GUESTS = "agent.dinum.tchap.test", "agent.finances.tchap.test", "agent.externe.tchap.test"
EDUCATION = "agent.education.tchap.test"
HOMESERVERS = [
    {"name": DINUM, "label": "DINUM", "ways": ["password"], "guests": False,
     "email_domains": ["beta.gouv.fr", "dinum.gouv.fr", "modernisation.gouv.fr"]},
    {"name": FINANCES, "label": "Finances", "ways": ["sso"], "guests": False, "email_domains": ["finances.gouv.fr"]},
    {"name": GUESTS, "label": "Externes", "ways": ["password"], "guests": True, "email_domains": ["entreprise.test"]},
    {"name": EDUCATION, "label": "Éducation", "ways": ["oauth"], "guests": False, "email_domains": ["education.gouv.fr"]},
]


def agent(homeserver: str, name: str, email: str, shows: str, state: str = "active") -> dict:
    """One account as on Tchap: the local part is the address with `@` turned into `-`."""
    sso, oauth = homeserver == FINANCES, homeserver == EDUCATION
    return {
        "homeserver": homeserver,
        "user_id": f"@{email.replace('@', '-')}:{homeserver}",
        "display_name": name,
        "email": email,
        "password": None if sso or oauth else PASSWORD,
        "sso_id": email.split("@")[0] if sso else None,
        "oauth_id": email.split("@")[0] if oauth else None,
        "state": state,
        "shows": shows,
    }


ACCOUNTS = [
    agent(DINUM, "Jean Dupont [DINUM]", "jean.dupont@beta.gouv.fr", "the main job, by password"),
    agent(DINUM, "MARTIN Claire [Modernisation]", "claire.martin@modernisation.gouv.fr", "a name written NOM Prénom"),
    agent(DINUM, "Anne-Marie de La Tour [DINUM]", "anne-marie.delatour@dinum.gouv.fr", "a compound name"),
    agent(DINUM, "Luc Verrou [DINUM]", "luc.verrou@dinum.gouv.fr", "a locked account: refused, with the reason", "locked"),
    agent(DINUM, "Paul Ancien [DINUM]", "paul.ancien@dinum.gouv.fr", "a deactivated account: refused", "deactivated"),
    agent(FINANCES, "Sophie Bernard [Finances]", "sophie.bernard@finances.gouv.fr", "the main job, by single sign-on"),
    agent(FINANCES, "Karim Haddad [DGFIP]", "karim.haddad@dgfip.finances.gouv.fr", "an address under a sub-domain"),
    agent(GUESTS, "Alice Martinet", "alice.martinet@entreprise.test", "a guest: this service refuses guests"),
    agent(EDUCATION, "Nadia Morel [Éducation]", "nadia.morel@education.gouv.fr", "the main job, by OAuth 2.0"),
    agent(EDUCATION, "PETIT Hugo [Éducation]", "hugo.petit@education.gouv.fr", "another agent of that server"),
]


class Services(NamedTuple):
    """What surrounds the homeservers."""

    cas_url: str
    auth_url: str
    sso_client: str


def configuration(homeserver: dict, folder: Path, port: int, services: "Services", secret: str) -> dict:
    sso, oauth = ("sso" in homeserver["ways"], "oauth" in homeserver["ways"])
    unlimited = {"per_second": 1000, "burst_count": 1000}
    return {
        "server_name": homeserver["name"],
        "public_baseurl": f"http://127.0.0.1:{port}/",
        "listeners": [{
            "port": port, "bind_addresses": ["127.0.0.1"], "type": "http", "tls": False, "x_forwarded": True,
            "resources": [{"names": ["client", "openid"], "compress": False}],
        }],
        "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
        "log_config": str(folder / "log.json"),
        "media_store_path": str(folder / "media"),
        "signing_key_path": str(folder / "signing.key"),
        "pid_file": str(folder / "homeserver.pid"),
        "registration_shared_secret": secret,
        "macaroon_secret_key": secret,
        "form_secret": secret,
        "report_stats": False,
        "enable_registration": False,
        "trusted_key_servers": [],
        "suppress_key_server_warning": True,
        "federation_domain_whitelist": [],
        "enable_media_repo": False,
        # By this the lifecycle watch asks whether accounts still stand.
        "experimental_features": {"msc3720_enabled": True},
        "presence": {"enabled": False},
        "user_directory": {"enabled": False},
        "bcrypt_rounds": 4,
        "password_config": {"enabled": not sso and not oauth},
        "matrix_authentication_service": {"enabled": oauth, "endpoint": f"{services.auth_url}/", "secret": secret},
        "rc_login": {"address": unlimited, "account": unlimited, "failed_attempts": unlimited},
        "cas_config": {
            "enabled": sso, "server_url": services.cas_url, "protocol_version": 3,
            "idp_name": "Portail des agents", "displayname_attribute": "displayName",
        },
        # Without this, Synapse shows a "continue to this service?" page; on Tchap, operations do the same.
        "sso": {"client_whitelist": [services.sso_client]},
    }


def prepare(homeserver: dict, folder: Path, port: int, services: "Services") -> str:
    """Write what Synapse reads (JSON is YAML) and return the shared secret; keys and secret are made once."""
    folder.mkdir(parents=True, exist_ok=True)
    secret_file, key_file = folder / "secret", folder / "signing.key"
    if not secret_file.exists():
        replace_atomically(secret_file, secrets.token_urlsafe(32))
        seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        replace_atomically(key_file, f"ed25519 a_{secrets.token_hex(3)} {seed}\n")
    secret = secret_file.read_text()
    settings = configuration(homeserver, folder, port, services, secret)
    replace_atomically(folder / "homeserver.yaml", json.dumps(settings, indent=1))
    replace_atomically(folder / "log.json", json.dumps({
        "version": 1, "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"level": "WARNING", "handlers": ["console"]},
    }))
    return secret


class AdminApi:
    """The few calls of Synapse's admin API that fill a homeserver."""

    def __init__(self, base_url: str, token: str = ""):
        self.base_url, self.token = base_url, token
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, method: str, path: str, body: dict | None = None) -> dict | None:
        """The answer, or None for 404."""
        request = urllib.request.Request(
            self.base_url + path, method=method, data=None if body is None else json.dumps(body).encode()
        )
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with self._opener.open(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise Failure(f"{method} {self.base_url}{path}: {error.code} {error.read().decode(errors='replace')}")

    def register_administrator(self, shared_secret: str) -> str:
        """A new administrator's access token. Synapse signs up administrators by shared secret only."""
        path, name = "/_synapse/admin/v1/register", f"operations-{secrets.token_hex(4)}"
        nonce = self.call("GET", path)["nonce"]
        password = secrets.token_urlsafe(24)
        signed = "\0".join([nonce, name, password, "admin"]).encode()
        mac = hmac.new(shared_secret.encode(), signed, hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": password, "admin": True, "mac": mac}
        return self.call("POST", path, body)["access_token"]

    def put_account(self, account: dict) -> None:
        """Create the account unless it is there, then bring it to its state; safe to repeat after an interruption."""
        user = urllib.parse.quote(account["user_id"])
        path = f"/_synapse/admin/v2/users/{user}"
        there = self.call("GET", path)
        if there is None:
            body = {
                "displayname": account["display_name"],
                "threepids": [{"medium": "email", "address": account["email"]}],
            }
            if account["password"]:
                body["password"] = account["password"]
            if account["sso_id"]:
                body["external_ids"] = [{"auth_provider": "cas", "external_id": account["sso_id"]}]
            there = self.call("PUT", path, body)
        # Synapse ignores `locked` while it creates an account.
        if account["state"] == "locked" and not there["locked"]:
            self.call("PUT", path, {"locked": True})
        if account["state"] == "deactivated" and not there["deactivated"]:
            self.call("POST", f"/_synapse/admin/v1/deactivate/{user}", {})


    def provision(self, account: dict) -> None:
        """The same where an authentication service owns the accounts; safe to repeat."""
        body = {"localpart": account["user_id"][1:].split(":")[0], "set_displayname": account["display_name"]}
        self.call("POST", "/_synapse/mas/provision_user", {**body, "set_emails": [account["email"]]})


def fill_delegated(homeserver: dict, base_url: str, secret: str) -> str:
    """The accounts of a homeserver that delegates its login. The stand-in takes the shared secret for an admin token."""
    api = AdminApi(base_url, secret)
    api.call("POST", "/_synapse/mas/provision_user", {"localpart": "operations"})
    for account in ACCOUNTS:
        if account["homeserver"] == homeserver["name"]:
            api.provision(account)
    return secret


def start_auth_service(options: argparse.Namespace, children: Children, python: Path, port: int, secret: Path) -> None:
    accounts = options.dir / "oauth-accounts.json"
    replace_atomically(accounts, json.dumps([account for account in ACCOUNTS if account["oauth_id"]]))
    script = Path(__file__).resolve().parent / "auth_service.py"
    children.start("auth-service", [python, script, "--port", port, "--secret", secret, "--accounts", accounts])
    url = f"http://127.0.0.1:{port}/.well-known/openid-configuration"
    children.wait_until(lambda: answers(url), "The authentication service", 60)


def fill(homeserver: dict, folder: Path, base_url: str, shared_secret: str) -> str:
    """Create the administrator and the accounts unless this very list is there already. Returns the admin token."""
    accounts = [account for account in ACCOUNTS if account["homeserver"] == homeserver["name"]]
    wanted = hashlib.sha256(json.dumps(accounts).encode()).hexdigest()
    stamp = folder / "filled.json"
    state = json.loads(stamp.read_text()) if stamp.exists() else {}
    api = AdminApi(base_url, state.get("admin_token", ""))
    if not api.token:
        api.token = api.register_administrator(shared_secret)
    if state.get("accounts") != wanted:
        for account in accounts:
            api.put_account(account)
        replace_atomically(stamp, json.dumps({"admin_token": api.token, "accounts": wanted}))
    return api.token


def start(options: argparse.Namespace, children: Children, cas: CasMock) -> dict:
    """Start the homeservers side by side, wait for them, fill them; returns the JSON document."""
    python = python_venv(CACHE / "synapse-venv", [SYNAPSE]) / "python"
    running, auth_port = [], options.ports[-1]
    services = Services(cas.url, f"http://127.0.0.1:{auth_port}", options.sso_client)
    for homeserver, port in zip(HOMESERVERS, options.ports):
        folder, base_url = options.dir / homeserver["name"], f"http://127.0.0.1:{port}"
        secret = prepare(homeserver, folder, port, services)
        if "oauth" in homeserver["ways"]:
            start_auth_service(options, children, python, auth_port, folder / "secret")
        child = children.start(
            homeserver["name"],
            [python, "-m", "synapse.app.homeserver", "-c", folder / "homeserver.yaml"],
            cwd=folder,
        )
        running.append((homeserver, folder, base_url, secret, child))

    def fill_when_ready(entry: tuple) -> dict:
        homeserver, folder, base_url, secret, child = entry
        children.wait_until(lambda: answers(f"{base_url}/health"), homeserver["name"], 90)
        delegated = "oauth" in homeserver["ways"]
        token = fill_delegated(homeserver, base_url, secret) if delegated else fill(homeserver, folder, base_url, secret)
        log = str(children.logs / f"{homeserver['name']}.log")
        return {**homeserver, "base_url": base_url, "admin_token": token, "pid": child.pid, "log": log}

    with ThreadPoolExecutor() as pool:
        return describe(list(pool.map(fill_when_ready, running)), services)


def describe(homeservers: list[dict], services: Services) -> dict:
    """The document that the demo and the Rust tests read."""
    return {
        "pid": os.getpid(), "homeservers": homeservers, "accounts": ACCOUNTS,
        "cas": {"url": services.cas_url}, "auth": {"url": services.auth_url},
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, required=True, help="databases, keys and logs; kept between runs")
    parser.add_argument("--ports", help="four homeservers, the single sign-on and the authentication service, "
                        "comma separated; default: free ones")
    parser.add_argument("--sso-client", default="http://127.0.0.1:", help="URL prefix that may receive a login token")
    parser.add_argument("--out", type=Path, help="also write the JSON document here")
    options = parser.parse_args()
    options.dir = options.dir.resolve()
    options.ports = [int(port) for port in options.ports.split(",")] if options.ports else [free_port() for _ in range(6)]
    if len(options.ports) != len(HOMESERVERS) + 2:
        parser.error(f"--ports needs {len(HOMESERVERS) + 2} numbers")
    return options


def main() -> int:
    options = arguments()
    try:
        with Children(options.dir / "logs") as children, CasMock(options.ports[-2], ACCOUNTS) as cas:
            document = json.dumps(start(options, children, cas), ensure_ascii=False)
            if options.out:
                replace_atomically(options.out, document)
            print(document, flush=True)
            children.watch()
    except Failure as failure:
        say(f"Homeservers: {failure}")
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())

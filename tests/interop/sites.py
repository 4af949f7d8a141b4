"""The sites that sign agents in: one for each library, and two for Apache. How each is registered, started and spoken to."""

import json
import os
import secrets
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlencode

from browser import Browser, Page
from processes import CACHE, Children, Failure, free_port, replace_atomically

HERE = Path(__file__).resolve().parent
PYTHON = CACHE / "interop-venv/bin/python"
SCOPE = "openid profile email administration"
# Refresh tokens without offline_access: they end with the agent's session.
REFRESHES = {"grant_types": ["authorization_code", "refresh_token"], "refresh_tokens": "always"}
NO_API = {"JWT access token": "a matter of APIs; asked of oauth4webapi"}


class Site:
    """A service on its own port. The four that are programs of ours speak the same few addresses (site.mjs)."""

    name = ""
    algorithm = "RS256"
    authentication = "client_secret_basic"
    callback = "/callback"
    login = "/login"
    logout = "/logout"
    signed_out = "/signed-out"
    scope = SCOPE
    asked_again: list[str] = []  # what the agent sees at a second login in the same browser
    lacks: dict[str, str] = NO_API  # steps that the library has no part in, and why
    says_why = True  # the site shows the error that came back
    resource: dict | None = None  # an API of the site's own

    def __init__(self, issuer: str, folder: Path):
        self.issuer, self.folder = issuer, folder
        self.port = free_port()
        self.home = f"http://127.0.0.1:{self.port}"
        self.client_id = self.name
        self.secret = secrets.token_urlsafe(32)

    def registration(self) -> dict:
        """The client as `tchap-connect apply` reads it."""
        return {
            "client_id": self.client_id,
            "name": f"Service {self.name}",
            "redirect_uris": [self.home + self.callback],
            "token_endpoint_auth_method": self.authentication,
            "id_token_signed_response_alg": self.algorithm,
            "scopes": self.scope.split()[1:],
            "post_logout_redirect_uris": [self.home + self.signed_out],
            **({"secret": self.secret} if self.authentication.startswith("client_secret") else {}),
        }

    def settings(self) -> dict:
        return {
            "issuer": self.issuer,
            "port": self.port,
            "client_id": self.client_id,
            "client_secret": self.secret,
            "scope": self.scope,
            "folder": str(self.folder),
        }

    def command(self) -> list:
        raise NotImplementedError

    def start(self, children: Children) -> None:
        children.start(self.name, [*self.command(), json.dumps(self.settings())], cwd=self.folder)

    def is_up(self) -> bool:
        return is_listening(self.port)

    def sign_in(self, browser: Browser) -> Page:
        return browser.visit(self.home + self.login)

    def refresh(self, browser: Browser) -> Page:
        return browser.open(f"{self.home}/refresh")

    def sign_out(self, browser: Browser) -> Page:
        return browser.visit(self.home + self.logout)

    def notices_logout(self, browser: Browser) -> bool:
        """Whether the site knows that the agent left elsewhere."""
        return self.me(browser).get("error") == "signed_out"

    def me(self, browser: Browser) -> dict:
        """What the site knows of whoever signed in: `claims` of the ID token, `userinfo`, tokens; or `error`."""
        return decoded(browser.once(f"{self.home}/me"))


def decoded(page: Page) -> dict:
    try:
        return json.loads(page.body)
    except ValueError:
        raise Failure(f"Expected JSON, got {page}") from None


def new_key(algorithm: str) -> dict:
    """A key pair: `kid`; `private` and `public` as JWK, `private_pem` and `public_pem`."""
    made = subprocess.run(["node", HERE / "new_key.mjs", algorithm], capture_output=True, text=True)
    if made.returncode != 0:
        raise Failure(f"No key could be made: {made.stderr}")
    return json.loads(made.stdout)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class OpenidClient(Site):
    name = "openid-client"
    algorithm = "ES256"
    authentication = "client_secret_basic"
    scope = f"{SCOPE} offline_access"
    asked_again = ["consent-form"]  # it asks with prompt=consent

    def __init__(self, issuer: str, folder: Path):
        super().__init__(issuer, folder)
        self.key = new_key("ES256")

    def registration(self) -> dict:
        return {
            **super().registration(),
            "grant_types": ["authorization_code", "refresh_token"],
            "userinfo_signed_response_alg": "ES256",
            "introspection_signed_response_alg": "ES256",
            "backchannel_logout_uri": f"{self.home}/backchannel",
        }

    def settings(self) -> dict:
        return {**super().settings(), "private_key": self.key["private"]}

    def command(self) -> list:
        return ["node", HERE / "openid_client.mjs"]


class Oauth4webapi(Site):
    name = "oauth4webapi"
    authentication = "none"
    asked_again = ["consent-form"]  # nobody can tell who answers on loopback (RFC 8252 8.6)
    lacks = {"introspection": "a public client cannot prove that a token is its own"}

    def command(self) -> list:
        return ["node", HERE / "oauth4webapi.mjs"]

    def __init__(self, issuer: str, folder: Path):
        super().__init__(issuer, folder)
        form = {"access_token_format": "jwt", "access_token_signing_alg": "ES256"}
        self.resource = {"identifier": f"{self.home}/api", "name": "An API", **form}

    def registration(self) -> dict:
        return {**super().registration(), **REFRESHES, "resources": [self.resource["identifier"]]}

    def notices_logout(self, browser: Browser) -> bool:
        """Nobody tells a public client; but its refresh tokens end with the agent's session."""
        return decoded(browser.open(f"{self.home}/refresh")).get("error") == "invalid_grant"


class Authlib(Site):
    name = "Authlib"
    algorithm = "ES256"
    authentication = "client_secret_post"

    def command(self) -> list:
        return [PYTHON, HERE / "authlib_site.py"]

    def registration(self) -> dict:
        return {**super().registration(), **REFRESHES, "backchannel_logout_uri": f"{self.home}/backchannel"}


class Django(Site):
    name = "mozilla-django-oidc"
    callback = "/oidc/callback/"
    login = "/oidc/authenticate/"
    logout = "/oidc/logout/"
    signed_out = "/"
    says_why = False
    lacks = {
        **NO_API,
        "introspection": "the library has none",
        "revocation": "the library has none; it keeps no refresh token",
    }

    def command(self) -> list:
        return [PYTHON, HERE / "django_site.py"]

    def registration(self) -> dict:
        return {**super().registration(), "userinfo_signed_response_alg": "RS256"}

    def notices_logout(self, browser: Browser) -> bool:
        """The library asks again, silently, when its session is a quarter of an hour old: then it learns of the logout."""
        browser.open(f"{self.home}/refresh")
        return super().notices_logout(browser)


class Apache(Site):
    """mod_auth_openidc. The page it guards is a file; who came in is read from the module's own information hook."""

    name = "mod_auth_openidc"
    callback = "/signed-in"
    login = "/private.html"
    signed_out = "/signed-out.html"
    response_mode = "form_post"
    lacks = {
        **NO_API,
        "introspection": "the module does that as a resource server, for other people's tokens",
        "revocation": "done by the module itself at its logout",
    }

    def registration(self) -> dict:
        return {
            **super().registration(),
            **REFRESHES,
            "userinfo_signed_response_alg": self.algorithm,
            "backchannel_logout_uri": f"{self.home}{self.callback}?logout=backchannel",
        }

    def start(self, children: Children) -> None:
        for page in (self.login, self.signed_out):
            (self.folder / page.removeprefix("/")).write_text(f"<!doctype html><title>{page}</title>")
        file = self.folder / "apache.conf"
        replace_atomically(file, self.configuration())
        children.start(self.name, ["/usr/sbin/apache2", "-D", "FOREGROUND", "-d", self.folder, "-f", file], cwd=self.folder)

    def directives(self) -> str:
        return f"OIDCClientSecret {self.secret}"

    def configuration(self) -> str:
        modules = ["mpm_event", "authn_core", "authz_core", "authz_user", "auth_openidc"]
        # Apache drops root's rights, and refuses to keep them.
        account = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        loaded = "\n".join(f"LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so" for module in modules)
        return f"""{loaded}
{account}
ServerName 127.0.0.1
Listen 127.0.0.1:{self.port}
PidFile {self.folder}/apache.pid
DefaultRuntimeDir {self.folder}
Mutex file:{self.folder}
ErrorLog /dev/stderr
LogLevel auth_openidc:debug
DocumentRoot {self.folder}

OIDCProviderMetadataURL {self.issuer}/.well-known/openid-configuration
OIDCClientID {self.client_id}
OIDCRedirectURI {self.home}{self.callback}
OIDCCryptoPassphrase {secrets.token_urlsafe(24)}
OIDCScope "{self.scope}"
OIDCResponseMode {self.response_mode}
OIDCIDTokenSignedResponseAlg {self.algorithm}
OIDCUserInfoSignedResponseAlg {self.algorithm}
OIDCPKCEMethod S256
OIDCRemoteUserClaim sub
OIDCInfoHook id_token userinfo access_token refresh_token
OIDCCookie {self.name}
{self.directives()}
<Location />
  AuthType openid-connect
  Require valid-user
</Location>
<Location {self.signed_out}>
  AuthType None
  Require all granted
</Location>
"""

    def me(self, browser: Browser) -> dict:
        page = browser.once(f"{self.home}{self.callback}?info=json")
        if page.status != 200:
            return {"error": "signed_out"}
        known = decoded(page)
        return {"claims": known["id_token"], **known}

    def refresh(self, browser: Browser) -> Page:
        back, token = f"{self.home}{self.login}", self.me(browser)["access_token"]
        return browser.open(f"{self.home}{self.callback}?{urlencode({'refresh': back, 'access_token': token})}")

    def sign_out(self, browser: Browser) -> Page:
        back = urlencode({"logout": f"{self.home}{self.signed_out}"})
        return browser.visit(f"{self.home}{self.callback}?{back}")


class ApacheFront(Apache):
    """The same, told of logouts in the browser, and proving itself by a key."""

    name = "mod_auth_openidc-2"
    response_mode = "query"
    authentication = "client_secret_post"
    algorithm = "ES256"
    lacks = {**Apache.lacks, "refusal": "by query, this version takes the `iss` of an error for another site's login"}

    def __init__(self, issuer: str, folder: Path):
        super().__init__(issuer, folder)
        self.key = new_key("RS256")

    def registration(self) -> dict:
        channel = {"frontchannel_logout_uri": f"{self.home}{self.callback}?logout=get"}
        kept = {name: value for name, value in super().registration().items() if name != "backchannel_logout_uri"}
        return {**kept, **channel}

    def directives(self) -> str:
        return f"{super().directives()}\nOIDCProviderTokenEndpointAuth client_secret_post"


SITES = [OpenidClient, Oauth4webapi, Authlib, Django, Apache, ApacheFront]

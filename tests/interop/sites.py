"""The sites that sign agents in: one for each library, and two for Apache. How each is registered, started and spoken to."""

import json
import os
import secrets
import socket
from pathlib import Path
from urllib.parse import urlencode

from browser import Browser, Page
from processes import CACHE, Children, Failure, free_port

HERE = Path(__file__).resolve().parent
PYTHON = CACHE / "interop-venv/bin/python"
SCOPE = "openid profile email administration"


class Site:
    """A service on its own port. The four that are programs of ours speak the same few addresses (site.mjs)."""

    name = ""
    algorithm = "RS256"
    authentication = "client_secret_basic"
    callback = "/callback"
    login = "/login"
    scope = SCOPE
    asked_again: list[str] = []  # what the agent sees at a second login in the same browser
    lacks: dict[str, str] = {}  # steps that the library has no part in, and why

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

    def sign_in(self, browser: Browser, **parameters: str) -> Page:
        return browser.visit(f"{self.home}{self.login}?{urlencode(parameters)}")

    def me(self, browser: Browser) -> dict:
        """What the site knows of whoever signed in: `claims` of the ID token, `userinfo`, tokens; or `error`."""
        return decoded(browser.once(f"{self.home}/me"))


def decoded(page: Page) -> dict:
    try:
        return json.loads(page.body)
    except ValueError:
        raise Failure(f"Expected JSON, got {page}") from None


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class OpenidClient(Site):
    name = "openid-client"
    algorithm = "ES256"

    def command(self) -> list:
        return ["node", HERE / "openid_client.mjs"]


class Oauth4webapi(Site):
    name = "oauth4webapi"
    authentication = "none"
    asked_again = ["consent-form"]  # nobody can tell who answers on loopback (RFC 8252 8.6)

    def command(self) -> list:
        return ["node", HERE / "oauth4webapi.mjs"]


class Authlib(Site):
    name = "Authlib"
    algorithm = "ES256"
    authentication = "client_secret_post"

    def command(self) -> list:
        return [PYTHON, HERE / "authlib_site.py"]


class Django(Site):
    name = "mozilla-django-oidc"
    callback = "/oidc/callback/"
    login = "/oidc/authenticate/"

    def command(self) -> list:
        return [PYTHON, HERE / "django_site.py"]


class Apache(Site):
    """mod_auth_openidc. The page it guards is a file; who came in is read from the module's own information hook."""

    name = "mod_auth_openidc"
    callback = "/signed-in"
    login = "/private.html"
    directives = "OIDCResponseMode form_post"

    def command(self) -> list:
        return ["/usr/sbin/apache2", "-D", "FOREGROUND", "-d", self.folder, "-f"]

    def start(self, children: Children) -> None:
        (self.folder / "private.html").write_text("<!doctype html><title>Private</title><p>You are signed in.</p>")
        file = self.folder / "apache.conf"
        file.write_text(self.configuration())
        file.chmod(0o600)
        children.start(self.name, [*self.command(), file], cwd=self.folder)

    def configuration(self) -> str:
        modules = ["mpm_event", "authn_core", "authz_core", "authz_user", "auth_openidc"]
        # Apache drops root's rights, and refuses to keep them.
        account = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        return "\n".join([
            *(f"LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so" for module in modules),
            account,
            f"""
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
OIDCClientSecret {self.secret}
OIDCRedirectURI {self.home}{self.callback}
OIDCCryptoPassphrase {secrets.token_urlsafe(24)}
OIDCScope "{self.scope}"
OIDCIDTokenSignedResponseAlg {self.algorithm}
OIDCPKCEMethod S256
OIDCRemoteUserClaim sub
OIDCInfoHook id_token userinfo access_token refresh_token
OIDCCookie {self.name}
{self.directives}
<Location />
  AuthType openid-connect
  Require valid-user
</Location>
""",
        ])

    def me(self, browser: Browser) -> dict:
        page = browser.once(f"{self.home}{self.callback}?info=json")
        if page.status != 200:
            return {"error": "signed_out"}
        known = decoded(page)
        return {"claims": known["id_token"], **known}


SITES = [OpenidClient, Oauth4webapi, Authlib, Django, Apache]

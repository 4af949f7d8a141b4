#!/usr/bin/env python3
"""A stand-in for a homeserver's authentication service: as much OAuth 2.0 as the provider and Synapse ask of it.

    auth_service.py --port PORT --secret FILE --accounts FILE

It behaves like the Matrix authentication service where that matters: metadata, dynamic registration of public clients, code with
PKCE, ID tokens with `auth_time` and `at_hash`, revocation, and Synapse's introspection. Its login page lists the agents as buttons.
While its own session lives it asks nothing, `prompt=login` or not. Needs `cryptography`, which comes with Synapse.
"""

import argparse
import base64
import hashlib
import json
import secrets
import sys
import threading
import time
from html import escape
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

sys.dont_write_bytecode = True
from cas import BUTTON, PAGE

MATRIX = "urn:matrix:client:api:*"
REFUSE = '<button name="agent" id="refuse" value="">Refuser<small>sans se connecter</small></button>'


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def packed(value: dict) -> str:
    return b64(json.dumps(value).encode())


class AuthService:
    """The state: who is signed in where, and what was granted. A client's id says what was registered, so that it survives."""

    def __init__(self, port: int, secret: str, accounts: list[dict]):
        self.url = f"http://127.0.0.1:{port}"
        self.secret = secret
        self.agents = {account["oauth_id"]: account for account in accounts}
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.sessions: dict[str, tuple[str, int]] = {}
        self.codes: dict[str, dict] = {}
        self.tokens: dict[str, dict] = {}
        self.granted: list[tuple[str, str]] = []
        self.lock = threading.Lock()

    def metadata(self) -> dict:
        at = lambda path: f"{self.url}{path}"
        return {
            "issuer": at("/"),
            "account_management_uri": at("/account/"),
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/oauth2/token"),
            "jwks_uri": at("/oauth2/keys.json"),
            "registration_endpoint": at("/oauth2/registration"),
            "revocation_endpoint": at("/oauth2/revoke"),
            "introspection_endpoint": at("/oauth2/introspect"),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["plain", "S256"],
        }

    def keys(self) -> dict:
        numbers = self.key.public_key().public_numbers()
        n, e = (b64(value.to_bytes((value.bit_length() + 7) // 8, "big")) for value in (numbers.n, numbers.e))
        return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "rsa-1", "n": n, "e": e}]}

    def register(self, metadata: dict) -> dict:
        uris = metadata.get("redirect_uris") or []
        host = urlsplit(metadata.get("client_uri", "")).hostname
        if not host or not uris or any(urlsplit(uri).hostname != host for uri in uris):
            raise Refusal(400, "invalid_client_metadata")
        return {**metadata, "client_id": packed(uris)}

    def redirect_uris(self, client_id: str) -> list[str]:
        try:
            return json.loads(base64.urlsafe_b64decode(client_id + "=" * (-len(client_id) % 4)))
        except ValueError:
            return []

    def check(self, asked: dict) -> None:
        if asked.get("redirect_uri") not in self.redirect_uris(asked.get("client_id", "")):
            raise Refusal(400, "invalid_client")
        if asked.get("response_type") != "code" or asked.get("code_challenge_method") != "S256":
            raise Refusal(400, "invalid_request")

    def page(self, query: str) -> str:
        buttons = "".join(
            BUTTON.format(id=escape(id), name=escape(agent["display_name"]), email=escape(agent["email"]))
            for id, agent in self.agents.items()
        )
        return PAGE.format(service=escape(query), buttons=buttons + REFUSE)

    def answer(self, asked: dict, session: tuple[str, int] | None) -> str:
        """Back to the client, with a code or with the agent's no."""
        if session is None:
            return f"{asked['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': asked['state']})}"
        code = secrets.token_urlsafe(24)
        with self.lock:
            self.codes[code] = {**asked, "agent": session[0], "auth_time": session[1]}
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def redeem(self, form: dict) -> dict:
        with self.lock:
            grant = self.codes.pop(form.get("code"), None)
        if grant is None or any(grant[name] != form.get(name) for name in ("client_id", "redirect_uri")):
            raise Refusal(400, "invalid_grant")
        if b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest()) != grant["code_challenge"]:
            raise Refusal(400, "invalid_grant")
        token, now = f"mat_{secrets.token_urlsafe(24)}", int(time.time())
        with self.lock:
            self.tokens[token] = {"agent": grant["agent"], "scope": grant["scope"]}
            self.granted.append((grant["agent"], token))
        claims = {
            "iss": f"{self.url}/", "sub": b64(grant["agent"].encode()), "aud": grant["client_id"], "iat": now, "exp": now + 3600,
            "auth_time": grant["auth_time"], "at_hash": b64(hashlib.sha256(token.encode()).digest()[:16]),
        }
        if "nonce" in grant:
            claims["nonce"] = grant["nonce"]
        return {
            "access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": grant["scope"],
            "id_token": self.signed(claims),
        }

    def signed(self, claims: dict) -> str:
        message = f"{packed({'alg': 'RS256', 'kid': 'rsa-1'})}.{packed(claims)}"
        return f"{message}.{b64(self.key.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def revoke(self, form: dict) -> dict:
        with self.lock:
            self.tokens.pop(form.get("token"), None)
        return {}

    def tokens_of(self, agent: str) -> list[dict]:
        """For tests: every token that an agent was ever granted, and whether it is alive."""
        with self.lock:
            mine = [token for owner, token in self.granted if owner == agent]
            return [{"token": token, "alive": token in self.tokens} for token in mine]

    def introspect(self, form: dict) -> dict:
        """What Synapse asks about every token; the service's own secret is an administrator's token as well."""
        if form.get("token") == self.secret:
            scope = f"{MATRIX} urn:synapse:admin:*"
            return {"active": True, "scope": scope, "username": "operations", "sub": "operations", "expires_in": 300}
        with self.lock:
            token = self.tokens.get(form.get("token"))
        if token is None:
            return {"active": False}
        local_part = self.agents[token["agent"]]["user_id"][1:].split(":")[0]
        return {"active": True, "scope": token["scope"], "username": local_part, "sub": token["agent"], "expires_in": 300}


class Refusal(Exception):
    def __init__(self, status: int, error: str):
        self.status, self.error = status, error


def handler(service: AuthService):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            url = urlsplit(self.path)
            routes = {"/.well-known/openid-configuration": service.metadata, "/oauth2/keys.json": service.keys}
            if url.path in routes:
                self.json(200, routes[url.path]())
            elif url.path == "/granted" and self.headers.get("Authorization") == f"Bearer {service.secret}":
                self.json(200, service.tokens_of(url.query))
            elif url.path == "/authorize":
                self.guarded(lambda: self.authorize(url.query))
            else:
                self.send_error(404)

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            routes = {"/oauth2/token": service.redeem, "/oauth2/revoke": service.revoke}
            path = urlsplit(self.path).path
            if path in routes:
                self.guarded(lambda: self.json(200, routes[path](form)))
            elif path == "/oauth2/registration":
                self.guarded(lambda: self.json(201, service.register(json.loads(body))))
            elif path == "/oauth2/introspect":
                known = self.headers.get("Authorization") == f"Bearer {service.secret}"
                self.json(200, service.introspect(form)) if known else self.send_error(401)
            elif path == "/login":
                self.guarded(lambda: self.log_in(form))
            else:
                self.send_error(404)

        def authorize(self, query: str):
            asked = {name: values[0] for name, values in parse_qs(query).items()}
            service.check(asked)
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get("auth_session")
            session = service.sessions.get(cookie.value) if cookie else None
            if session:
                return self.redirect(service.answer(asked, session))
            page = service.page(query).encode()
            self.respond(200, "text/html; charset=utf-8", page)

        def log_in(self, form: dict):
            asked = {name: values[0] for name, values in parse_qs(form.get("service", "")).items()}
            service.check(asked)
            agent = form.get("agent", "")
            if agent not in service.agents:
                return self.redirect(service.answer(asked, None))
            cookie = secrets.token_urlsafe(16)
            service.sessions[cookie] = (agent, int(time.time()))
            self.redirect(service.answer(asked, service.sessions[cookie]), f"auth_session={cookie}; HttpOnly; Path=/")

        def guarded(self, act):
            try:
                act()
            except Refusal as refusal:
                self.json(refusal.status, {"error": refusal.error})

        def redirect(self, location: str, cookie: str | None = None):
            self.send_response(303)
            self.send_header("Location", location)
            if cookie:
                self.send_header("Set-Cookie", cookie)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def json(self, status: int, document):
            self.respond(status, "application/json", json.dumps(document).encode())

        def respond(self, status: int, content_type: str, body: bytes):
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            pass  # its address lines carry codes

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret", type=Path, required=True, help="a file with the secret that Synapse knows")
    parser.add_argument("--accounts", type=Path, required=True, help="a file with the accounts as JSON")
    options = parser.parse_args()
    service = AuthService(options.port, options.secret.read_text(), json.loads(options.accounts.read_text()))
    server = ThreadingHTTPServer(("127.0.0.1", options.port), handler(service))
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()

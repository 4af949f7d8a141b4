#!/usr/bin/env python3
"""A homeserver with one agent, for the conformance server: as much of the Matrix client API as the provider asks of one.

    homeserver.py PORT
"""

import json
import secrets
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = "agent.conformance.tchap.test"
LOCAL_PART, EMAIL, PASSWORD = "jean.dupont-conformance.test", "jean.dupont@conformance.test", "only-for-the-conformance-suite"
USER_ID = f"@{LOCAL_PART}:{NAME}"
THIRD_PARTY_ID = {"medium": "email", "address": EMAIL, "validated_at": 1600000000000, "added_at": 1600000000000}
API = "/_matrix/client/v3"
tokens: set[str] = set()


class Refusal(Exception):
    """Status and `errcode`."""


def log_in(body: dict) -> dict:
    identifier = body.get("identifier", {})
    who = identifier.get("user") or identifier.get("address")
    if body.get("type") != "m.login.password" or who not in (LOCAL_PART, USER_ID, EMAIL) or body.get("password") != PASSWORD:
        raise Refusal(403, "M_FORBIDDEN")
    token = secrets.token_urlsafe(32)
    tokens.add(token)
    return {"user_id": USER_ID, "access_token": token, "device_id": body.get("device_id") or secrets.token_hex(5).upper()}


def answer(method: str, path: str, token: str, body: dict) -> dict:
    """The honest answer to a request without its query."""
    match method, path.removeprefix(API):
        case "GET", "/login":
            return {"flows": [{"type": "m.login.password"}]}
        case "POST", "/login":
            return log_in(body)
    if token not in tokens:
        raise Refusal(401, "M_UNKNOWN_TOKEN")
    match method, path.removeprefix(API):
        case "GET", "/account/whoami":
            return {"user_id": USER_ID}
        case "GET", "/account/3pid":
            return {"threepids": [THIRD_PARTY_ID]}
        case "GET", profile if profile.startswith("/profile/"):
            return {"displayname": "Jean Dupont [Conformance]"}
        case "POST", "/logout":
            tokens.discard(token)
            return {}
    raise Refusal(404, "M_UNRECOGNIZED")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            status, said = 200, answer(self.command, self.path.split("?")[0], token, json.loads(body or "{}"))
        except Refusal as refusal:
            status, said = refusal.args[0], {"errcode": refusal.args[1], "error": "No."}
        text = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = respond


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()

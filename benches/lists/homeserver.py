"""A homeserver where every account has one password: as much of the Matrix client API as a sign-in asks for."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PASSWORD = "only-for-the-benchmark"
API = "/_matrix/client/v3"


class Homeserver(ThreadingHTTPServer):
    def __init__(self, name: str, email_domain: str):
        super().__init__(("127.0.0.1", 0), Handler)
        self.name, self.email_domain = name, email_domain
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def answer(self, method: str, path: str, token: str, body: dict) -> dict | None:
        user = token.removeprefix("token-of-")
        match method, path.removeprefix(API):
            case "GET", "/login":
                return {"flows": [{"type": "m.login.password"}]}
            case "POST", "/login" if body.get("password") == PASSWORD:
                user = body["identifier"]["user"]
                user = user if user.startswith("@") else f"@{user}:{self.name}"
                return {"user_id": user, "access_token": f"token-of-{user}", "device_id": body.get("device_id", "D")}
            case "GET", "/account/whoami":
                return {"user_id": user}
            case "GET", "/account/3pid":
                address = f"{user[1:].split('-')[0]}@{self.email_domain}"
                return {"threepids": [{"medium": "email", "address": address, "validated_at": 1, "added_at": 1}]}
            case "GET", profile if profile.startswith("/profile/"):
                return {"displayname": user[1:].split("-")[0]}
            case "POST", "/logout":
                return {}
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def respond(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or "{}")
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        said = self.server.answer(self.command, self.path.split("?")[0], token, body)
        text = json.dumps({"errcode": "M_FORBIDDEN", "error": "No."} if said is None else said).encode()
        self.send_response(403 if said is None else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = respond

    def log_message(self, *_arguments) -> None:
        pass

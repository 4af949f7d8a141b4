"""A stand-in for a body's single sign-on, speaking as much CAS 3.0 as Synapse asks for.

Its login page lists the agents as buttons (the button's id is the agent's), works without JavaScript, and asks at every
visit: `sso_always_asks` is true of it.
"""

import secrets
import threading
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

PAGE = """<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><title>Portail des agents (simulé)</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 1.0625rem/1.5 system-ui, sans-serif; max-width: 30rem; margin: 8vh auto; padding: 0 1rem; color: #1d2433 }}
button {{ display: block; width: 100%; margin: .6rem 0; padding: .9rem 1rem; font: inherit; text-align: left; cursor: pointer;
  color: inherit; background: #f3f5fa; border: 1px solid #6b7285; border-radius: .5rem }}
button:hover, button:focus-visible {{ background: #e2e8fb; outline: 3px solid #3a55d1; outline-offset: 2px }}
small {{ display: block; color: #545b6d }}
</style></head>
<body><main><h1>Portail des agents</h1>
<p>Authentification unique <strong>simulée</strong> : choisissez l’agent qui se connecte.</p>
<form method="post" action="/login"><input type="hidden" name="service" value="{service}">{buttons}</form>
</main></body></html>"""
BUTTON = '<button name="agent" id="{id}" value="{id}">{name}<small>{email}</small></button>'
SUCCESS = (
    '<cas:serviceResponse xmlns:cas="http://www.yale.edu/tp/cas"><cas:authenticationSuccess><cas:user>{id}</cas:user>'
    "<cas:attributes><cas:displayName>{name}</cas:displayName></cas:attributes>"
    "</cas:authenticationSuccess></cas:serviceResponse>"
)
FAILURE = (
    '<cas:serviceResponse xmlns:cas="http://www.yale.edu/tp/cas">'
    '<cas:authenticationFailure code="INVALID_TICKET"/></cas:serviceResponse>'
)


class CasMock:
    """The server, in a thread of its own. Use as a context manager."""

    def __init__(self, port: int, accounts: list[dict]):
        self.url = f"http://127.0.0.1:{port}"
        self._agents = {account["sso_id"]: account for account in accounts if account["sso_id"]}
        self._tickets: dict[tuple[str, str], dict] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True

    def __enter__(self) -> "CasMock":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exc) -> None:
        self._server.shutdown()
        self._server.server_close()

    def login_page(self, service: str) -> str:
        buttons = "".join(
            BUTTON.format(id=escape(id), name=escape(agent["display_name"]), email=escape(agent["email"]))
            for id, agent in self._agents.items()
        )
        return PAGE.format(service=escape(service), buttons=buttons)

    def issue_ticket(self, service: str, id: str) -> str | None:
        """Where to send the browser: back to the service, with a ticket that works once and only for it."""
        if id not in self._agents:
            return None
        ticket = f"ST-{secrets.token_urlsafe(24)}"
        self._tickets[ticket, service] = self._agents[id]
        return f"{service}{'&' if '?' in service else '?'}{urlencode({'ticket': ticket})}"

    def validate(self, ticket: str, service: str) -> str:
        agent = self._tickets.pop((ticket, service), None)
        return SUCCESS.format(id=escape(agent["sso_id"]), name=escape(agent["display_name"])) if agent else FAILURE

    def _handler(mock):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                url = urlsplit(self.path)
                asked = {name: values[0] for name, values in parse_qs(url.query).items()}
                if url.path == "/login":
                    self._answer("text/html; charset=utf-8", mock.login_page(asked.get("service", "")))
                elif url.path == "/p3/proxyValidate":
                    self._answer("text/xml", mock.validate(asked.get("ticket", ""), asked.get("service", "")))
                else:
                    self.send_error(404)

            def do_POST(self):
                form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
                target = mock.issue_ticket(form.get("service", [""])[0], form.get("agent", [""])[0])
                if target is None:
                    return self.send_error(400, "Unknown agent")
                self.send_response(303)
                self.send_header("Location", target)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def _answer(self, content_type: str, text: str):
                body = text.encode()
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args):
                pass  # its address lines carry tickets

        return Handler

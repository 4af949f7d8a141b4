"""A service written with Flask and Authlib, as its documentation shows: authlib_site.py SETTINGS

SETTINGS, in JSON: issuer, port, client_id, client_secret, scope.
"""

import json
import sys

from authlib.integrations.flask_client import OAuth, OAuthError
from flask import Flask, jsonify, redirect, request, session

settings = json.loads(sys.argv[1])
home = f"http://127.0.0.1:{settings['port']}"

app = Flask(__name__)
app.config.update(SECRET_KEY="only for this test", SESSION_COOKIE_NAME="authlib", SESSION_COOKIE_SAMESITE="Lax")
signed_in: dict[str, dict] = {}  # by `sid`: the cookie would be too small for the tokens

oauth = OAuth(app)
tchap = oauth.register(
    "tchap",
    server_metadata_url=f"{settings['issuer']}/.well-known/openid-configuration",
    client_id=settings["client_id"],
    client_secret=settings["client_secret"],
    client_kwargs={
        "scope": settings["scope"],
        "code_challenge_method": "S256",
        "token_endpoint_auth_method": "client_secret_post",
    },
)


@app.errorhandler(OAuthError)
def refused(error: OAuthError):
    return jsonify(error=error.error, description=error.description), 400


@app.get("/login")
def login():
    return tchap.authorize_redirect(f"{home}/callback", **request.args)


@app.get("/callback")
def callback():
    token = tchap.authorize_access_token()  # checks the ID token and its nonce
    userinfo = tchap.userinfo(token=token)
    signed_in[token["userinfo"]["sub"]] = {"token": token, "userinfo": userinfo}
    session["sub"] = token["userinfo"]["sub"]
    return redirect("/me")


@app.get("/me")
def me():
    mine = signed_in.get(session.get("sub", ""))
    if mine is None:
        return jsonify(error="signed_out"), 400
    token = mine["token"]
    return jsonify(
        claims=token["userinfo"],
        userinfo=mine["userinfo"],
        id_token=token["id_token"],
        access_token=token["access_token"],
        expires_in=token["expires_in"],
    )


app.run("127.0.0.1", settings["port"])

"""A service written with Flask and Authlib, as its documentation shows: authlib_site.py SETTINGS

SETTINGS, in JSON: issuer, port, client_id, client_secret, scope.
"""

import json
import secrets
import sys

from authlib.integrations.flask_client import OAuth, OAuthError
from authlib.integrations.requests_client import OAuth2Session
from flask import Flask, jsonify, redirect, request, session
from joserfc import jwt  # Authlib's own JOSE library
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

settings = json.loads(sys.argv[1])
home = f"http://127.0.0.1:{settings['port']}"
signed_in: dict[str, dict] = {}  # by a value in the cookie, which would be too small for the tokens

app = Flask(__name__)
app.config.update(SECRET_KEY=secrets.token_hex(), SESSION_COOKIE_NAME="authlib", SESSION_COOKIE_SAMESITE="Lax")


def keep_refreshed(token: dict, refresh_token: str | None = None, access_token: str | None = None) -> None:
    """Authlib has used a refresh token: `token` is the answer, without what the login knew besides."""
    for mine in signed_in.values():
        if mine["token"]["refresh_token"] == refresh_token:
            mine["token"] |= token
            mine["token"]["userinfo"] = tchap.parse_id_token(mine["token"], nonce=None)


tchap = OAuth(app).register(
    "tchap",
    server_metadata_url=f"{settings['issuer']}/.well-known/openid-configuration",
    client_id=settings["client_id"],
    client_secret=settings["client_secret"],
    update_token=keep_refreshed,
    client_kwargs={
        "scope": settings["scope"],
        "code_challenge_method": "S256",
        "token_endpoint_auth_method": "client_secret_post",
    },
)


def direct() -> OAuth2Session:
    """For what the Flask part of the library has no words for."""
    methods = {f"{endpoint}_endpoint_auth_method": "client_secret_post" for endpoint in ("token", "revocation")}
    return OAuth2Session(settings["client_id"], settings["client_secret"], **methods)


class SignedOut(Exception):
    pass


def mine() -> dict:
    if session.get("id") not in signed_in:
        raise SignedOut
    return signed_in[session["id"]]


@app.errorhandler(SignedOut)
def signed_out(_error):
    return jsonify(error="signed_out"), 400


@app.errorhandler(OAuthError)
def refused(error: OAuthError):
    return jsonify(error=error.error, description=error.description), 400


@app.get("/login")
def login():
    return tchap.authorize_redirect(f"{home}/callback", **request.args)


@app.get("/callback")
def callback():
    token = tchap.authorize_access_token()  # checks the ID token and its nonce
    session["id"] = secrets.token_urlsafe()
    signed_in[session["id"]] = {"token": token, "userinfo": tchap.userinfo(token=token)}
    return redirect("/me")


@app.get("/me")
def me():
    token = mine()["token"]
    shown = {name: token[name] for name in ("id_token", "access_token")}
    return jsonify(claims=token["userinfo"], userinfo=mine()["userinfo"], **shown)


@app.get("/refresh")
def refresh():
    token = mine()["token"]
    token["expires_at"] = 1  # long ago: the library refreshes it before the next call
    mine()["userinfo"] = tchap.userinfo(token=token)
    return redirect("/me")


@app.get("/introspect")
def introspect():
    endpoint = tchap.load_server_metadata()["introspection_endpoint"]
    return direct().introspect_token(endpoint, token=mine()["token"]["access_token"]).json()


@app.get("/revoke")
def revoke():
    endpoint = tchap.load_server_metadata()["revocation_endpoint"]
    direct().revoke_token(endpoint, token=mine()["token"]["refresh_token"]).raise_for_status()
    return "", 204


@app.get("/logout")
def logout():
    hint = mine()["token"]["id_token"]
    del signed_in[session.pop("id")]
    return tchap.logout_redirect(post_logout_redirect_uri=f"{home}/signed-out", id_token_hint=hint)


@app.get("/signed-out")
def after_logout():
    tchap.validate_logout_response()  # the state
    return jsonify(state=True)


@app.post("/backchannel")
def backchannel():
    """Back-Channel Logout 2.6, with what joserfc checks of a JWT."""
    keys = KeySet.import_key_set(tchap.fetch_jwk_set())
    rules = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": settings["issuer"]},
        aud={"essential": True, "value": settings["client_id"]},
        jti={"essential": True},
        events={"essential": True},
    )
    try:
        token = jwt.decode(request.form["logout_token"], keys, algorithms=["ES256"])
        rules.validate(token.claims)
    except JoseError as error:
        return jsonify(error="invalid_request", error_description=str(error)), 400
    if token.header["typ"] != "logout+jwt" or "nonce" in token.claims:
        return jsonify(error="invalid_request"), 400
    for key, known in list(signed_in.items()):
        if known["token"]["userinfo"]["sid"] == token.claims["sid"]:
            del signed_in[key]
    return "", 200


app.run("127.0.0.1", settings["port"])

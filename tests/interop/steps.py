"""What is asked of every library, in order. A step takes the site and the browser of the person who signed in there; it
raises AssertionError, with what was seen, when the library or the provider disappoints."""

import base64
import json
import secrets
from collections.abc import Callable
from urllib.parse import urlencode

from browser import Browser, Page
from homeservers import ACCOUNTS, PASSWORD
from sites import Site

AGENT = ACCOUNTS[0]
KNOWN = {
    "identifier-form": {"identifier": AGENT["email"]},
    "password-form": {"password": PASSWORD},
    "consent-form": {"answer": "accept"},
    "form-post": {},
}


def person(**answers: dict[str, str]) -> Browser:
    """A browser of the agent's, in which nobody has signed in yet."""
    return Browser({**KNOWN, **{form.replace("_", "-"): fields for form, fields in answers.items()}})


def expect(what: str, seen: object, wanted: object) -> None:
    assert seen == wanted, f"{what}: expected {wanted!r}, got {seen!r}"


def login(site: Site, browser: Browser) -> None:
    """Discovery, the agent's login and consent, the code, the ID token, UserInfo: the library found all of it in order."""
    page = site.sign_in(browser)
    expect(f"answer {page}", page.status, 200)
    forms = [form for form in browser.seen if form != "form-post"]
    expect("pages that the agent met", forms, ["identifier-form", "password-form", "consent-form"])
    me = site.me(browser)
    assert "error" not in me, f"not signed in: {me}"


def claims(site: Site, browser: Browser) -> None:
    me = site.me(browser)
    token, userinfo = me["claims"], me["userinfo"]
    expect("iss", token["iss"], site.issuer)
    expect("aud", token["aud"] if isinstance(token["aud"], str) else token["aud"][0], site.client_id)
    expect("sub of UserInfo", userinfo["sub"], token["sub"])
    expect("name", userinfo["name"], "Jean Dupont")
    expect("email", userinfo["email"], AGENT["email"])
    expect("administration", userinfo["administration_domain"], "beta.gouv.fr")
    if isinstance(me["id_token"], str):  # Apache's module shows the claims only, and is told the one algorithm it accepts
        header = me["id_token"].split(".")[0]
        algorithm = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["alg"]
        expect("alg of the ID token", algorithm, site.algorithm)


def single_sign_on(site: Site, browser: Browser) -> None:
    """A second login in the same browser asks for no address and no password, and names the same agent."""
    before, trail = site.me(browser), len(browser.seen)
    site.sign_in(browser)
    expect("pages that the agent met", [form for form in browser.seen[trail:] if form != "form-post"], site.asked_again)
    expect("sub", site.me(browser)["claims"]["sub"], before["claims"]["sub"])


def silent(site: Site, browser: Browser) -> Page:
    """The answer to an authorization request with prompt=none from this browser, before the site reads it."""
    request = {
        "client_id": site.client_id,
        "response_type": "code",
        "redirect_uri": site.home + site.callback,
        "scope": site.scope,
        "prompt": "none",
        "state": secrets.token_urlsafe(8),
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
    return browser.open(f"{site.issuer}/authorize?{urlencode(request)}", until=lambda url: url.startswith(site.home))


Step = Callable[[Site, Browser], None]
STEPS: dict[str, Step] = {
    "login": login,
    "claims": claims,
    "single sign-on": single_sign_on,
}

"""What is asked of every library, in order. A step takes the site and the browser of the person who signed in there; it
raises AssertionError, with what was seen, when the library or the provider disappoints."""

import base64
import json
import secrets
import time
from collections.abc import Callable
from urllib.parse import urlencode

from browser import Browser, Page
from homeservers import ACCOUNTS, PASSWORD
from sites import Site, decoded

AGENT = ACCOUNTS[0]
KNOWN = {
    "identifier-form": {"identifier": AGENT["email"]},
    "password-form": {"password": PASSWORD},
    "consent-form": {"answer": "accept"},
    "form-post": {},
    "logout-form": {"answer": "leave"},
}


def person() -> Browser:
    """A browser of the agent's, in which nobody has signed in yet."""
    return Browser(KNOWN)


def expect(what: str, seen: object, wanted: object) -> None:
    assert seen == wanted, f"{what}: expected {wanted!r}, got {seen!r}"


def refusal(site: Site, _browser: Browser) -> None:
    """The agent says no: the library takes the error for an answer, and nobody is signed in."""
    reluctant = Browser({**KNOWN, "consent-form": {"answer": "refuse"}})
    page = site.sign_in(reluctant)
    expect("the last page but one", reluctant.seen[-1 - reluctant.seen.count("form-post")], "consent-form")
    assert page.url.startswith(site.home), f"not back at the site: {page}"
    if site.says_why:
        assert "access_denied" in page.body or "refused" in page.body, f"the site says nothing of it: {page}"
    expect("error", site.me(reluctant).get("error"), "signed_out")


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


def refresh(site: Site, browser: Browser) -> None:
    """New tokens for the same agent, by whatever the library calls a refresh."""
    before = site.me(browser)
    page = site.refresh(browser)
    after = site.me(browser)
    assert "error" not in after, f"signed out: {after}; the answer was {page}"
    assert after["access_token"] != before["access_token"], f"the access token is the old one; the answer was {page}"
    for claim in ("iss", "sub", "aud", "auth_time"):
        expect(claim, after["claims"].get(claim), before["claims"].get(claim))
    expect("sub of UserInfo", after["userinfo"]["sub"], before["claims"]["sub"])


def introspection(site: Site, browser: Browser) -> None:
    token = decoded(browser.open(f"{site.home}/introspect"))
    assert token.get("active") is True, f"not active: {token}"
    expect("client_id", token["client_id"], site.client_id)
    expect("sub", token["sub"], site.me(browser)["claims"]["sub"])


def jwt_access_token(site: Site, browser: Browser) -> None:
    """An access token that the API checks by itself: the library as a resource server (RFC 9068)."""
    token = decoded(browser.open(site.resource["identifier"]))
    assert "error" not in token, f"refused: {token}"
    expect("aud", token["aud"], site.resource["identifier"])
    expect("client_id", token["client_id"], site.client_id)
    expect("sub", token["sub"], site.me(browser)["claims"]["sub"])


def revocation(site: Site, browser: Browser) -> None:
    """A revoked refresh token takes its access tokens with it."""
    expect("status", browser.open(f"{site.home}/revoke").status, 204)
    expect("error at a refresh", decoded(site.refresh(browser)).get("error"), "invalid_grant")
    site.sign_in(browser)


def logout(site: Site, browser: Browser) -> None:
    """The site sends the agent to sign out, gets them back, and the provider's session is over."""
    trail = len(browser.seen)
    page = site.sign_out(browser)
    expect("pages that the agent met", browser.seen[trail:], [])
    expect("landed at", page.url.partition("?")[0], site.home + site.signed_out)
    expect("status", page.status, 200)
    if page.headers.get("content-type", "").startswith("application/json"):
        expect("state that came back", decoded(page)["state"], True)
    expect("error", site.me(browser).get("error"), "signed_out")
    expect("error of prompt=none", silent(site, browser).query().get("error"), "login_required")


def logout_elsewhere(site: Site, browser: Browser) -> None:
    """The agent signs in again, signs out at the provider, and the site notices in its own way."""
    site.sign_in(browser)
    assert "error" not in site.me(browser), "not signed in"
    page = browser.visit(f"{site.issuer}/logout")
    expect("the last form", browser.seen[-1], "logout-form")
    expect(f"status of {page}", page.status, 200)
    deadline = time.monotonic() + 10  # a logout token travels beside the browser
    while not site.notices_logout(browser):
        assert time.monotonic() < deadline, "the site still takes the agent for signed in"
        time.sleep(0.05)


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
    "refusal": refusal,
    "login": login,
    "claims": claims,
    "single sign-on": single_sign_on,
    "refresh": refresh,
    "introspection": introspection,
    "JWT access token": jwt_access_token,
    "revocation": revocation,
    "logout": logout,
    "logout elsewhere": logout_elsewhere,
}

"""A service written with Django and mozilla-django-oidc, as its documentation shows: django_site.py SETTINGS

SETTINGS, in JSON: issuer, port, client_id, client_secret, scope, folder (for the database).
"""

import json
import sys
from urllib.request import ProxyHandler, build_opener

from django.conf import settings as django_settings
from django.core.management import execute_from_command_line

settings = json.loads(sys.argv[1])
# The library has no discovery of its own: the site reads the document.
with build_opener(ProxyHandler({})).open(f"{settings['issuer']}/.well-known/openid-configuration") as answer:
    provider = json.load(answer)

django_settings.configure(
    DEBUG=True,  # for runserver; the rest is what a service would write
    SECRET_KEY="only for this test",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF="django_urls",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{settings['folder']}/django.db"}},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "mozilla_django_oidc",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "mozilla_django_oidc.middleware.SessionRefresh",
    ],
    AUTHENTICATION_BACKENDS=["django_urls.Backend"],
    SESSION_COOKIE_NAME="django",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    LOGIN_REDIRECT_URL="/me",
    LOGOUT_REDIRECT_URL="/",
    OIDC_RP_CLIENT_ID=settings["client_id"],
    OIDC_RP_CLIENT_SECRET=settings["client_secret"],
    OIDC_RP_SCOPES=settings["scope"],
    OIDC_RP_SIGN_ALGO="RS256",
    OIDC_OP_AUTHORIZATION_ENDPOINT=provider["authorization_endpoint"],
    OIDC_OP_TOKEN_ENDPOINT=provider["token_endpoint"],
    OIDC_OP_USER_ENDPOINT=provider["userinfo_endpoint"],
    OIDC_OP_JWKS_ENDPOINT=provider["jwks_uri"],
    OIDC_OP_LOGOUT_URL_METHOD="django_urls.logout_url",
    OIDC_TOKEN_USE_BASIC_AUTH=True,
    OIDC_STORE_ID_TOKEN=True,
    OIDC_STORE_ACCESS_TOKEN=True,
    ALLOW_LOGOUT_GET_METHOD=True,
    OIDC_EXEMPT_URLS=["expire"],
    END_SESSION_ENDPOINT=provider.get("end_session_endpoint"),
    ISSUER=provider["issuer"],
    HOME=f"http://127.0.0.1:{settings['port']}",
)
execute_from_command_line(["manage", "migrate", "--verbosity", "0"])
execute_from_command_line(["manage", "runserver", "--noreload", f"127.0.0.1:{settings['port']}"])

"""The pages of the Django site, and the library's documented points of extension."""

from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import include, path
from mozilla_django_oidc.auth import OIDCAuthenticationBackend


class Backend(OIDCAuthenticationBackend):
    """Accounts by `sub`, which never changes, where the library's own choice is the e-mail address, which may."""

    def verify_token(self, token, **checks):
        payload = super().verify_token(token, **checks)
        # Core 3.1.3.7, of which the library checks the signature, the times and the nonce.
        if payload["iss"] != settings.ISSUER or payload["aud"] != settings.OIDC_RP_CLIENT_ID:
            raise SuspiciousOperation("A token of another issuer or for another service.")
        return payload

    def get_userinfo(self, access_token, id_token, payload):
        userinfo = super().get_userinfo(access_token, id_token, payload)
        if userinfo["sub"] != payload["sub"]:  # Core 5.3.2: the library leaves this to the service
            raise SuspiciousOperation("UserInfo is about somebody else.")
        self.request.session.update({"claims": payload, "userinfo": userinfo})
        return userinfo

    def filter_users_by_claims(self, claims):
        return self.UserModel.objects.filter(username=claims["sub"])

    def get_username(self, claims):
        return claims["sub"]


def logout_url(request) -> str:
    hint = {"id_token_hint": request.session["oidc_id_token"], "post_logout_redirect_uri": f"{settings.HOME}/"}
    return f"{settings.END_SESSION_ENDPOINT}?{urlencode(hint)}"


def me(request):
    if not request.user.is_authenticated:
        return JsonResponse({"error": "signed_out"}, status=400)
    session = request.session
    return JsonResponse({
        "claims": session["claims"],
        "userinfo": session["userinfo"],
        "id_token": session["oidc_id_token"],
        "access_token": session["oidc_access_token"],
    })


def expire(request):
    """As if a quarter of an hour had passed: the library's SessionRefresh now asks the provider again, silently."""
    request.session["oidc_id_token_expiration"] = 0
    return redirect("/me")


urlpatterns = [
    path("", lambda _request: HttpResponse("Home")),
    path("me", me),
    path("refresh", expire, name="expire"),
    path("oidc/", include("mozilla_django_oidc.urls")),
]

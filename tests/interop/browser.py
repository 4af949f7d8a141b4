"""A person's browser without scripts: a cookie jar for each origin, redirects one hop at a time, forms by their `id`."""

import http.cookiejar
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from processes import Failure

HOPS = 20


@dataclass
class Form:
    """What a browser sends when the form's only or first button is pressed."""

    id: str
    action: str
    fields: dict[str, str]


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.forms: list[Form] = []
        self.frames: list[str] = []

    def handle_starttag(self, tag: str, attributes: list) -> None:
        found = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.forms.append(Form(found.get("id", ""), found.get("action", ""), {}))
        if tag == "iframe" and found.get("src"):
            self.frames.append(found["src"])
        if tag == "input" and found.get("name") and self.forms:
            self.forms[-1].fields[found["name"]] = found.get("value", "")


@dataclass
class Page:
    """An answer, after every redirect."""

    url: str
    status: int
    headers: dict[str, str]
    body: str

    def _read(self) -> _Reader:
        reader = _Reader()
        if "text/html" in self.headers.get("content-type", ""):
            reader.feed(self.body)
        return reader

    def forms(self) -> dict[str, Form]:
        """The forms that have an `id`."""
        return {form.id: form for form in self._read().forms if form.id}

    def frames(self) -> list[str]:
        """The addresses of its frames."""
        return [urljoin(self.url, frame) for frame in self._read().frames]

    def query(self) -> dict[str, str]:
        """The parameters of its address."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.url).query).items()}

    def __str__(self) -> str:
        return f"{self.status} {self.url}\n{self.body[:3000]}"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_request):
        return None


class Browser:
    """One person's. `answers` are what the person does at a form of that id; `seen` is the trail of forms met."""

    def __init__(self, answers: dict[str, dict[str, str]]):
        self.answers = answers
        self.seen: list[str] = []
        self._openers: dict[str, urllib.request.OpenerDirector] = {}

    def _opener(self, url: str) -> urllib.request.OpenerDirector:
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        if origin not in self._openers:
            jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
            self._openers[origin] = urllib.request.build_opener(jar, _NoRedirect, urllib.request.ProxyHandler({}))
        return self._openers[origin]

    def once(self, url: str, form: dict[str, str] | None = None) -> Page:
        """One request: a GET, or the POST of a form."""
        body = None if form is None else urlencode(form).encode()
        request = urllib.request.Request(url, data=body, headers={"Accept": "text/html, */*", "Accept-Language": "fr"})
        try:
            answer = self._opener(url).open(request, timeout=30)
        except urllib.error.HTTPError as error:  # everything but 2xx
            answer = error
        with answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Page(url, answer.status, headers, answer.read().decode(errors="replace"))

    def open(self, url: str, form: dict[str, str] | None = None, until: Callable[[str], bool] = lambda _: False) -> Page:
        """A request and its redirects, but none to an address at which `until` says stop: that one is in `url`, unread."""
        page = self.once(url, form)
        for _ in range(HOPS):
            if page.status not in (301, 302, 303, 307, 308):
                return page
            target = urljoin(page.url, page.headers["location"])
            if until(target):
                return Page(target, 0, {}, "")
            page = self.once(target)
        raise Failure(f"A loop of redirects at {page.url}")

    def visit(self, url: str) -> Page:
        """Open, then do as a browser and a person do: load frames, follow a `Refresh`, answer the forms known to both."""
        page = self.open(url)
        for _ in range(HOPS):
            for frame in page.frames():
                stranger = Browser({})  # in a frame of another site, browsers send that site's cookies no more
                stranger.open(frame)
            form = next((form for name, form in page.forms().items() if name in self.answers), None)
            if form:
                self.seen.append(form.id)
                page = self.open(urljoin(page.url, form.action), {**form.fields, **self.answers[form.id]})
            elif "refresh" in page.headers:
                page = self.open(urljoin(page.url, page.headers["refresh"].partition("url=")[2]))
            else:
                return page
        raise Failure(f"No end of pages at {page.url}")

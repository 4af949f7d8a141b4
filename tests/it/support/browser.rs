//! A browser without scripts: cookies per origin, forms by `id`, redirects one hop at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use url::Url;

use super::html::{self, Form};
use super::secrets::Traffic;
use super::{PASSWORD, TestApp, tls};

/// An answer.
#[derive(Debug, Clone)]
pub struct Page {
    pub url: Url,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Page {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Where the answer redirects to.
    pub fn location(&self) -> Url {
        self.url.join(self.header("location")).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// Name and value of every `Set-Cookie`.
    pub fn cookies(&self) -> Vec<(String, String)> {
        let lines = self.headers.get_all("set-cookie").iter();
        lines
            .filter_map(|line| line.to_str().ok()?.split(';').next()?.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    pub fn has(&self, id: &str) -> bool {
        html::by_id(&self.body, id).is_some()
    }

    /// The visible text of the element with this `id`.
    pub fn text(&self, id: &str) -> String {
        html::text(&self.body, id).unwrap_or_else(|| panic!("no #{id} in {} {}\n{}", self.status, self.url, self.body))
    }

    /// Where the link with this `id` leads.
    pub fn href(&self, id: &str) -> String {
        let tag = html::by_id(&self.body, id).unwrap_or_else(|| panic!("no #{id} in {}\n{}", self.url, self.body));
        tag.get("href").unwrap_or_default().to_owned()
    }

    /// The value of the field with this `id`.
    pub fn value(&self, id: &str) -> String {
        let tag = html::by_id(&self.body, id).unwrap_or_else(|| panic!("no #{id} in {}\n{}", self.url, self.body));
        tag.get("value").unwrap_or_default().to_owned()
    }

    /// The form with this `id`, or whose action ends in `/id`.
    pub fn form(&self, id: &str) -> Form {
        let forms = html::forms(&self.body);
        let found = forms
            .iter()
            .find(|form| form.id == id || form.action.ends_with(&format!("/{id}")));
        found
            .cloned()
            .unwrap_or_else(|| panic!("no form {id} in {} {}\n{}", self.status, self.url, self.body))
    }
}

/// One HTTP client for browsers and relying parties; every answer is kept for the search for secrets.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    traffic: Arc<Traffic>,
}

impl Http {
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests' own client, on the other side of the wire"
    )]
    pub fn new(traffic: Arc<Traffic>) -> Self {
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .tls_certs_merge([tls::authority().certificate()])
            .no_proxy();
        Self {
            client: builder.build().unwrap(),
            traffic,
        }
    }

    pub fn request(&self, method: Method, url: &str) -> reqwest::RequestBuilder {
        self.client.request(method, url)
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Page {
        let response = request.send().await.unwrap();
        let page = Page {
            url: response.url().clone(),
            status: response.status(),
            headers: response.headers().clone(),
            body: response.text().await.unwrap(),
        };
        self.traffic.answer(&page);
        page
    }
}

/// A person's browser.
#[derive(Debug)]
pub struct Browser {
    pub http: Http,
    /// Headers sent with every request.
    pub headers: Vec<(&'static str, String)>,
    base_url: Mutex<String>,
    cookies: Mutex<HashMap<String, HashMap<String, String>>>,
}

impl Browser {
    pub fn new(app: &TestApp) -> Self {
        Self::at(&app.base_url, app.traffic.clone())
    }

    /// For a provider at this address.
    pub fn at(base_url: &str, traffic: Arc<Traffic>) -> Self {
        Self {
            http: Http::new(traffic),
            headers: Vec::new(),
            base_url: Mutex::new(base_url.to_owned()),
            cookies: Mutex::default(),
        }
    }

    /// The provider has moved to another address, the cookies with it.
    pub fn moved_to(&self, base_url: &str) {
        let former = std::mem::replace(&mut *self.base_url.lock().unwrap(), base_url.to_owned());
        let mut cookies = self.cookies.lock().unwrap();
        let jar = cookies.remove(&former).unwrap_or_default();
        cookies.insert(base_url.to_owned(), jar);
    }

    fn base_url(&self) -> String {
        self.base_url.lock().unwrap().clone()
    }

    /// With a header that every request carries.
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn absolute(&self, url: &str) -> String {
        if url.starts_with('/') {
            return format!("{}{url}", self.base_url());
        }
        url.to_owned()
    }

    /// One GET; redirects are not followed. A path is ours.
    pub async fn get(&self, url: &str) -> Page {
        let request = self.http.request(Method::GET, &self.absolute(url));
        self.send(request, &self.absolute(url)).await
    }

    /// One POST of a form; redirects are not followed.
    pub async fn post(&self, url: &str, fields: &[(&str, &str)]) -> Page {
        let request = self.http.request(Method::POST, &self.absolute(url)).form(fields);
        self.send(request, &self.absolute(url)).await
    }

    /// One POST of a body as it is.
    pub async fn post_body(&self, url: &str, content_type: &str, body: Vec<u8>) -> Page {
        let request = self.http.request(Method::POST, url);
        self.send(request.header("content-type", content_type).body(body), url)
            .await
    }

    /// The same with further headers.
    pub async fn post_with(&self, url: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Page {
        let request = self.http.request(Method::POST, url).form(fields);
        let with = |request: reqwest::RequestBuilder, (name, value): &(&str, &str)| request.header(*name, *value);
        self.send(headers.iter().fold(request, with), url).await
    }

    /// One HEAD.
    pub async fn head(&self, url: &str) -> Page {
        self.send(self.http.request(Method::HEAD, url), url).await
    }

    /// A form about to be posted with this browser's cookies.
    pub fn form_request(&self, url: &str, fields: &[(&str, String)]) -> reqwest::RequestBuilder {
        let origin = Url::parse(url).unwrap().origin().ascii_serialization();
        let request = self.http.request(Method::POST, url).form(fields);
        request.header("cookie", self.cookie_header(&origin))
    }

    async fn send(&self, mut request: reqwest::RequestBuilder, url: &str) -> Page {
        let url = Url::parse(url).unwrap();
        let origin = url.origin().ascii_serialization();
        let jar = self.cookie_header(&origin);
        if !jar.is_empty() {
            request = request.header("cookie", jar);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let page = self.http.send(request).await;
        let mut cookies = self.cookies.lock().unwrap();
        let jar = cookies.entry(origin).or_default();
        for (name, value) in page.cookies() {
            jar.insert(name, value);
        }
        page
    }

    fn cookie_header(&self, origin: &str) -> String {
        let cookies = self.cookies.lock().unwrap();
        let jar = cookies.get(origin).into_iter().flatten();
        jar.map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; ")
    }

    /// The value of a cookie of the provider's.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(&self.base_url())?.get(name).cloned()
    }

    /// Plants a cookie of the provider's.
    pub fn set_cookie(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.lock().unwrap();
        cookies
            .entry(self.base_url())
            .or_default()
            .insert(name.into(), value.into());
    }

    /// GET, then every redirect until a page or a relying party's address, which is not fetched.
    pub async fn open(&self, url: &str) -> Page {
        let page = self.get(url).await;
        self.follow(page).await
    }

    /// The redirects of a page, as [`Browser::open`].
    pub async fn follow(&self, mut page: Page) -> Page {
        for _ in 0..10 {
            if !page.status.is_redirection() || is_relying_party(&page.location()) {
                return page;
            }
            page = self.get(page.location().as_str()).await;
        }
        panic!("a loop of redirects at {}", page.url);
    }

    /// Fills a form (found by its id or the end of its action), sends it, follows the redirects.
    pub async fn submit(&self, page: &Page, form: &str, fields: &[(&str, &str)]) -> Page {
        let answer = self.submit_once(page, form, fields).await;
        self.follow(answer).await
    }

    /// The same without following redirects.
    pub async fn submit_once(&self, page: &Page, form: &str, fields: &[(&str, &str)]) -> Page {
        let form = page.form(form);
        let mut sent = form.fields.clone();
        for (name, value) in fields {
            let is_there = sent.iter().any(|(field, _)| field == name) || form.buttons.iter().any(|(b, _)| b == name);
            assert!(is_there, "the form {} has no field {name}", form.id);
            sent.retain(|(field, _)| field != name);
            sent.push(((*name).to_owned(), (*value).to_owned()));
        }
        let sent: Vec<(&str, &str)> = sent
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        self.post(page.url.join(&form.action).unwrap().as_str(), &sent).await
    }

    /// Identifier page → whatever comes after it.
    pub async fn identify(&self, page: &Page, identifier: &str) -> Page {
        self.submit(page, "identifier-form", &[("identifier", identifier)])
            .await
    }

    /// Identifier page → password page → whatever comes after it.
    pub async fn log_in(&self, page: &Page, identifier: &str, password: &str) -> Page {
        let page = self.identify(page, identifier).await;
        self.submit(&page, "password-form", &[("password", password)]).await
    }

    /// Consent page → relying party.
    pub async fn accept(&self, page: &Page) -> Page {
        self.submit(page, "consent-form", &[("answer", "accept")]).await
    }

    /// The whole way of a first visit by password: login, then consent where it is asked for.
    pub async fn sign_in(&self, url: &str, identifier: &str) -> Page {
        let page = self.open(url).await;
        let page = self.log_in(&page, identifier, PASSWORD).await;
        if page.has("consent-form") {
            self.accept(&page).await
        } else {
            page
        }
    }
}

/// Relying parties live at `/callback` or on https (not on this machine), and are nowhere to be fetched.
fn is_relying_party(url: &Url) -> bool {
    let local = match url.scheme() {
        "http" => true,
        "https" => url.host_str() == Some("127.0.0.1"),
        _ => false,
    };
    !local || url.path() == "/callback"
}

//! A browser without pages: cookies, redirects one at a time, forms.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use reqwest::{Client, RequestBuilder, Response, header};

use super::service::Service;

/// One browser with its cookies. All of them come over the same few connections, which stay open: so they do in
/// production, where the proxy that ends TLS keeps its own.
#[derive(Debug, Clone)]
pub struct Browser {
    http: Client,
    cookies: BTreeMap<String, String>,
}

/// A connection pool that follows no redirect and knows no proxy.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the other side: it speaks to our own provider only"
)]
pub fn http() -> anyhow::Result<Client> {
    let builder = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    Ok(builder.build()?)
}

impl Browser {
    pub fn new(http: Client) -> Self {
        Self {
            http,
            cookies: BTreeMap::new(),
        }
    }

    /// A whole first visit: identifier, password, consent, code, tokens, claims.
    pub async fn sign_in(&mut self, service: &Service, email: &str, password: &str) -> anyhow::Result<()> {
        let asked = service.ask()?;
        let step = service.address(&self.redirect(self.http.get(&asked.url)).await?);
        self.page(&step, "id=\"identifier-form\"").await?;
        let identifier = self
            .http
            .post(format!("{step}/identifier"))
            .form(&[("identifier", email)]);
        self.redirect(identifier).await?;
        self.page(&step, "id=\"password-form\"").await?;
        let password = self
            .http
            .post(format!("{step}/password"))
            .form(&[("password", password)]);
        self.redirect(password).await?;
        let page = self.page(&step, "id=\"consent-form\"").await?;
        let shown = between(&page, "name=\"shown\" value=\"", "\"").context("the consent page has no token")?;
        let consent = [("shown", shown), ("answer", "accept")];
        self.redirect(self.http.post(format!("{step}/consent")).form(&consent))
            .await?;
        let answer = self.redirect(self.http.get(&step)).await?;
        let claims = service.finish(&self.http, asked, &answer).await?;
        if claims["email"] != email {
            bail!("the claims are not those of {email}: {claims}");
        }
        Ok(())
    }

    /// Types an address, and looks no further than the answer.
    pub async fn try_address(&mut self, service: &Service, email: &str) -> anyhow::Result<()> {
        let asked = service.ask()?;
        let step = service.address(&self.redirect(self.http.get(&asked.url)).await?);
        let identifier = self
            .http
            .post(format!("{step}/identifier"))
            .form(&[("identifier", email)]);
        self.send(identifier).await?;
        Ok(())
    }

    /// A whole later visit: code, tokens, claims, and no page.
    pub async fn pass_through(&mut self, service: &Service) -> anyhow::Result<()> {
        let asked = service.ask()?;
        let answer = self.redirect(self.http.get(&asked.url)).await?;
        service.finish(&self.http, asked, &answer).await?;
        Ok(())
    }

    async fn redirect(&mut self, request: RequestBuilder) -> anyhow::Result<String> {
        let response = self.send(request).await?;
        let (status, location) = (response.status(), response.headers().get(header::LOCATION));
        match location {
            Some(location) => Ok(location.to_str()?.to_owned()),
            None => bail!("{status} instead of a redirect: {}", response.text().await?),
        }
    }

    async fn page(&mut self, url: &str, mark: &str) -> anyhow::Result<String> {
        let page = self.send(self.http.get(url)).await?.text().await?;
        match page.contains(mark) {
            true => Ok(page),
            false => bail!("a page without {mark}: {page}"),
        }
    }

    async fn send(&mut self, request: RequestBuilder) -> anyhow::Result<Response> {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let response = request.header(header::COOKIE, cookies.join("; ")).send().await?;
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
            // A load is a login loop, and would be stopped.
            if let Some((name, value)) = pair.split_once('=').filter(|(name, _)| !name.ends_with("-turns")) {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(response)
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}

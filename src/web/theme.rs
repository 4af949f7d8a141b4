//! What the pages look like: our own neutral stylesheet, built in, or an operator's own copy of the State's design
//! system (DSFR) in a directory. Owns the static files that are served and the addresses that pages link.

use std::path::{Path, PathBuf};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use tower_http::services::ServeDir;

const NEUTRAL: &[u8] = include_bytes!("../../static/theme.css");
const OVERLAY: &[u8] = include_bytes!("../../static/dsfr-overlay.css");
const BUTTON: &[u8] = include_bytes!("../../static/button.css");
const MARK: &[u8] = include_bytes!("../../static/mark.svg");
const SUBMIT: &[u8] = include_bytes!("../../static/form_post.js");
const ICON: &[u8] = include_bytes!("../../static/favicon.svg");

/// The parts of DSFR that our markup needs, in the order they are linked.
const DSFR_STYLESHEETS: [&str; 15] = [
    "core/core.main.min.css",
    "component/link/link.main.min.css",
    "component/button/button.main.min.css",
    "component/skiplink/skiplink.main.min.css",
    "component/logo/logo.main.min.css",
    "component/header/header.main.min.css",
    "component/footer/footer.main.min.css",
    "component/form/form.main.min.css",
    "component/input/input.main.min.css",
    "component/select/select.main.min.css",
    "component/password/password.main.min.css",
    "component/alert/alert.main.min.css",
    "component/badge/badge.main.min.css",
    "component/table/table.main.min.css",
    "component/connect/connect.main.min.css",
];
/// The dark colours of DSFR.
const DSFR_SCHEME: &str = "scheme/scheme.min.css";
const DSFR_DARK: &str = ":root[data-fr-theme=dark]";
/// What may be served from the operator's directory.
const DSFR_SERVED: [&str; 6] = ["css", "woff2", "woff", "svg", "ico", "png"];
/// Addresses hold a fingerprint of the content, so they never change meaning.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// The directory given as `theme.dsfr_dir` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    /// A stylesheet that every page needs cannot be read.
    #[error("theme.dsfr_dir = \"{directory}\" is not the dist/ directory of DSFR: {file} cannot be read ({source})")]
    Unreadable {
        directory: String,
        file: &'static str,
        source: std::io::Error,
    },
}

/// The stylesheets and static files of this process; made once at start.
#[derive(Debug)]
pub struct Theme {
    stylesheets: Vec<String>,
    icon: String,
    mark: String,
    submit_script: String,
    files: Vec<StaticFile>,
    dsfr: Option<Dsfr>,
}

#[derive(Clone, Debug)]
struct StaticFile {
    path: String,
    content_type: &'static str,
    content: Bytes,
}

#[derive(Debug)]
struct Dsfr {
    directory: PathBuf,
    prefix: String,
}

impl Theme {
    /// Loads the neutral theme, or with `dsfr_dir` the theme laid over the operator's copy of DSFR's `dist/`, which
    /// is read and checked here.
    pub fn load(dsfr_dir: Option<&Path>) -> Result<Theme, ThemeError> {
        let icon = StaticFile::svg("favicon.svg", ICON);
        let mark = StaticFile::svg("mark.svg", MARK);
        let button = StaticFile::css("button.css", BUTTON);
        let submit = StaticFile::new("form_post.js", "text/javascript; charset=utf-8", SUBMIT);
        let (mut stylesheets, own, dsfr) = match dsfr_dir {
            None => {
                let neutral = StaticFile::css("theme.css", NEUTRAL);
                (vec![], vec![neutral], None)
            }
            Some(directory) => {
                let (dsfr, dark) = Dsfr::load(directory)?;
                let own = vec![
                    StaticFile::css("dsfr-dark.css", dark),
                    StaticFile::css("dsfr-overlay.css", OVERLAY),
                ];
                (
                    DSFR_STYLESHEETS.map(|file| format!("{}/{file}", dsfr.prefix)).to_vec(),
                    own,
                    Some(dsfr),
                )
            }
        };
        stylesheets.extend(own.iter().map(|file| file.path.clone()));
        let (icon_url, mark_url, submit_script) = (icon.path.clone(), mark.path.clone(), submit.path.clone());
        let files = own.into_iter().chain([icon, mark, button, submit]).collect();
        Ok(Theme {
            stylesheets,
            icon: icon_url,
            mark: mark_url,
            submit_script,
            files,
            dsfr,
        })
    }

    /// The stylesheets that a page links, in order.
    pub fn stylesheets(&self) -> &[String] {
        &self.stylesheets
    }

    /// The icon of browser tabs (SVG).
    pub fn icon(&self) -> &str {
        &self.icon
    }

    /// Our mark, shown in the header (SVG).
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// What sends a form_post page on.
    pub fn submit_script(&self) -> &str {
        &self.submit_script
    }

    /// Serves `/static/…` and, with DSFR, `/dsfr/…`; anything else below them is 404.
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let mut router = Router::new();
        for file in &self.files {
            let file = file.clone();
            router = router.route(&file.path.clone(), get(move || std::future::ready(file.response())));
        }
        if let Some(dsfr) = &self.dsfr {
            let served = Router::new()
                .fallback_service(ServeDir::new(&dsfr.directory))
                .layer(from_fn(only_theme_files));
            router = router.nest(&dsfr.prefix, served);
        }
        router
    }
}

impl StaticFile {
    fn new(name: &str, content_type: &'static str, content: impl Into<Bytes>) -> StaticFile {
        let content = content.into();
        StaticFile {
            path: format!("/static/{}/{name}", stamp([&content[..]])),
            content_type,
            content,
        }
    }

    fn css(name: &str, content: impl Into<Bytes>) -> StaticFile {
        StaticFile::new(name, "text/css; charset=utf-8", content)
    }

    fn svg(name: &str, content: &'static [u8]) -> StaticFile {
        StaticFile::new(name, "image/svg+xml", content)
    }

    fn response(&self) -> Response {
        let headers: [(HeaderName, &'static str); 3] = [
            (CONTENT_TYPE, self.content_type),
            (CACHE_CONTROL, FOREVER),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        (headers, self.content.clone()).into_response()
    }
}

impl Dsfr {
    /// Checks the directory; the second value is the stylesheet of dark colours made from it.
    fn load(directory: &Path) -> Result<(Dsfr, Vec<u8>), ThemeError> {
        let read = |file: &'static str| {
            std::fs::read(directory.join(file)).map_err(|source| ThemeError::Unreadable {
                directory: directory.display().to_string(),
                file,
                source,
            })
        };
        let contents = DSFR_STYLESHEETS
            .iter()
            .map(|file| read(file))
            .collect::<Result<Vec<_>, _>>()?;
        let scheme = read(DSFR_SCHEME)?;
        let dark: String = contents
            .iter()
            .chain([&scheme])
            .map(|css| dark_rules(&String::from_utf8_lossy(css)))
            .collect();
        let dark = format!("@media (prefers-color-scheme:dark){{\n:root{{color-scheme:dark}}\n{dark}}}\n");
        let prefix = format!("/dsfr/{}", stamp(contents.iter().map(Vec::as_slice)));
        Ok((
            Dsfr {
                directory: directory.to_owned(),
                prefix,
            },
            dark.into_bytes(),
        ))
    }
}

/// The rules of a stylesheet for DSFR's dark theme, made to apply without it: DSFR chooses the theme by script, and our
/// pages have none.
fn dark_rules(css: &str) -> String {
    let rules = css.split('}').filter_map(|rule| {
        let (before, declarations) = rule.rsplit_once('{')?;
        let selector = before.rsplit('{').next().unwrap_or(before);
        let dark = selector.contains(DSFR_DARK);
        dark.then(|| format!("{}{{{declarations}}}\n", selector.replace(DSFR_DARK, ":root")))
    });
    rules.collect()
}

/// Twelve characters that change with the content.
fn stamp<'a>(contents: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    for content in contents {
        digest.update(content);
    }
    URL_SAFE_NO_PAD.encode(&digest.finish().as_ref()[..9])
}

async fn only_theme_files(request: Request, next: Next) -> Response {
    let path = Path::new(request.uri().path());
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    if !DSFR_SERVED.contains(&extension) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut response = next.run(request).await;
    if response.status().is_success() {
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static(FOREVER));
    }
    response
        .headers_mut()
        .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests;

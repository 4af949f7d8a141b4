//! A server of clients' documents on this machine (key sets, request objects): it counts who asks for what.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, StatusCode, Uri};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::TestApp;

#[derive(Debug, Clone)]
struct Document {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    body: String,
}

#[derive(Debug, Default)]
struct Shelf {
    documents: HashMap<String, Document>,
    asked: Vec<String>,
}

#[derive(Debug)]
pub struct Documents {
    /// Host and port, as `[fetch] allow` wants it.
    pub place: String,
    shelf: Arc<Mutex<Shelf>>,
    task: JoinHandle<()>,
}

impl Documents {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let shelf = Arc::<Mutex<Shelf>>::default();
        let router = Router::new().fallback(serve).with_state(shelf.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { place, shelf, task }
    }

    /// With an application that may fetch from it.
    pub async fn with_app() -> (TestApp, Self) {
        let documents = Self::start().await;
        let app = TestApp::with(&[("FETCH_ALLOW", &documents.place)]).await;
        (app, documents)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.place)
    }

    /// Puts a document at a path.
    pub fn put(&self, path: &str, body: impl ToString) {
        self.put_with(path, 200, &[], body);
    }

    pub fn put_with(&self, path: &str, status: u16, headers: &[(&str, &str)], body: impl ToString) {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), (*value).to_owned()));
        let document = Document {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.collect(),
            body: body.to_string(),
        };
        self.shelf.lock().unwrap().documents.insert(path.to_owned(), document);
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.shelf
            .lock()
            .unwrap()
            .asked
            .iter()
            .filter(|asked| *asked == path)
            .count()
    }

    /// How often anything was asked for.
    pub fn asked_at_all(&self) -> usize {
        self.shelf.lock().unwrap().asked.len()
    }
}

async fn serve(State(shelf): State<Arc<Mutex<Shelf>>>, uri: Uri) -> Response {
    let mut shelf = shelf.lock().unwrap();
    shelf.asked.push(uri.path().to_owned());
    let Some(document) = shelf.documents.get(uri.path()).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut answer = (document.status, document.body).into_response();
    for (name, value) in document.headers {
        answer.headers_mut().insert(name, value.parse().unwrap());
    }
    answer
}

impl Drop for Documents {
    fn drop(&mut self) {
        self.task.abort();
    }
}

//! The relying party's own web site: keys, request objects, sector documents, and what is posted to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::provider::Provider;

type Documents = Arc<Mutex<HashMap<String, (String, Vec<u8>)>>>;

pub struct Site {
    base_url: String,
    documents: Documents,
    task: JoinHandle<()>,
}

impl Site {
    pub async fn start(_op: &Provider) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let documents = Documents::default();
        let router = Router::new().fallback(answer).with_state(documents.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            base_url,
            documents,
            task,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// From now on there is this document at `path`. Returns its address.
    pub fn serve(&self, path: &str, content_type: &str, body: &[u8]) -> String {
        let document = (content_type.to_owned(), body.to_vec());
        self.documents.lock().unwrap().insert(path.to_owned(), document);
        self.url(path)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(documents): State<Documents>, request: Request) -> Response {
    match documents.lock().unwrap().get(request.uri().path()) {
        Some((content_type, body)) => ([(header::CONTENT_TYPE, content_type.clone())], body.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

//! The relying parties' own web site: keys, request objects, sector documents; and it keeps what is posted to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, Uri, header};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

#[derive(Default)]
struct Shared {
    documents: Mutex<HashMap<String, (String, Vec<u8>)>>,
    posted: Mutex<Vec<(String, String)>>,
}

pub struct Site {
    /// Host and port.
    pub place: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Site {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let shared = Arc::<Shared>::default();
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { place, shared, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.place)
    }

    /// From now on there is this document at `path`. Returns its address.
    pub fn serve(&self, path: &str, content_type: &str, body: &[u8]) -> String {
        let document = (content_type.to_owned(), body.to_vec());
        self.shared.documents.lock().unwrap().insert(path.to_owned(), document);
        self.url(path)
    }

    /// The forms posted so far, each with its path.
    pub fn posted(&self) -> Vec<(String, String)> {
        self.shared.posted.lock().unwrap().clone()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, method: Method, uri: Uri, body: String) -> Response {
    if method == Method::POST {
        shared.posted.lock().unwrap().push((uri.path().to_owned(), body));
        return StatusCode::OK.into_response();
    }
    match shared.documents.lock().unwrap().get(uri.path()) {
        Some((content_type, body)) => ([(header::CONTENT_TYPE, content_type.clone())], body.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

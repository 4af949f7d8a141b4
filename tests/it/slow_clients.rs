//! Whoever opens connections and sends little over them does not keep them (threat: slow requests exhaust the server).

use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use tchap_connect::web::{self, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::TestApp;

/// Sends this much of a request and waits for the end of the connection: what came back.
async fn answer_to(address: SocketAddr, sent: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let closed = tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut answer)).await;
    closed
        .unwrap_or_else(|_| panic!("still open after {sent:?}: {answer}"))
        .unwrap();
    answer
}

#[tokio::test]
async fn a_connection_without_a_whole_request_is_closed() {
    let app = TestApp::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits {
        header: Duration::from_millis(500),
        request: Duration::from_millis(500),
    };
    let server = tokio::spawn(web::serve(listener, app.app.clone(), limits, pending()));
    let form = "POST /token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n";
    let body = format!("{form}content-length: 100\r\n\r\ngrant_type=");
    let chunk = format!("{form}transfer-encoding: chunked\r\n\r\n5\r\ngrant");
    let cases = [
        ("", ""),
        ("GET /health/live HTT", ""),
        ("GET /health/live HTTP/1.1\r\nhost: x\r\n", ""),
        ("GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n"),
        (&body, "HTTP/1.1 503 Service Unavailable\r\n"),
        (&chunk, "HTTP/1.1 503 Service Unavailable\r\n"),
    ];
    let answers = join_all(cases.map(async |(sent, _)| answer_to(address, sent).await)).await;
    for ((sent, expected), answer) in cases.iter().zip(answers) {
        assert!(answer.starts_with(expected), "{sent:?}: {answer}");
        assert_eq!(answer.is_empty(), expected.is_empty(), "{sent:?}: {answer}");
        assert!(
            answer.is_empty() || answer.contains("x-content-type-options: nosniff"),
            "{answer}"
        );
    }
    server.abort();
}

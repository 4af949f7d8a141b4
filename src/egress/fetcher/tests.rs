//! Threat 15 over the wire: whatever a client names, nothing inside is connected to.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::dns::{Addrs, Name, Resolving};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

const LIMITS: FetchLimits = FetchLimits {
    max_bytes: 1000,
    timeout: Duration::from_secs(10),
};

/// Answers every connection with the same bytes and counts them.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    /// How the server's connections stay open where an answer never ends.
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start(ip: [u8; 4], port: u16, answer: String) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::from(ip), port)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        let task = tokio::spawn(async move {
            let mut open = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                // An answer without its end stays open: the other side has to give up.
                if answer.ends_with("...") || answer.is_empty() {
                    open.push(stream);
                }
            }
        });
        Self {
            address,
            connections,
            task,
        }
    }

    async fn answering(answer: String) -> Self {
        Self::start([127, 0, 0, 1], 0, answer).await
    }

    fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    fn listed(&self) -> (String, u16) {
        (self.address.ip().to_string(), self.address.port())
    }

    fn seen(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn fetcher(allow: &[(String, u16)]) -> Fetcher {
    let allow = allow.to_vec();
    Fetcher::new(FetchOptions { allow, extra_ca: None }).unwrap()
}

async fn get(fetcher: &Fetcher, url: &str) -> Result<Vec<u8>, FetchError> {
    fetcher.get(url, LIMITS).await.map(|fetched| fetched.body)
}

/// A resolver that gives these answers one after the other, and the last one for ever.
struct Script(Mutex<Vec<Vec<SocketAddr>>>);

impl Script {
    fn of(answers: &[&[[u8; 4]]]) -> Arc<Self> {
        let all = |ips: &[[u8; 4]]| ips.iter().map(|ip| SocketAddr::from((*ip, 0))).collect();
        Arc::new(Self(Mutex::new(answers.iter().rev().map(|ips| all(ips)).collect())))
    }
}

impl Resolve for Script {
    fn resolve(&self, _: Name) -> Resolving {
        let mut answers = self.0.lock().unwrap();
        let answer = match answers.len() {
            1 => answers[0].clone(),
            _ => answers.pop().unwrap(),
        };
        Box::pin(std::future::ready(Ok(Box::new(answer.into_iter()) as Addrs)))
    }
}

fn resolving(names: Arc<Script>, is_public: fn(IpAddr) -> bool) -> Fetcher {
    Fetcher::over(FetchOptions::default(), names, is_public).unwrap()
}

#[tokio::test]
async fn a_listed_server_is_reached_and_another_port_of_its_host_is_not() {
    let listed = Server::answering(ok("listed")).await;
    let other = Server::answering(ok("other")).await;
    let fetcher = fetcher(&[listed.listed()]);
    assert_eq!(get(&fetcher, &listed.url()).await, Ok(b"listed".to_vec()));
    for url in [other.url(), other.url().replace("http", "https")] {
        assert_eq!(get(&fetcher, &url).await, Err(FetchError::Forbidden), "{url}");
    }
    let form = fetcher.post_form(&listed.url(), "a=b".into(), LIMITS).await.unwrap();
    assert_eq!(form.status, StatusCode::OK);
    assert_eq!((listed.seen(), other.seen()), (2, 0));
}

#[tokio::test]
async fn http_is_for_listed_loopback_only() {
    let server = Server::answering(ok("secret")).await;
    let port = server.address.port();
    let internal = ("10.1.2.3".to_owned(), port);
    let listed = fetcher(&[internal, ("client.internal".into(), port)]);
    for url in [
        server.url(),
        format!("http://10.1.2.3:{port}/"),
        format!("http://client.internal:{port}/"),
        format!("http://1.1.1.1:{port}/"),
        "http://example.com/".into(),
    ] {
        assert_eq!(get(&listed, &url).await, Err(FetchError::Forbidden), "{url}");
    }
    assert_eq!(server.seen(), 0);
}

#[tokio::test]
async fn no_way_of_writing_an_inner_address_leads_there() {
    let server = Server::answering(ok("secret")).await;
    let port = server.address.port();
    let fetcher = fetcher(&[]);
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
        "127\u{3002}0\u{3002}0\u{3002}1",
        "0",
        "0.0.0.0",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00::1]",
        "user@127.0.0.1",
        "example.com@127.0.0.1",
    ] {
        for scheme in ["https", "http"] {
            let url = format!("{scheme}://{host}:{port}/");
            assert_eq!(get(&fetcher, &url).await, Err(FetchError::Forbidden), "{url}");
        }
    }
    for url in [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "data:,x",
        "/keys",
        "",
        "https://",
    ] {
        assert_eq!(get(&fetcher, url).await, Err(FetchError::Forbidden), "{url}");
    }
    assert_eq!(server.seen(), 0);
}

#[tokio::test]
async fn a_name_with_an_inner_address_is_refused_and_of_two_only_the_public_one_is_used() {
    let inner = Server::answering(ok("secret")).await;
    let url = format!("https://evil.example:{}/", inner.address.port());
    let only_inner = resolving(Script::of(&[&[[127, 0, 0, 1]]]), is_public);
    assert_eq!(get(&only_inner, &url).await, Err(FetchError::Forbidden));
    // 127.0.0.2 stands for the public internet.
    let both = resolving(Script::of(&[&[[127, 0, 0, 1], [127, 0, 0, 2]]]), |ip| {
        ip == IpAddr::from([127, 0, 0, 2])
    });
    let outer = Server::start([127, 0, 0, 2], inner.address.port(), ok("no TLS")).await;
    assert_eq!(get(&both, &url).await, Err(FetchError::Failed(EgressError::Connect)));
    assert_eq!((inner.seen(), outer.seen()), (0, 1));
}

#[tokio::test]
async fn a_resolver_that_changes_its_answer_gets_nobody_inside() {
    let inner = Server::answering(ok("secret")).await;
    let outer = Server::start([127, 0, 0, 2], inner.address.port(), ok("no TLS")).await;
    let url = format!("https://rebind.example:{}/", inner.address.port());
    let script = Script::of(&[&[[127, 0, 0, 2]], &[[127, 0, 0, 1]]]);
    let fetcher = resolving(script, |ip| ip == IpAddr::from([127, 0, 0, 2]));
    // One look-up a fetch: were there a second one for the connection, it would lead inside.
    assert_eq!(get(&fetcher, &url).await, Err(FetchError::Failed(EgressError::Connect)));
    assert_eq!((inner.seen(), outer.seen()), (0, 1));
    assert_eq!(get(&fetcher, &url).await, Err(FetchError::Forbidden));
    assert_eq!((inner.seen(), outer.seen()), (0, 1));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let inner = Server::answering(ok("secret")).await;
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary",
        "308 Permanent",
    ] {
        let location = inner.url();
        let redirect = format!("HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        let server = Server::answering(redirect).await;
        let fetcher = fetcher(&[server.listed(), inner.listed()]);
        let refused = Err(FetchError::Failed(EgressError::Redirected));
        assert_eq!(get(&fetcher, &server.url()).await, refused, "{status}");
    }
    assert_eq!(inner.seen(), 0);
}

#[tokio::test]
async fn slow_and_huge_answers_are_given_up() {
    let promised = "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n...".to_owned();
    let endless = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n...".to_owned();
    for answer in [String::new(), promised, endless] {
        let server = Server::answering(answer.clone()).await;
        let fetcher = fetcher(&[server.listed()]);
        let limits = FetchLimits {
            timeout: Duration::from_millis(200),
            ..LIMITS
        };
        let given_up = fetcher.get(&server.url(), limits).await.err();
        assert!(
            matches!(
                given_up,
                Some(FetchError::Failed(EgressError::Timeout | EgressError::Broken))
            ),
            "{answer}"
        );
    }
    for (size, expected) in [(1000, None), (1001, Some(FetchError::Failed(EgressError::TooLarge)))] {
        let server = Server::answering(ok(&"x".repeat(size))).await;
        let fetcher = fetcher(&[server.listed()]);
        assert_eq!(get(&fetcher, &server.url()).await.err(), expected, "{size}");
    }
}

#[tokio::test]
async fn no_more_than_so_many_fetch_at_a_time() {
    let silent = Server::answering(String::new()).await;
    let receiver = Server::answering(ok("told")).await;
    let fetcher = fetcher(&[silent.listed(), receiver.listed()]);
    let url = silent.url();
    let all = (0..AT_A_TIME + 8).map(|_| fetcher.get(&url, LIMITS));
    let all = futures_util::future::join_all(all);
    let told = async {
        while silent.seen() < AT_A_TIME {
            tokio::task::yield_now().await;
        }
        fetcher.post_form(&receiver.url(), "a=b".into(), LIMITS).await
    };
    tokio::pin!(all);
    tokio::select! {
        biased;
        _ = &mut all => panic!("nobody answers"),
        delivery = told => assert!(delivery.is_ok(), "deliveries have turns of their own"),
    }
    let patience = tokio::time::timeout(Duration::from_millis(500), all).await;
    assert!(patience.is_err(), "nobody answers");
    assert_eq!(silent.seen(), AT_A_TIME);
}

/// Anybody can make us fetch a client's request objects: that costs its other fetches and other clients nothing.
#[tokio::test]
async fn request_objects_of_one_client_are_few_at_a_time() {
    let silent = Server::answering(String::new()).await;
    let honest = Server::answering(ok("jwt")).await;
    let fetcher = fetcher(&[silent.listed(), honest.listed()]);
    let url = silent.url();
    let first = (0..FOR_ONE_CLIENT).map(|_| fetcher.get_request_object("hostile", &url, LIMITS));
    let first = futures_util::future::join_all(first);
    let others = async {
        while silent.seen() < FOR_ONE_CLIENT {
            tokio::task::yield_now().await;
        }
        for _ in 0..200 {
            let further = fetcher.get_request_object("hostile", &url, LIMITS).await;
            assert_eq!(further.unwrap_err(), FetchError::Busy);
        }
        assert!(fetcher.get_request_object("other", &honest.url(), LIMITS).await.is_ok());
        assert!(fetcher.get(&honest.url(), LIMITS).await.is_ok());
    };
    tokio::select! {
        biased;
        _ = first => panic!("nobody answers"),
        () = others => {}
    }
    assert_eq!(silent.seen(), FOR_ONE_CLIENT);
    assert!(fetcher.under_way.lock().unwrap().is_empty(), "places are given back");
}

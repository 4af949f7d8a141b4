//! How far a connection gets, for operators: an HTTP client tells no more than that there is none.

use tokio::net::{TcpStream, lookup_host};
use url::Url;

use super::CONNECT_TIMEOUT;

/// Where a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The name leads to no address.
    NoAddress,
    /// No connection to the port.
    NoConnection,
    /// The port is open: what fails lies above (TLS, HTTP).
    Opens,
}

/// Tries a connection to the host of this address, and closes it.
pub async fn reach(url: &Url) -> Reach {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Reach::NoAddress;
    };
    let connecting = async {
        if !has_address(host, port).await {
            return Reach::NoAddress;
        }
        match TcpStream::connect((bare(host), port)).await {
            Ok(_) => Reach::Opens,
            Err(_) => Reach::NoConnection,
        }
    };
    let reached = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await;
    reached.unwrap_or(Reach::NoConnection)
}

/// Whether the host (as in a URL) leads to an address at all.
pub async fn has_address(host: &str, port: u16) -> bool {
    let found = tokio::time::timeout(CONNECT_TIMEOUT, lookup_host((bare(host), port))).await;
    found.is_ok_and(|found| found.is_ok_and(|mut found| found.next().is_some()))
}

/// Without the brackets that an IPv6 address has in a URL.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn it_tells_where_a_connection_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = |text: String| Url::parse(&text).unwrap();
        assert_eq!(reach(&url(format!("https://127.0.0.1:{port}/"))).await, Reach::Opens);
        drop(listener);
        let closed = url(format!("https://127.0.0.1:{port}/"));
        assert_eq!(reach(&closed).await, Reach::NoConnection);
        assert_eq!(reach(&url("https://nobody.invalid/".into())).await, Reach::NoAddress);
        assert!(has_address("[::1]", 1).await && !has_address("nobody.invalid", 1).await);
    }
}

//! Which addresses are public, and a name resolver that lets no other through. The connector connects to what the
//! resolver answers and to nothing else: there is no second look-up in between that could answer differently (DNS
//! rebinding).

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// IPv4 networks that are not public (IANA's special-purpose registry, RFC 6890 and its updates), multicast and the
/// rest of the former class E included.
const NOT_PUBLIC_V4: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// The only IPv6 network in use for public addresses. Everything that embeds an IPv4 address by a well-known prefix
/// (`::ffff:0:0/96`, `::/96`, NAT64's `64:ff9b::/96`) lies outside, as do loopback, unique-local, link-local, multicast.
const GLOBAL_V6: &str = "2000::/3";

/// What of it is not public: protocol assignments (Teredo, benchmarking, ORCHID), documentation, 6to4.
const NOT_PUBLIC_V6: &[&str] = &["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

struct Networks {
    not_public: Vec<IpNet>,
    global_v6: Option<IpNet>,
}

static NETWORKS: LazyLock<Networks> = LazyLock::new(|| {
    let all = NOT_PUBLIC_V4.iter().chain(NOT_PUBLIC_V6);
    Networks {
        not_public: all.filter_map(|network| network.parse().ok()).collect(),
        global_v6: GLOBAL_V6.parse().ok(),
    }
});

/// Whether an address is one of the public internet.
pub(super) fn is_public(address: IpAddr) -> bool {
    let global = match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(_) => NETWORKS.global_v6.is_some_and(|global| global.contains(&address)),
    };
    global && !NETWORKS.not_public.iter().any(|network| network.contains(&address))
}

/// A name has no public address.
#[derive(Debug, thiserror::Error)]
#[error("no public address")]
pub(super) struct NotPublic;

impl NotPublic {
    /// Whether this is what an error comes from.
    pub(super) fn is_behind(error: &(dyn Error + 'static)) -> bool {
        std::iter::successors(Some(error), |&error| error.source()).any(|cause| cause.is::<Self>())
    }
}

/// The operating system's resolver.
pub(super) struct SystemNames;

impl Resolve for SystemNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // Port 0: the connector takes the one of the address.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Answers only public addresses.
pub(super) struct PublicOnly {
    pub names: Arc<dyn Resolve>,
    pub is_public: fn(IpAddr) -> bool,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, is_public) = (self.names.resolve(name), self.is_public);
        Box::pin(async move {
            let public: Vec<SocketAddr> = found.await?.filter(|found| is_public(found.ip())).collect();
            match public.is_empty() {
                true => Err(NotPublic.into()),
                false => Ok(Box::new(public.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_of_the_tables_is_read() {
        assert_eq!(NETWORKS.not_public.len(), NOT_PUBLIC_V4.len() + NOT_PUBLIC_V6.len());
        assert!(NETWORKS.global_v6.is_some());
    }

    #[test]
    fn only_the_public_internet_is_public() {
        for public in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2606:4700:4700::1111",
            "2a01:e0a::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:0:10.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::a00:1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }
}

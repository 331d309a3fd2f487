//! Ports here that lead to ports of containers.

use std::io;
use std::str::FromStr;

use futures_util::future::LocalBoxFuture;
use tokio::net::TcpListener;

use crate::error::{Error, Result};

/// Where connections are taken, and to what they lead: `8080:80`, `5432:db:5432`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forward {
    /// The port here; without one the port there, or, if that is taken, a free one.
    pub local: Option<u16>,
    /// A host as the container sees it, instead of the container itself.
    pub host: Option<String>,
    pub port: u16,
}

impl FromStr for Forward {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "it is `PORT`, `LOCAL:PORT`, `HOST:PORT` or `LOCAL:HOST:PORT`".to_owned();
        let (before, port) = match text.rsplit_once(':') {
            Some((before, port)) => (Some(before), port),
            None => (None, text),
        };
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?;
        let number = |text: &str| text.parse::<u16>().ok();
        let (local, host) = match before {
            None => (None, None),
            Some(before) => match (number(before), before.split_once(':')) {
                (Some(local), _) => (Some(local), None),
                (None, Some((local, host))) if number(local).is_some() => (number(local), Some(host)),
                (None, _) => (None, Some(before)),
            },
        };
        let host = host.map(|host| host.trim_start_matches('[').trim_end_matches(']'));
        if host.is_some_and(|host| host.is_empty() || host.contains(char::is_whitespace)) {
            return Err(wrong());
        }
        Ok(Self {
            local: local.filter(|local| *local != 0),
            host: host.map(str::to_owned),
            port,
        })
    }
}

/// A forward that takes connections.
#[derive(Debug)]
pub struct Way {
    pub forward: Forward,
    pub listener: TcpListener,
    /// The port here.
    pub local: u16,
}

impl Way {
    /// Begins to take connections, from this machine alone.
    pub async fn open(forward: Forward) -> Result<Self> {
        let listen = |port: u16| TcpListener::bind(("127.0.0.1", port));
        let listener = match forward.local {
            Some(port) => listen(port).await,
            None => match listen(forward.port).await {
                Err(error) if matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => {
                    listen(0).await
                }
                listener => listener,
            },
        };
        let wanted = forward.local.unwrap_or(forward.port);
        let failed = |error: io::Error| {
            Error::new(format!("cannot take connections at 127.0.0.1:{wanted}"))
                .because(&error)
                .hint("name another port in front, as in `8080:80`; without one, a free port is chosen")
        };
        let listener = listener.map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?.port();
        Ok(Self {
            forward,
            listener,
            local,
        })
    }

    /// `web:80`, or `db:5432 from web` where another host is meant.
    #[must_use]
    pub fn target(&self, service: &str) -> String {
        let port = self.forward.port;
        match &self.forward.host {
            Some(host) => format!("{host}:{port} from {service}"),
            None => format!("{service}:{port}"),
        }
    }
}

/// What to forward to.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    pub project: &'a str,
    pub service: &'a str,
    /// The container of that number, or any.
    pub index: Option<u32>,
}

/// Told when connections of a way would be answered.
pub type Ready<'a> = &'a dyn Fn(&Way) -> Result<()>;

/// Forwarding that ends when it is interrupted, or with what makes it impossible.
pub type Forwarding<'a> = LocalBoxFuture<'a, Result<()>>;

#[cfg(test)]
mod tests {
    use super::*;

    fn forward(local: Option<u16>, host: Option<&str>, port: u16) -> Forward {
        let host = host.map(str::to_owned);
        Forward { local, host, port }
    }

    #[test]
    fn a_forward_has_three_parts_of_which_one_is_enough() {
        for (text, expected) in [
            ("80", forward(None, None, 80)),
            ("0:80", forward(None, None, 80)),
            ("8080:80", forward(Some(8080), None, 80)),
            ("db:5432", forward(None, Some("db"), 5432)),
            ("15432:db:5432", forward(Some(15432), Some("db"), 5432)),
            ("0:db.local:5432", forward(None, Some("db.local"), 5432)),
            ("1:[fd00::1]:80", forward(Some(1), Some("fd00::1"), 80)),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for wrong in ["", "0", "web", "80:", ":80", "1::80", "70000", "1:a b:80"] {
            assert!(wrong.parse::<Forward>().is_err(), "{wrong}");
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_port_that_is_taken_is_replaced_only_where_nobody_named_it() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let way = Way::open(forward(None, None, port)).await.unwrap();
        assert_ne!(way.local, port);
        assert!(Way::open(forward(Some(port), None, 80)).await.is_err());
    }
}

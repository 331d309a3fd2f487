//! What is spoken on a port, and which kind of load balancer understands it.
//!
//! `x-aws-protocol` and `app_protocol` say what the *container* speaks. Where neither stands, a port speaks HTTP if the
//! container's port is one on which web servers listen by convention ([`WEB_PORTS`]), or if it is published as 80. The
//! list is short because mistakes are not alike: HTTP that is taken for something else passes through a network load
//! balancer all the same, but nothing else passes through one for applications.

use super::settings::Settings;
use crate::compose::Port;
use crate::diagnostic::Diagnostic;
use crate::ecs::draft::Draft;

const WEB_PORTS: [u16; 5] = [80, 3000, 5000, 8000, 8080];
/// Containers that listen here have a certificate of their own.
const TLS_PORTS: [u16; 2] = [443, 8443];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::ecs) enum Kind {
    Application,
    Network,
}

/// What the load balancer speaks with the container.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Speaks {
    Http,
    Https,
    Http2,
    Grpc,
    Tcp,
    Tls,
    Udp,
    TcpUdp,
}

impl Speaks {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Http | Self::Https | Self::Http2 | Self::Grpc => Kind::Application,
            Self::Tcp | Self::Tls | Self::Udp | Self::TcpUdp => Kind::Network,
        }
    }

    /// As target groups write it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Http | Self::Http2 | Self::Grpc => "HTTP",
            Self::Https => "HTTPS",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Udp => "UDP",
            Self::TcpUdp => "TCP_UDP",
        }
    }

    /// The version of HTTP, where it is not the usual one.
    pub(super) fn version(self) -> Option<&'static str> {
        match self {
            Self::Http2 => Some("HTTP2"),
            Self::Grpc => Some("GRPC"),
            _ => None,
        }
    }

    /// As listeners write it.
    pub(super) fn listener(self, encrypted: bool) -> &'static str {
        match (self.kind(), encrypted) {
            (Kind::Application, false) => "HTTP",
            (Kind::Application, true) => "HTTPS",
            (Kind::Network, true) => "TLS",
            // Without a certificate, TLS is passed through.
            (Kind::Network, false) if self == Self::Tls => "TCP",
            (Kind::Network, false) => self.name(),
        }
    }

    /// The protocols of its packets, as security groups write them.
    pub(super) fn transports(self) -> &'static [&'static str] {
        match self {
            Self::Udp => &["udp"],
            Self::TcpUdp => &["tcp", "udp"],
            _ => &["tcp"],
        }
    }

    /// Both protocols of a port that a service publishes twice, as DNS servers do.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Udp, Self::Udp) => Self::Udp,
            (Self::Udp, _) | (_, Self::Udp) => Self::TcpUdp,
            _ => self,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Spoken {
    pub(super) speaks: Speaks,
    /// Whether it is said, and not guessed.
    pub(super) said: bool,
    /// Whether the load balancer speaks TLS with clients.
    pub(super) encrypted: bool,
}

/// What is spoken on a port. `certificate`: whether the project has one for all HTTPS ports.
pub(super) fn spoken(port: &Port, settings: &Settings, certificate: bool, draft: &mut Draft) -> Option<Spoken> {
    let span = port.protocol.span.or(port.span);
    let said = |speaks, encrypted| {
        Some(Spoken {
            speaks,
            said: true,
            encrypted,
        })
    };
    match port.protocol.as_str() {
        "udp" => {
            let path = settings.paths.first().map(|path| ("x-aws-path", path.span));
            let features = [
                path,
                settings
                    .certificate
                    .as_ref()
                    .map(|text| ("x-aws-certificate", text.span)),
                settings.listener.as_ref().map(|text| ("x-aws-listener", text.span)),
            ];
            for (name, span) in features.into_iter().flatten() {
                let message = format!("`{name}` is not for a UDP port");
                draft.say(Diagnostic::error(span, message).hint("remove it, or publish a TCP port"));
            }
            return said(Speaks::Udp, false);
        }
        "tcp" => {}
        other => {
            let message = format!("protocol `{other}` is not possible on ECS: load balancers speak TCP and UDP");
            draft.say(Diagnostic::error(span, message).hint("publish a TCP or UDP port"));
            return None;
        }
    }
    let own = settings.certificate.is_some() || !settings.domains.is_empty();
    let published_443 = port
        .published
        .as_ref()
        .is_some_and(|published| published.as_str() == "443");
    // An existing listener has its certificates, or does without.
    let encrypted = own || certificate && published_443 || settings.listener.is_some();
    let asked = settings.protocol.as_ref();
    let word = asked.or(port.app_protocol.as_ref()).map(|word| word.to_lowercase());
    match word.as_deref() {
        Some("http") => said(Speaks::Http, encrypted),
        Some("https") if own || certificate || settings.listener.is_some() => said(Speaks::Https, true),
        Some(word @ ("http2" | "h2c" | "grpc")) if own || certificate || settings.listener.is_some() => {
            said(if word == "grpc" { Speaks::Grpc } else { Speaks::Http2 }, true)
        }
        Some(word @ ("http2" | "grpc")) if asked.is_some() => {
            let message = format!("a load balancer speaks `{word}` only where it speaks TLS with clients");
            let hint = "give the port an `x-aws-domain` or an `x-aws-certificate`, or pass it through with `x-aws-protocol: tcp`";
            draft.say(Diagnostic::error(asked.map_or(span, |text| text.span), message).hint(hint));
            None
        }
        Some("tls") => said(Speaks::Tls, own || certificate),
        Some("tcp") => said(Speaks::Tcp, settings.certificate.is_some()),
        None if settings.http_feature().is_some() || certificate && published_443 => {
            let own_tls = TLS_PORTS.contains(&port.target.value);
            said(if own_tls { Speaks::Https } else { Speaks::Http }, encrypted)
        }
        None => {
            let published_80 = port
                .published
                .as_ref()
                .is_some_and(|published| published.as_str() == "80");
            let http = published_80 || WEB_PORTS.contains(&port.target.value);
            Some(Spoken {
                speaks: if http { Speaks::Http } else { Speaks::Tcp },
                said: false,
                encrypted: false,
            })
        }
        // TLS without a certificate, gRPC without encryption and all else arrive as the container speaks them.
        Some(_) => said(Speaks::Tcp, false),
    }
}

//! What the extensions of a port say. Their values have been checked: what is wrong with them has been said already.

use crate::compose::{Node, Port, Text};
use crate::diagnostic::Span;
use crate::ecs::extensions::{boolean, integer, seconds};

/// Everything about one entry of `ports` that Compose has no word for.
#[derive(Clone, Default, Debug)]
pub(super) struct Settings {
    /// The ARN of a certificate.
    pub(super) certificate: Option<Text>,
    pub(super) cidrs: Option<Vec<String>>,
    pub(super) domains: Vec<Text>,
    pub(super) health: Option<Health>,
    /// The ARN of a listener that is there already.
    pub(super) listener: Option<Text>,
    /// Whether the port goes through a load balancer.
    pub(super) balanced: Option<bool>,
    pub(super) paths: Vec<Text>,
    pub(super) priority: Option<u16>,
    pub(super) protocol: Option<Text>,
    pub(super) stickiness: Option<Stickiness>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Stickiness {
    pub(super) span: Span,
    /// For how long, if it is said.
    pub(super) seconds: Option<u64>,
}

/// `x-aws-health_check`; durations in seconds.
#[derive(Clone, Debug)]
pub(super) struct Health {
    pub(super) span: Span,
    pub(super) path: Option<String>,
    pub(super) matcher: Option<String>,
    pub(super) interval: Option<u64>,
    pub(super) timeout: Option<u64>,
    pub(super) healthy: Option<i64>,
    pub(super) unhealthy: Option<i64>,
    pub(super) grace_period: Option<u64>,
    pub(super) port: Option<u16>,
    /// `HTTP`, `HTTPS` or `TCP`.
    pub(super) protocol: Option<String>,
}

impl Settings {
    pub(super) fn read(port: &Port) -> Self {
        let node = |name: &str| port.extensions.get(name);
        let text = |name: &str| node(name).and_then(text);
        Self {
            certificate: text("x-aws-certificate"),
            cidrs: node("x-aws-cidrs").map(|node| plain(texts(node))),
            domains: node("x-aws-domain").map_or(Vec::new(), domains),
            health: node("x-aws-health_check").map(Health::read),
            listener: text("x-aws-listener"),
            balanced: node("x-aws-loadbalancer").and_then(boolean),
            paths: node("x-aws-path").map_or(Vec::new(), texts),
            priority: node("x-aws-priority").and_then(number),
            protocol: text("x-aws-protocol"),
            stickiness: node("x-aws-stickiness").and_then(stickiness),
        }
    }

    /// What says, or can only mean, that HTTP is spoken.
    pub(super) fn http_feature(&self) -> Option<(&'static str, Span)> {
        let http = |health: &&Health| {
            let protocol = health.protocol.as_deref();
            health.path.is_some() && protocol.is_none_or(|protocol| protocol != "TCP")
        };
        let first = |texts: &[Text]| texts.first().map(|text| text.span);
        let found = [
            ("x-aws-domain", first(&self.domains)),
            ("x-aws-path", first(&self.paths)),
            ("x-aws-certificate", self.certificate.as_ref().map(|text| text.span)),
            ("x-aws-listener", self.listener.as_ref().map(|text| text.span)),
            (
                "x-aws-health_check",
                self.health.as_ref().filter(http).map(|health| health.span),
            ),
            ("x-aws-stickiness", self.stickiness.map(|stickiness| stickiness.span)),
        ];
        found.into_iter().find_map(|(name, span)| Some((name, span?)))
    }

    /// What no port has that does not go through a load balancer.
    pub(super) fn needs_load_balancer(&self) -> Option<(&'static str, Span)> {
        let health = self.health.as_ref().map(|health| ("x-aws-health_check", health.span));
        self.http_feature().or(health)
    }
}

impl Health {
    fn read(node: &Node) -> Self {
        let get = |name: &str| node.get(name);
        let said = |name: &str| get(name).and_then(Node::as_str).map(str::to_owned);
        Self {
            span: node.span,
            path: node.as_str().map(str::to_owned).or_else(|| said("path")),
            matcher: said("matcher"),
            interval: get("interval").and_then(seconds),
            timeout: get("timeout").and_then(seconds),
            healthy: get("healthy").and_then(integer),
            unhealthy: get("unhealthy").and_then(integer),
            grace_period: get("grace_period").and_then(seconds),
            port: get("port").and_then(number),
            protocol: said("protocol").map(|protocol| protocol.to_uppercase()),
        }
    }
}

pub(super) fn text(node: &Node) -> Option<Text> {
    Some(Text::new(node.as_str()?.to_owned(), node.span))
}

/// DNS knows no capitals.
fn domains(node: &Node) -> Vec<Text> {
    let lower = |text: Text| Text::new(text.to_lowercase(), text.span);
    texts(node).into_iter().map(lower).collect()
}

/// One text, or a list of them.
pub(super) fn texts(node: &Node) -> Vec<Text> {
    match node.as_list() {
        Some(items) => items.iter().filter_map(text).collect(),
        None => text(node).into_iter().collect(),
    }
}

pub(super) fn plain(texts: Vec<Text>) -> Vec<String> {
    texts.into_iter().map(|text| text.value).collect()
}

fn number(node: &Node) -> Option<u16> {
    u16::try_from(integer(node)?).ok()
}

fn stickiness(node: &Node) -> Option<Stickiness> {
    let span = node.span;
    match boolean(node) {
        Some(true) => Some(Stickiness { span, seconds: None }),
        Some(false) => None,
        None => seconds(node).map(|seconds| Stickiness {
            span,
            seconds: Some(seconds),
        }),
    }
}

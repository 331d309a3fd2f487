//! `x-aws-loadbalancer`: an existing load balancer, or how the one that is made shall be.

use super::protocol::Kind;
use super::settings::{plain, text, texts};
use crate::compose::{Node, Project, Text};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::Value;
use crate::ecs::draft::Draft;
use crate::ecs::extensions::{boolean, seconds};

/// What the project says about its load balancer.
#[derive(Clone, Debug)]
pub(super) struct Wishes {
    pub(super) span: Span,
    /// The name or the ARN of one that is there already.
    pub(super) existing: Option<Text>,
    pub(super) kind: Option<Kind>,
    pub(super) cidrs: Option<Vec<String>>,
    groups: Vec<String>,
    pub(super) internal: bool,
    subnets: Vec<String>,
    idle_timeout: Option<(u64, Span)>,
    deletion_protection: Option<bool>,
    access_logs: Option<String>,
}

impl Wishes {
    /// Whether the project says anything about its load balancer.
    pub(super) fn is_said(&self) -> bool {
        self.span != Span::NOWHERE
    }

    pub(super) fn read(project: &Project, draft: &mut Draft) -> Self {
        let mut wishes = Self {
            span: Span::NOWHERE,
            existing: None,
            kind: None,
            cidrs: None,
            groups: Vec::new(),
            internal: false,
            subnets: Vec::new(),
            idle_timeout: None,
            deletion_protection: None,
            access_logs: None,
        };
        let Some(node) = project.extensions.get("x-aws-loadbalancer") else {
            return wishes;
        };
        let get = |name: &str| node.get(name);
        let list = |name: &str| get(name).map_or(Vec::new(), |node| plain(texts(node)));
        wishes.span = node.span;
        wishes.existing = text(node).or_else(|| get("arn").or(get("name")).and_then(text));
        wishes.kind = match get("type").and_then(Node::as_str) {
            Some("application") => Some(Kind::Application),
            Some("network") => Some(Kind::Network),
            _ => None,
        };
        wishes.cidrs = get("cidrs").map(|node| plain(texts(node)));
        wishes.groups = list("security_groups");
        wishes.internal = get("internal").and_then(boolean).unwrap_or_default();
        wishes.subnets = list("subnets");
        wishes.idle_timeout = get("idle_timeout").and_then(|node| Some((seconds(node)?, node.span)));
        wishes.deletion_protection = get("deletion_protection").and_then(boolean);
        wishes.access_logs = get("access_logs").and_then(Node::as_str).map(str::to_owned);
        if let Some(existing) = &wishes.existing {
            let own = [
                "internal",
                "subnets",
                "idle_timeout",
                "deletion_protection",
                "access_logs",
            ];
            let own = own
                .into_iter()
                .filter_map(|name| Some((name, node.as_map()?.get(name)?.key)));
            for (name, span) in own {
                let message = format!("`{name}` cannot be said of a load balancer that is there already");
                draft.say(Diagnostic::error(span, message).hint("it is as it was made: remove this line"));
            }
            // The ARN tells; `loadbalancer/NAME/ID` is one of the classic ones.
            let told = if existing.contains(":loadbalancer/app/") {
                Some(Kind::Application)
            } else if existing.contains(":loadbalancer/net/") {
                Some(Kind::Network)
            } else {
                None
            };
            if told.is_none() && existing.starts_with("arn:") {
                let message = format!("`{}` is no application or network load balancer", existing.value);
                draft
                    .say(Diagnostic::error(existing.span, message).hint("its ARN has `:loadbalancer/app/` or `/net/`"));
            }
            wishes.kind = told.or(wishes.kind);
        }
        wishes
    }

    /// The security groups of a load balancer that is made.
    pub(super) fn groups(&self, own: Value) -> Value {
        let more = self.groups.iter().cloned().map(Value::from);
        Value::list(std::iter::once(own).chain(more))
    }

    /// The groups that an existing load balancer is said to be in.
    pub(super) fn said_groups(&self) -> &[String] {
        &self.groups
    }

    /// Where it stands, if that is said.
    pub(super) fn subnets(&self) -> Option<Value> {
        (!self.subnets.is_empty()).then(|| Value::list(self.subnets.iter().cloned()))
    }

    /// Sets the properties of a load balancer that is made.
    pub(super) fn apply(&self, kind: Kind, project: &str, properties: &mut Value) {
        if self.internal {
            properties.set("Scheme", "internal");
        }
        let mut attribute = |key: &'static str, value: String| {
            let attribute = Value::map([("Key", Value::from(key)), ("Value", value.into())]);
            properties.push("LoadBalancerAttributes", attribute);
        };
        if let (Kind::Application, Some((seconds, _))) = (kind, self.idle_timeout) {
            attribute("idle_timeout.timeout_seconds", seconds.to_string());
        }
        if let Some(protection) = self.deletion_protection {
            attribute("deletion_protection.enabled", protection.to_string());
        }
        if let Some(bucket) = &self.access_logs {
            attribute("access_logs.s3.enabled", "true".to_owned());
            attribute("access_logs.s3.bucket", bucket.clone());
            let folder = if kind == Kind::Network { "-network" } else { "" };
            attribute("access_logs.s3.prefix", format!("{project}{folder}"));
        }
    }

    /// The idle timeout of a TCP listener: a network load balancer has it there.
    pub(super) fn tcp_idle_timeout(&self, draft: &mut Draft) -> Option<Value> {
        let (seconds, span) = self.idle_timeout?;
        if seconds < 60 {
            let message = "a network load balancer keeps silent connections for at least 60 seconds";
            draft.say(Diagnostic::error(span, message).hint("say `60s` or more"));
        }
        let attribute = [
            ("Key", Value::from("tcp.idle_timeout.seconds")),
            ("Value", seconds.to_string().into()),
        ];
        Some(Value::list([Value::map(attribute)]))
    }
}

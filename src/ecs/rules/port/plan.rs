//! Which ports are published where: load balancers, their listeners, the listeners' rules, and the ports that a task
//! opens by itself. Decided from the project alone, before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use super::load_balancer::Wishes;
use super::ports::ports;
use super::protocol::{Kind, Speaks};
use super::rule::{Conditions, Matching};
use super::settings::{Settings, text};
use crate::compose::{Node, Service, Text};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::names;
use crate::ecs::draft::Draft;

/// What one ECS service can be behind.
pub(super) const TARGET_GROUPS: usize = 5;
/// What one load balancer can have.
const LISTENERS: usize = 50;
const RULES: usize = 100;

/// Everything that is published.
#[derive(Default, Debug)]
pub(in crate::ecs) struct Publications {
    pub(super) wishes: Option<Wishes>,
    pub(super) listeners: Vec<Listener>,
    pub(super) targets: Vec<Target>,
    pub(super) open: Vec<Open>,
}

/// A port of a load balancer.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) place: Place,
    pub(super) span: Span,
    pub(super) encrypted: bool,
    pub(super) certificates: Vec<Certificate>,
    pub(super) cidrs: Vec<String>,
    pub(super) otherwise: Otherwise,
    pub(super) rules: Vec<Rule>,
}

/// Where a listener is, which tells listeners apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Place {
    /// One that the stack makes.
    Made { kind: Kind, port: u16 },
    /// One that is there already, by its ARN.
    Existing(String),
}

/// What becomes of a request that no rule is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Otherwise {
    Target(usize),
    NotFound,
    /// The same address with HTTPS.
    Redirect,
    /// An existing listener knows it by itself.
    NotOurs,
}

#[derive(Debug)]
pub(super) struct Rule {
    /// What its logical id begins with.
    pub(super) prefix: String,
    pub(super) priority: u16,
    pub(super) matching: Matching,
    /// The target, or none for the same address with HTTPS.
    pub(super) target: Option<usize>,
    span: Span,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Certificate {
    Arn(String),
    /// To be requested for these domains.
    Requested(Vec<String>),
}

/// A port of a service behind a listener.
#[derive(Debug)]
pub(super) struct Target {
    /// What its logical ids begin with: `WebPort80`.
    pub(super) prefix: String,
    pub(super) service: String,
    pub(super) port: u16,
    pub(super) published: u16,
    pub(super) speaks: Speaks,
    pub(super) encrypted: bool,
    pub(super) settings: Settings,
    pub(super) span: Span,
    pub(super) place: Place,
    pub(super) conditions: Conditions,
    pub(super) cidrs: Vec<String>,
}

/// Ports at which tasks are reached themselves.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) service: String,
    /// The first and the last of a range.
    pub(super) ports: (u16, u16),
    pub(super) transport: &'static str,
    pub(super) cidrs: Vec<String>,
}

impl Publications {
    pub(super) fn decide(draft: &mut Draft) -> Self {
        let project = draft.project;
        let wishes = Wishes::read(project, draft);
        let certificate = project.extensions.get("x-aws-certificate").and_then(text);
        let (targets, open) = ports(&wishes, certificate.is_some(), draft);
        let mut plan = Self {
            wishes: None,
            listeners: Vec::new(),
            targets,
            open,
        };
        plan.listen(certificate.as_ref(), draft);
        plan.redirect(&wishes);
        if plan.check_targets(draft) {
            plan.check_listeners(draft);
        }
        if let Some(certificate) = certificate.filter(|_| !plan.listeners.iter().any(|listener| listener.encrypted)) {
            let message = "`x-aws-certificate` is not used: no port speaks TLS with clients";
            let hint = "publish 443, or give a port an `x-aws-domain`";
            draft.remark(Diagnostic::warning(certificate.span, message).hint(hint));
        }
        plan.wishes = Some(wishes);
        plan
    }

    pub(super) fn of_service<'a>(&'a self, service: &'a str) -> impl Iterator<Item = (usize, &'a Target)> {
        let targets = self.targets.iter().enumerate();
        targets.filter(move |(_, target)| target.service == service)
    }

    /// The kinds of load balancers that have listeners of the stack's own.
    pub(super) fn kinds(&self) -> BTreeSet<Kind> {
        let kinds = self.listeners.iter().filter_map(|listener| match &listener.place {
            Place::Made { kind, .. } => Some(*kind),
            Place::Existing(_) => None,
        });
        kinds.collect()
    }

    pub(super) fn listener(&self, place: &Place) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.place == *place)
    }

    /// ECS attaches few target groups to a service.
    fn check_targets(&self, draft: &mut Draft) -> bool {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for target in &self.targets {
            let project = draft.project;
            let Some(service) = project.services.get(&target.service) else {
                continue;
            };
            let count = counts.entry(&draft.home(service).name).or_default();
            *count += 1;
            if *count == TARGET_GROUPS + 1 {
                let message = format!(
                    "`{}` publishes more ports than ECS puts behind load balancers: at most {TARGET_GROUPS}",
                    draft.home(service).name
                );
                let hint = "reach its tasks themselves with `x-aws-loadbalancer: false` on the service, or give others to another service";
                draft.say(Diagnostic::error(target.span, message).hint(hint));
            }
        }
        counts.values().all(|count| *count <= TARGET_GROUPS)
    }

    /// Makes the listeners of all targets.
    fn listen(&mut self, certificate: Option<&Text>, draft: &mut Draft) {
        let mut places: Vec<&Place> = self.targets.iter().map(|target| &target.place).collect();
        places.sort();
        places.dedup();
        let mut listeners = Vec::new();
        for place in places {
            let here = || {
                self.targets
                    .iter()
                    .enumerate()
                    .filter(|(_, target)| target.place == *place)
            };
            let Some((_, first)) = here().next() else { continue };
            let mut listener = Listener {
                place: place.clone(),
                span: first.span,
                encrypted: here().any(|(_, target)| target.encrypted),
                certificates: Vec::new(),
                cidrs: first.cidrs.clone(),
                otherwise: match place {
                    Place::Made { .. } => Otherwise::NotFound,
                    Place::Existing(_) => Otherwise::NotOurs,
                },
                rules: Vec::new(),
            };
            for (at, target) in here() {
                if target.cidrs != first.cidrs {
                    let message = "ports that share a listener have the same callers: `x-aws-cidrs` differ";
                    let diagnostic = Diagnostic::error(target.span, message);
                    draft.say(
                        diagnostic
                            .note(first.span, "the other port")
                            .hint("say the same on both, or publish another number"),
                    );
                }
                let own = certificate_of(target, certificate);
                listener
                    .certificates
                    .extend(own.filter(|own| !listener.certificates.contains(own)));
                let blue_green = shifts_traffic(draft.project.services.get(&target.service));
                if target.conditions.is_empty() && !(blue_green && target.speaks.kind() == Kind::Application) {
                    listener.otherwise = Otherwise::Target(at);
                    continue;
                }
                let matchings = if target.conditions.is_empty() {
                    // Blue/green deployments shift the traffic of a rule.
                    Conditions::new([], ["/".to_owned()]).rules()
                } else {
                    target.conditions.rules()
                };
                for matching in matchings {
                    listener.rules.push(Rule {
                        prefix: rule_prefix(place, &matching),
                        priority: target.settings.priority.unwrap_or_else(|| matching.priority()),
                        matching,
                        target: Some(at),
                        span: target.span,
                    });
                }
            }
            listeners.push(listener);
        }
        self.listeners = listeners;
    }

    /// Who comes by HTTP where HTTPS is spoken, is sent there: by a listener on 80 if the port is free, and by rules for
    /// the domains that are published as 80 if it is not.
    fn redirect(&mut self, wishes: &Wishes) {
        let place = |port| Place::Made {
            kind: Kind::Application,
            port,
        };
        let Some(secure) = self.listener(&place(443)).filter(|listener| listener.encrypted) else {
            return;
        };
        let from_80 = |target: &&Target| target.place == secure.place && target.published == 80;
        let asked: Vec<&Target> = self.targets.iter().filter(from_80).collect();
        let (span, cidrs) = (secure.span, secure.cidrs.clone());
        if let Some(plain) = self.listeners.iter_mut().find(|listener| listener.place == place(80)) {
            for target in asked {
                let hosts = Conditions::new(target.conditions.hosts.clone(), []);
                for matching in hosts.rules().into_iter().filter(|matching| !matching.hosts.is_empty()) {
                    let prefix = rule_prefix(&plain.place, &matching);
                    if plain.rules.iter().all(|rule| rule.prefix != prefix) {
                        plain.rules.push(Rule {
                            prefix,
                            priority: matching.priority(),
                            matching,
                            target: None,
                            span: target.span,
                        });
                    }
                }
            }
        } else if wishes.existing.is_none() || !asked.is_empty() {
            // On an existing load balancer, 80 may be somebody else's.
            self.listeners.push(Listener {
                place: place(80),
                span,
                encrypted: false,
                certificates: Vec::new(),
                cidrs,
                otherwise: Otherwise::Redirect,
                rules: Vec::new(),
            });
            self.listeners.sort_by(|a, b| a.place.cmp(&b.place));
        }
    }

    fn check_listeners(&self, draft: &mut Draft) {
        for kind in self.kinds() {
            let listeners = self
                .listeners
                .iter()
                .filter(|listener| listener.place.kind() == Some(kind));
            if let Some(beyond) = listeners.clone().nth(LISTENERS) {
                let message = format!("a load balancer has at most {LISTENERS} listeners");
                let hint = "reach the tasks of a service themselves with `x-aws-loadbalancer: false` on the service";
                draft.say(Diagnostic::error(beyond.span, message).hint(hint));
            }
            if let Some(beyond) = listeners.flat_map(|listener| &listener.rules).nth(RULES) {
                let message = format!("a load balancer has at most {RULES} rules");
                let hint = "put several domains or paths on one port, or deploy a part as another project";
                draft.say(Diagnostic::error(beyond.span, message).hint(hint));
            }
        }
        for listener in &self.listeners {
            let mut taken: BTreeMap<u16, &Rule> = BTreeMap::new();
            for rule in &listener.rules {
                let Some(other) = taken.insert(rule.priority, rule) else {
                    continue;
                };
                let message = format!("two rules of a listener have the priority {}", rule.priority);
                let free =
                    (rule.priority..50_000).find(|free| listener.rules.iter().all(|rule| rule.priority != *free));
                let hint = format!(
                    "give one of them another one, such as `x-aws-priority: {}`",
                    free.unwrap_or(1)
                );
                draft.say(
                    Diagnostic::error(rule.span, message)
                        .hint(hint)
                        .note(other.span, "the other port"),
                );
            }
        }
    }
}

impl Rule {
    pub(super) fn id(&self) -> String {
        format!("{}Rule", self.prefix)
    }
}

fn rule_prefix(place: &Place, matching: &Matching) -> String {
    format!("{}For{}", place.id(), matching.digest())
}

impl Place {
    /// What the logical ids of the listener and its rules begin with.
    pub(super) fn id(&self) -> String {
        match self {
            Self::Made {
                kind: Kind::Application,
                port,
            } => format!("Port{port}"),
            Self::Made {
                kind: Kind::Network,
                port,
            } => format!("NetworkPort{port}"),
            Self::Existing(arn) => names::logical_id(arn.rsplit(':').next().unwrap_or_default()),
        }
    }

    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Made { kind, .. } => Some(*kind),
            Self::Existing(_) => None,
        }
    }
}

fn certificate_of(target: &Target, of_project: Option<&Text>) -> Option<Certificate> {
    if !target.encrypted || matches!(target.place, Place::Existing(_)) {
        return None;
    }
    let settings = &target.settings;
    if let Some(arn) = settings.certificate.as_ref().or(of_project) {
        return Some(Certificate::Arn(arn.value.clone()));
    }
    let domains: Vec<_> = settings.domains.iter().map(|domain| domain.value.clone()).collect();
    (!domains.is_empty()).then_some(Certificate::Requested(domains))
}

/// Whether a service's deployments move its traffic bit by bit, which they do in a rule of their own.
fn shifts_traffic(service: Option<&Service>) -> bool {
    let Some(node) = service.and_then(|service| service.extensions.get("x-aws-rollout")) else {
        return false;
    };
    let strategy = node.as_str().or(node.get("strategy").and_then(Node::as_str));
    strategy.is_some_and(|strategy| strategy != "rolling")
}

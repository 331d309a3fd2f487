//! What tasks run on: Fargate, its spare capacity, or EC2 instances of a service's own.
//!
//! A service that asks for a GPU runs on instances, because nothing else has one. Everything else that only instances
//! can do (`privileged`, devices, capabilities…) has to be asked for with `x-aws-capacity: ec2`: instances cost money
//! while they idle, and what they allow is what Fargate keeps containers from.

use crate::compose::{Node, Project, Service};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::{Value, fragment};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;
use crate::ecs::rules::{host, instance, platform};

const NAME: &str = "x-aws-capacity";

/// What a service runs on, as `x-aws-capacity` of the service or of the project says.
#[derive(Clone, Copy, Debug)]
pub(in crate::ecs) struct Capacity<'p> {
    node: Option<&'p Node>,
    ec2: Option<Ec2<'p>>,
}

/// Instances, and what is said about them.
#[derive(Clone, Copy, Debug)]
pub(in crate::ecs) struct Ec2<'p> {
    settings: Option<&'p Node>,
}

/// What a service runs on, and so all that share its task: on instances if one of them does.
pub(in crate::ecs) fn of<'s, 'p: 's>(service: &'s Service, draft: &Draft<'p>) -> Capacity<'s> {
    let all = draft.housemates(service).into_iter();
    let all: Vec<_> = all.map(|housemate| of_one(housemate, draft.project)).collect();
    let on_instances = all.iter().find(|capacity| capacity.ec2.is_some());
    let said = all.iter().find(|capacity| capacity.node.is_some());
    *on_instances.or(said).unwrap_or(&all[0])
}

/// GPUs are a reason for instances, unless the service itself says otherwise.
fn of_one<'s>(service: &'s Service, project: &'s Project) -> Capacity<'s> {
    let own = service.extensions.get(NAME);
    let node = own.or(project.extensions.get(NAME));
    let settings = node.and_then(|node| node.get("ec2"));
    let ec2 = match settings {
        Some(settings) => extensions::boolean(settings).unwrap_or(true),
        None => node.and_then(Node::as_str) == Some("ec2"),
    };
    let for_gpu = own.is_none() && host::gpus(service).is_some();
    Capacity {
        // What the project says of Fargate is not meant for it then.
        node: node.filter(|_| ec2 || !for_gpu),
        ec2: (ec2 || for_gpu).then_some(Ec2 { settings }),
    }
}

impl<'p> Capacity<'p> {
    pub(in crate::ecs) fn ec2(self) -> Option<Ec2<'p>> {
        self.ec2
    }

    pub(in crate::ecs) fn span(self) -> Span {
        self.node.map_or(Span::NOWHERE, |node| node.span)
    }

    fn number(self, key: &str) -> Option<i64> {
        self.node?.get(key).and_then(extensions::integer)
    }

    /// The weights of Fargate on demand and on spare capacity.
    fn weights(self) -> (i64, i64) {
        if self.node.and_then(Node::as_str) == Some("spot") {
            return (0, 1);
        }
        (self.number("fargate").unwrap_or(0), self.number("spot").unwrap_or(0))
    }

    fn with_volumes(self) -> bool {
        let said = self.node.and_then(|node| node.get("with_volumes"));
        said.and_then(extensions::boolean).unwrap_or(false)
    }
}

impl<'p> Ec2<'p> {
    pub(in crate::ecs) fn setting(self, key: &str) -> Option<&'p Node> {
        self.settings?.get(key)
    }

    pub(in crate::ecs) fn text(self, key: &str) -> Option<&'p str> {
        self.setting(key)?.as_str()
    }

    pub(in crate::ecs) fn number(self, key: &str) -> Option<i64> {
        self.setting(key).and_then(extensions::integer)
    }
}

/// Makes the tasks of a service run where they should. The last step of each service: it looks at what the rules made.
pub(in crate::ecs) fn place(service: &Service, draft: &mut Draft) {
    if draft.is_sidecar(service) {
        return;
    }
    platform::without_init(service, draft);
    let capacity = of(service, draft);
    let (on_demand, spot) = capacity.weights();
    match capacity.ec2 {
        Some(_) if on_demand + spot > 0 => {
            let message = format!("`{NAME}` cannot have both instances and Fargate");
            draft.say(Diagnostic::error(capacity.span(), message).hint("ECS places a service on one of them"));
        }
        Some(ec2) => instance::place(service, ec2, draft),
        None if spot > 0 => on_spare_capacity(service, capacity, draft),
        None if capacity.node.is_some_and(|node| node.as_map().is_some()) && on_demand == 0 => {
            let message = format!("`{NAME}` needs a weight above zero");
            draft.say(
                Diagnostic::error(capacity.span(), message)
                    .hint("`{fargate: 1, spot: 3}` puts three tasks of four on spare capacity"),
            );
        }
        None => {}
    }
}

/// Fargate with spare capacity: tasks may be stopped with a warning of two minutes.
fn on_spare_capacity(service: &Service, capacity: Capacity<'_>, draft: &mut Draft) {
    let housemates = draft.housemates(service).into_iter();
    let keeps_data = housemates
        .flat_map(|housemate| &housemate.volumes)
        .find(|mount| mount.mount_type.as_str() == "volume" && mount.source.is_some());
    if let Some(mount) = keeps_data.filter(|_| !capacity.with_volumes()) {
        let message =
            "a service that keeps data in volumes does not run on spare capacity: AWS stops its tasks at any time";
        let hint = format!("`{NAME}: {{spot: 1, with_volumes: true}}` says that it may");
        let diagnostic = Diagnostic::error(capacity.span(), message).note(mount.span, "the volume");
        draft.say(diagnostic.hint(hint));
        return;
    }
    if platform::is_windows(service) {
        let message = "Windows containers do not run on spare capacity";
        draft.say(Diagnostic::error(capacity.span(), message).hint("`x-aws-capacity: fargate` runs them on demand"));
        return;
    }
    let (on_demand, spot) = capacity.weights();
    let base = capacity.number("base").unwrap_or(0);
    let mut strategy = Vec::new();
    if on_demand > 0 || base > 0 {
        let mut item = Value::map([("CapacityProvider", "FARGATE".into()), ("Weight", on_demand.into())]);
        if base > 0 {
            item.set("Base", base);
        }
        strategy.push(item);
    }
    strategy.push(Value::map([
        ("CapacityProvider", "FARGATE_SPOT".into()),
        ("Weight", spot.into()),
    ]));
    for provider in ["FARGATE", "FARGATE_SPOT"] {
        offer(draft, provider.into(), capacity.span());
    }
    run_by(service, strategy, draft);
}

/// Lets services of the stack's own cluster run on a capacity provider. A cluster that was there before keeps its own.
pub(in crate::ecs) fn offer(draft: &mut Draft, provider: Value, span: Span) {
    const ID: &str = "CapacityProviders";
    if draft.cluster != Value::reference("Cluster") {
        return;
    }
    if !draft.template.document.resources.contains_key(ID) {
        let cluster = [("Cluster", draft.cluster.clone())];
        draft.add(&fragment::CAPACITY_PROVIDERS, "", cluster, span);
    }
    draft.properties(ID).push_once("CapacityProviders", provider);
}

pub(in crate::ecs) fn run_by(service: &Service, strategy: Vec<Value>, draft: &mut Draft) {
    let ecs_service = draft.service(service);
    ecs_service.remove("LaunchType");
    ecs_service.set("CapacityProviderStrategy", strategy);
    if draft.cluster == Value::reference("Cluster") {
        draft.wait_for(service, "CapacityProviders".to_owned());
    }
}

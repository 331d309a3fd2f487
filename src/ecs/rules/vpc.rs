//! The VPC that the project runs in, and the subnets of its tasks and load balancers: the default VPC's or a given
//! one's, which are Parameters, or those of a VPC that the stack makes.

mod new;

use crate::compose::{Node, Service};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::{Purpose, Value, fragment};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;

/// Where the project runs.
#[derive(Debug)]
pub(in crate::ecs) struct Place {
    vpc: Vpc,
    zones: usize,
    /// Subnets that the file names: those of the tasks, and those of the load balancers if they are others.
    tasks: Vec<String>,
    balancers: Option<Vec<String>>,
    public_ip: Option<bool>,
    /// What has to be there before a task can pull its image, in a VPC of the project's own.
    ready: Vec<String>,
}

#[derive(Debug)]
enum Vpc {
    /// The default one, or the one that the file names.
    There(Option<String>),
    New(New),
}

#[derive(Debug)]
struct New {
    form: Form,
    cidr: String,
    nat_in_each_zone: bool,
    span: Span,
}

/// What the tasks of a new VPC reach, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Public,
    Nat,
    Endpoints,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            vpc: Vpc::There(None),
            zones: 2,
            tasks: Vec::new(),
            balancers: None,
            public_ip: None,
            ready: Vec::new(),
        }
    }
}

/// `x-aws-vpc`: the id or the ARN of the VPC, which becomes the Parameter's default, or how to make one.
pub(in crate::ecs) fn vpc(node: &Node, draft: &mut Draft) {
    draft.place.vpc = match node.as_str() {
        Some("new") => Vpc::New(made(node, "public")),
        Some(id) => Vpc::There(id.rsplit('/').next().map(str::to_owned)),
        None => {
            let new = made(node, node.get("new").and_then(Node::as_str).unwrap_or_default());
            let bits = new.cidr.rsplit('/').next().and_then(|bits| bits.parse().ok());
            if new.cidr.contains(':') || !bits.is_some_and(|bits: u8| (16..=25).contains(&bits)) {
                let message = format!("a VPC cannot have the addresses `{}`", new.cidr);
                let hint = "give it an IPv4 range from /16 to /25: its subnets have an eighth of it each";
                let span = node.get("cidr").map_or(node.span, |cidr| cidr.span);
                draft.say(Diagnostic::error(span, message).hint(hint));
                return;
            }
            if let Some(gateways) = node.get("nat_gateways").filter(|_| new.form != Form::Nat) {
                let message = "only a VPC with `new: nat` has NAT gateways";
                draft.say(Diagnostic::error(gateways.span, message).hint("remove `nat_gateways`"));
            }
            Vpc::New(new)
        }
    };
}

fn made(node: &Node, form: &str) -> New {
    let text = |key: &str| node.get(key).and_then(Node::as_str);
    New {
        form: match form {
            "nat" => Form::Nat,
            "endpoints" => Form::Endpoints,
            _ => Form::Public,
        },
        cidr: text("cidr").unwrap_or("10.0.0.0/16").to_owned(),
        nat_in_each_zone: text("nat_gateways") == Some("per-zone"),
        span: node.span,
    }
}

/// `x-aws-zones`
pub(in crate::ecs) fn zones(node: &Node, draft: &mut Draft) {
    if let Some(zones) = extensions::integer(node) {
        draft.place.zones = usize::try_from(zones).unwrap_or(2);
    }
}

/// `x-aws-subnets` of the project: a list for all, or `public` ones for load balancers and `private` ones for tasks.
pub(in crate::ecs) fn subnets(node: &Node, draft: &mut Draft) {
    let listed = |node: &Node| -> Vec<String> {
        let ids = node.as_list().unwrap_or_default().iter().filter_map(Node::as_str);
        ids.map(str::to_owned).collect()
    };
    let of = |key: &str| node.get(key).map(listed).filter(|ids| !ids.is_empty());
    let (tasks, balancers) = match (of("private"), of("public")) {
        (Some(private), public) => (private, Some(public.unwrap_or_default())),
        (None, Some(public)) => (public, None),
        (None, None) => (listed(node), None),
    };
    if tasks.is_empty() {
        let message = "`x-aws-subnets` names no subnet";
        draft.say(Diagnostic::error(node.span, message).hint("name one in each availability zone, or leave it out"));
        return;
    }
    (draft.place.tasks, draft.place.balancers) = (tasks, balancers);
}

/// `x-aws-assign_public_ip` of the project
pub(in crate::ecs) fn public_ip(node: &Node, draft: &mut Draft) {
    draft.place.public_ip = extensions::boolean(node);
}

/// `x-aws-subnets` of a service
pub(in crate::ecs) fn service_subnets(node: &Node, service: &Service, draft: &mut Draft) {
    if made_by_the_stack(node, draft) {
        return;
    }
    let ids = node.as_list().unwrap_or_default().iter().filter_map(Node::as_str);
    let ids = Value::list(ids.map(str::to_owned));
    configuration(service, draft).set("Subnets", ids);
}

/// `x-aws-assign_public_ip` of a service
pub(in crate::ecs) fn service_public_ip(node: &Node, service: &Service, draft: &mut Draft) {
    if let Some(public) = extensions::boolean(node) {
        configuration(service, draft).set("AssignPublicIp", enabled(public));
    }
}

fn configuration<'a>(service: &Service, draft: &'a mut Draft) -> &'a mut Value {
    draft
        .service(service)
        .entry("NetworkConfiguration")
        .entry("AwsvpcConfiguration")
}

/// The Parameters that ask for the VPC and the tasks' subnets, or the resources that are there instead.
pub(in crate::ecs) fn begin(draft: &mut Draft) {
    let project = draft.project;
    if let Some(node) = project.extensions.get("x-aws-subnets") {
        if made_by_the_stack(node, draft) {
            draft.place.tasks.clear();
        } else if let Some(zones) = project.extensions.get("x-aws-zones") {
            let message = "`x-aws-zones` has no effect beside `x-aws-subnets`: the subnets are in their zones";
            draft.say(Diagnostic::error(zones.span, message).hint("remove one of the two"));
        }
    }
    match &draft.place.vpc {
        Vpc::New(_) => new::make(draft),
        Vpc::There(vpc) => {
            let mut declaration = fragment::STACK.parameter("VpcId");
            if let Some(vpc) = vpc {
                declaration.set("Default", vpc.clone());
            }
            draft.parameter("VpcId".to_owned(), Purpose::Vpc, declaration);
            let given = draft.place.tasks.clone();
            for nth in 0..draft.subnets().len() {
                subnet_parameter(nth, given.get(nth), Purpose::Subnet(nth), draft);
            }
        }
    }
}

fn subnet_parameter(nth: usize, given: Option<&String>, purpose: Purpose, draft: &mut Draft) {
    let kind = match purpose {
        Purpose::PublicSubnet(_) => "PublicSubnet",
        _ => "Subnet",
    };
    let mut declaration = fragment::STACK.parameter(&format!("{kind}{}", (nth + 1).min(2)));
    if let Some(id) = given {
        declaration.set("Default", id.clone());
    }
    draft.parameter(format!("{kind}{}", nth + 1), purpose, declaration);
}

/// Whether the stack makes its subnets, so that none can be named; says so.
fn made_by_the_stack(node: &Node, draft: &mut Draft) -> bool {
    let Vpc::New(new) = &draft.place.vpc else { return false };
    let message = "the subnets of a new VPC are made with it";
    let diagnostic = Diagnostic::error(node.span, message).hint("remove `x-aws-subnets`, or name a VPC that is there");
    let diagnostic = diagnostic.note(new.span, "the VPC is new here");
    draft.say(diagnostic);
    true
}

impl Draft<'_> {
    /// The VPC.
    pub(in crate::ecs) fn vpc(&self) -> Value {
        match self.place.vpc {
            Vpc::New(_) => Value::reference("Vpc"),
            Vpc::There(_) => Value::reference("VpcId"),
        }
    }

    /// Where tasks run, volumes are mounted, and load balancers stand that only the VPC reaches: a subnet in each zone.
    pub(in crate::ecs) fn subnets(&self) -> Vec<Value> {
        let count = if self.place.tasks.is_empty() {
            self.place.zones
        } else {
            self.place.tasks.len()
        };
        let id = |nth: usize| match &self.place.vpc {
            Vpc::New(new) if new.form == Form::Public => format!("Zone{nth}PublicSubnet"),
            Vpc::New(_) => format!("Zone{nth}PrivateSubnet"),
            Vpc::There(_) => format!("Subnet{nth}"),
        };
        (1..=count).map(|nth| Value::reference(id(nth))).collect()
    }

    /// Where load balancers stand that the internet reaches. What they need to be there is made when this is first
    /// asked for.
    pub(in crate::ecs) fn public_subnets(&mut self) -> Value {
        if let Vpc::New(_) = self.place.vpc {
            return new::make_public(self).into();
        }
        let Some(given) = self.place.balancers.clone() else {
            return self.subnets().into();
        };
        let count = if given.is_empty() { 2 } else { given.len() };
        let subnets = (1..=count).map(|nth| format!("PublicSubnet{nth}"));
        let subnets: Vec<_> = subnets.map(Value::reference).collect();
        if !self.template.parameters.contains_key("PublicSubnet1") {
            for nth in 0..count {
                subnet_parameter(nth, given.get(nth), Purpose::PublicSubnet(nth), self);
            }
        }
        subnets.into()
    }

    /// Whether tasks have public addresses when they say nothing: without one a task in a public subnet cannot pull
    /// its image, and in a private one it has another way.
    pub(in crate::ecs) fn public_ip(&self) -> Value {
        enabled(self.has_public_ip())
    }

    pub(in crate::ecs) fn has_public_ip(&self) -> bool {
        let private = match &self.place.vpc {
            Vpc::New(new) => new.form != Form::Public,
            Vpc::There(_) => self.place.balancers.is_some(),
        };
        self.place.public_ip.unwrap_or(!private)
    }

    /// Whether the VPC is the stack's own.
    pub(in crate::ecs) fn makes_vpc(&self) -> bool {
        matches!(self.place.vpc, Vpc::New(_))
    }

    /// Whether nothing in the project's subnets reaches the internet at all.
    pub(in crate::ecs) fn is_closed(&self) -> bool {
        matches!(&self.place.vpc, Vpc::New(new) if new.form == Form::Endpoints)
    }
}

fn enabled(public: bool) -> Value {
    if public { "ENABLED".into() } else { "DISABLED".into() }
}

/// What stands in a new VPC waits for the ways there; a load balancer needs two zones.
pub(in crate::ecs) fn finish(draft: &mut Draft) {
    match draft.place.vpc {
        Vpc::New(_) => new::finish(draft),
        Vpc::There(_) => check_zones(draft),
    }
}

/// A load balancer stands in two zones at least.
fn check_zones(draft: &mut Draft) {
    let resources = draft.template.document.resources.values();
    let balancers = resources.filter(|resource| resource.at(&["Properties", "Scheme"]).is_some());
    let subnets = |balancer: &Value| {
        balancer
            .at(&["Properties", "Subnets"])
            .map_or(2, |subnets| subnets.as_list().len())
    };
    let narrow = balancers.map(subnets).any(|count| count < 2);
    if let Some(node) = draft.project.extensions.get("x-aws-subnets").filter(|_| narrow) {
        let message = "a load balancer needs subnets in two availability zones";
        draft.say(Diagnostic::error(node.span, message).hint("name a second one, or publish no port"));
    }
}

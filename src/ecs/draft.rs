//! The template while it is being made: what rules change.

use std::collections::HashMap;
use std::rc::Rc;

use indexmap::IndexMap;

use super::cloudformation::fragment::{self, Fragment};
use super::cloudformation::{Origin, Purpose, Template, Value, names};
use super::rules::file::{Kept, Shipment};
use super::rules::job::Runs;
use super::rules::port::Publications;
use super::rules::vpc::Place;
use crate::backend::verdict::repeated;
use crate::compose::{Project, Service};
use crate::diagnostic::{Diagnostic, Span};

/// The rules see the resources of a service under their kinds: `draft.id(service, "Service")`.
#[derive(Debug)]
pub(in crate::ecs) struct Draft<'p> {
    pub(in crate::ecs) project: &'p Project,
    pub(in crate::ecs) template: Template,
    /// What goes through the load balancer, decided before any service is looked at.
    pub(in crate::ecs) publications: Rc<Publications>,
    /// What is sent to the tasks of a service, by its name, and which folders are volumes: decided as early.
    pub(in crate::ecs) shipments: HashMap<String, Shipment>,
    pub(in crate::ecs) kept: Kept,
    /// `{Ref: Cluster}`, or an existing one's name or ARN.
    pub(in crate::ecs) cluster: Value,
    /// The VPC and the subnets.
    pub(in crate::ecs) place: Place,
    /// Whether services find each other by Service Connect.
    pub(in crate::ecs) service_connect: bool,
    /// The services that live in another one's task, by their names.
    pub(in crate::ecs) homes: HashMap<&'p str, &'p Service>,
    /// The services that do not run for ever, by their names.
    pub(in crate::ecs) runs: HashMap<&'p str, Runs>,
    pub(in crate::ecs) diagnostics: Vec<Diagnostic>,
    /// By message: each is said once, at its first place.
    remarks: IndexMap<String, (Diagnostic, usize)>,
}

impl<'p> Draft<'p> {
    pub(in crate::ecs) fn new(project: &'p Project) -> Self {
        Self {
            project,
            template: Template::new(format!("Compose project {}", project.name)),
            publications: Rc::default(),
            shipments: HashMap::new(),
            kept: Kept::new(),
            cluster: Value::reference("Cluster"),
            place: Place::default(),
            service_connect: false,
            homes: HashMap::new(),
            runs: HashMap::new(),
            diagnostics: Vec::new(),
            remarks: IndexMap::new(),
        }
    }

    /// The template, and everything that was said on the way.
    pub(in crate::ecs) fn finish(mut self) -> (Template, Vec<Diagnostic>) {
        let remarks = self
            .remarks
            .into_values()
            .map(|(remark, times)| repeated(remark, times));
        self.diagnostics.extend(remarks);
        (self.template, self.diagnostics)
    }

    pub(in crate::ecs) fn say(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// A warning that many services may cause: said once, with the number of its other places.
    pub(in crate::ecs) fn remark(&mut self, remark: Diagnostic) {
        self.remarks.entry(remark.message.clone()).or_insert((remark, 0)).1 += 1;
    }

    /// Adds a fragment for something that stands at `span`. Besides `holes`, what all of the project shares is filled
    /// in: its name, the VPC, the tasks' subnets, the log group.
    pub(in crate::ecs) fn add(
        &mut self,
        fragment: &Fragment,
        prefix: &str,
        holes: impl IntoIterator<Item = (&'static str, Value)>,
        span: Span,
    ) {
        self.add_for(fragment, prefix, holes, span, None);
    }

    pub(in crate::ecs) fn add_for_service(
        &mut self,
        fragment: &Fragment,
        holes: impl IntoIterator<Item = (&'static str, Value)>,
        service: &Service,
    ) {
        let service = self.home(service);
        let prefix = names::logical_id(&service.name);
        let holes = holes.into_iter().chain([("ServiceName", service.name.clone().into())]);
        self.add_for(fragment, &prefix, holes, service.span, Some(service.name.clone()));
    }

    /// Adds a fragment of which a service may have several; `span` is where this one stands.
    pub(in crate::ecs) fn add_of(
        &mut self,
        service: &str,
        fragment: &Fragment,
        prefix: &str,
        holes: impl IntoIterator<Item = (&'static str, Value)>,
        span: Span,
    ) {
        let home = self.homes.get(service).map_or(service, |home| home.name.as_str());
        let home = home.to_owned();
        self.add_for(fragment, prefix, holes, span, Some(home));
    }

    fn add_for(
        &mut self,
        fragment: &Fragment,
        prefix: &str,
        holes: impl IntoIterator<Item = (&'static str, Value)>,
        span: Span,
        service: Option<String>,
    ) {
        let mut holes: Vec<_> = holes.into_iter().collect();
        holes.extend([
            ("Project", self.project.name.clone().into()),
            ("VpcId", self.vpc()),
            ("Subnets", self.subnets().into()),
            ("AssignPublicIp", self.public_ip()),
            ("LogGroupArn", Value::attribute("LogGroup", "Arn")),
        ]);
        let origin = Origin { span, service };
        if let Err(id) = self.template.add(fragment.fill(prefix, &holes), &origin) {
            let message = format!("another resource of the project is `{id}` already");
            self.say(Diagnostic::error(span, message).hint("rename one of the two"));
        }
    }

    /// Adds a Parameter and gives the reference to it.
    pub(in crate::ecs) fn parameter(&mut self, id: String, purpose: Purpose, declaration: Value) -> Value {
        self.template.parameters.insert(id.clone(), purpose);
        self.template.document.parameters.insert(id.clone(), declaration);
        Value::reference(id)
    }

    pub(in crate::ecs) fn output(&mut self, id: impl Into<String>, description: String, value: Value) {
        let output = Value::map([("Description", description.into()), ("Value", value)]);
        self.template.document.outputs.insert(id.into(), output);
    }

    /// The service in whose task a service lives: mostly itself.
    pub(in crate::ecs) fn home<'s>(&self, service: &'s Service) -> &'s Service
    where
        'p: 's,
    {
        self.homes.get(service.name.as_str()).copied().unwrap_or(service)
    }

    /// Whether a service lives in another one's task.
    pub(in crate::ecs) fn is_sidecar(&self, service: &Service) -> bool {
        self.homes.contains_key(service.name.as_str())
    }

    /// How the tasks come to run in which a service lives.
    pub(in crate::ecs) fn runs(&self, service: &Service) -> Runs {
        let home = self.home(service).name.as_str();
        self.runs.get(home).copied().unwrap_or(Runs::Service)
    }

    /// The services that live in the same task as this one, itself among them, in the project's order.
    pub(in crate::ecs) fn housemates<'s>(&self, service: &'s Service) -> Vec<&'s Service>
    where
        'p: 's,
    {
        let home = &self.home(service).name;
        if self.homes.values().all(|other| other.name != *home) {
            return vec![service];
        }
        let services = self.project.services.values();
        services.filter(|other| self.home(other).name == *home).collect()
    }

    /// The name of something that each service of a task has for itself: a volume, a folder of the init container.
    pub(in crate::ecs) fn own(&self, service: &Service, name: &str) -> String {
        if self.is_sidecar(service) {
            format!("{name}-{}", names::plain(&service.name))
        } else {
            name.to_owned()
        }
    }

    /// The logical id of a resource that a task has once: services that share one have it together.
    pub(in crate::ecs) fn id(&self, service: &Service, kind: &str) -> String {
        names::logical_id(&self.home(service).name) + kind
    }

    pub(in crate::ecs) fn resource(&mut self, id: &str) -> &mut Value {
        self.template.document.resources.entry(id.to_owned()).or_default()
    }

    pub(in crate::ecs) fn properties(&mut self, id: &str) -> &mut Value {
        self.resource(id).entry("Properties")
    }

    /// The properties of the service's task definition.
    pub(in crate::ecs) fn task(&mut self, service: &Service) -> &mut Value {
        let id = self.id(service, "TaskDefinition");
        self.properties(&id)
    }

    /// The service's own container.
    pub(in crate::ecs) fn container(&mut self, service: &Service) -> &mut Value {
        self.container_named(service, &names::plain(&service.name))
    }

    /// The container that prepares the task.
    pub(in crate::ecs) fn init_container(&mut self, service: &Service) -> &mut Value {
        let name = names::plain(&self.home(service).name) + "-init";
        self.container_named(service, &name)
    }

    fn container_named(&mut self, service: &Service, name: &str) -> &mut Value {
        let containers = self.task(service).entry("ContainerDefinitions").items();
        let is_it = |container: &Value| container.get("Name").and_then(Value::as_str) == Some(name);
        let at = containers.iter().position(is_it).unwrap_or_else(|| {
            containers.push(Value::map([("Name", Value::from(name.to_owned()))]));
            containers.len() - 1
        });
        &mut containers[at]
    }

    /// The properties of the ECS service.
    pub(in crate::ecs) fn service(&mut self, service: &Service) -> &mut Value {
        let id = self.id(service, "Service");
        self.properties(&id)
    }

    /// Makes the ECS service wait for another resource.
    pub(in crate::ecs) fn wait_for(&mut self, service: &Service, logical_id: String) {
        let id = self.id(service, "Service");
        self.resource(&id).push_once("DependsOn", logical_id);
    }

    /// Takes such a wait back, because something else makes the service wait.
    pub(in crate::ecs) fn do_not_wait_for(&mut self, service: &Service, logical_id: &str) {
        let id = self.id(service, "Service");
        let resource = self.resource(&id);
        let waits = resource.entry("DependsOn").items();
        waits.retain(|other| other.as_str() != Some(logical_id));
        if waits.is_empty() {
            resource.remove("DependsOn");
        }
    }

    /// Puts the service's tasks into a security group.
    pub(in crate::ecs) fn join(&mut self, service: &Service, group: Value) {
        let network = self
            .service(service)
            .entry("NetworkConfiguration")
            .entry("AwsvpcConfiguration");
        network.push_once("SecurityGroups", group);
    }

    /// The id of the service's own security group, which is made when it is first asked for.
    pub(in crate::ecs) fn own_group(&mut self, service: &Service) -> String {
        let id = self.id(service, "Group");
        if !self.template.document.resources.contains_key(&id) {
            self.add_for_service(&fragment::SERVICE_GROUP, [], service);
            self.join(service, Value::attribute(id.clone(), "GroupId"));
        }
        id
    }
}

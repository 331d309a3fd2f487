//! A template that is too large for one stack, as a root and a nested stack for each service.
//!
//! What belongs to a service stands in the service's stack, whatever else there is in the project; what is shared
//! stands in the root. Logical ids stay. What crosses a border becomes a Parameter of the nested stack, or an Output of
//! it. Stacks that would wait for each other are impossible: what closes a circle stands in the root.

mod owners;
mod unused;

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use indexmap::{IndexMap, IndexSet};
use sha2::{Digest, Sha256};

use super::fragment::NESTED_STACK;
use super::names;
use super::reference::{self, Instead, Reference};
use super::template::{Document, Nested, Origin, Purpose, Template};
use super::value::Value;
use owners::{owners, waits_for};
use unused::{collect_conditions, drop_unused};

/// The root's Parameter that says where the nested templates are.
pub const TEMPLATES_URL: &str = "TemplatesUrl";

/// Splits a template whose resources all stand in one document.
pub fn split(template: &mut Template, project: &str) {
    let whole = &template.document;
    let owners = owners(whole, &template.origins);
    let mut borders = Borders {
        whole,
        owners: &owners,
        parameters: IndexMap::new(),
        outputs: IndexMap::new(),
        waits: IndexMap::new(),
    };
    borders.find();

    let mut root = Document {
        resources: IndexMap::new(),
        ..whole.clone()
    };
    let mut nested = Vec::new();
    for (id, resource) in &whole.resources {
        let Some(service) = owners.get(id.as_str()) else {
            root.resources.insert(id.clone(), borders.in_root(resource));
            continue;
        };
        let stack = stack_id(service);
        if root.resources.contains_key(&stack) {
            continue;
        }
        let document = borders.document(service, project);
        let file = file_name(service, &document);
        let (id, resource) = borders.stack(service, project, &file);
        root.resources.insert(id, resource);
        nested.push(Nested { file, document });
    }
    for output in root.outputs.values_mut() {
        reference::replace(output, &|id, attribute| borders.output_of(id, attribute));
    }
    drop_unused(&mut root);
    root.parameters
        .insert(TEMPLATES_URL.to_owned(), NESTED_STACK.parameter(TEMPLATES_URL));

    let services: IndexSet<&str> = owners.values().copied().collect();
    let origins = services.into_iter().map(|service| {
        let of_service = |origin: &&Origin| origin.service.as_deref() == Some(service);
        let origin = template.origins.values().find(of_service);
        (stack_id(service), origin.cloned().expect("it owns a resource"))
    });
    let origins: Vec<_> = origins.collect();
    template.origins.extend(origins);
    template
        .parameters
        .insert(TEMPLATES_URL.to_owned(), Purpose::TemplatesUrl);
    template.document = root;
    template.nested = nested;
}

fn stack_id(service: &str) -> String {
    names::logical_id(service) + "Stack"
}

fn file_name(service: &str, document: &Document) -> String {
    let mut name = format!("{service}.");
    for byte in &Sha256::digest(document.to_yaml())[..6] {
        let _ = write!(name, "{byte:02x}");
    }
    name + ".yaml"
}

/// What crosses the borders between the stacks.
struct Borders<'a> {
    whole: &'a Document,
    owners: &'a HashMap<&'a str, &'a str>,
    /// By service: the Parameters of its stack, with the root's values.
    parameters: IndexMap<&'a str, IndexMap<String, Crossing<'a>>>,
    /// By service: what its stack gives.
    outputs: IndexMap<&'a str, IndexMap<String, Crossing<'a>>>,
    /// By service: what its stack waits for in the root.
    waits: IndexMap<&'a str, IndexSet<String>>,
}

/// Something that one stack has and another refers to.
#[derive(Clone, Copy)]
struct Crossing<'a> {
    id: &'a str,
    attribute: Option<&'a str>,
}

impl<'a> Borders<'a> {
    fn find(&mut self) {
        for (id, resource) in &self.whole.resources {
            let owner = self.owners.get(id.as_str()).copied();
            for other in waits_for(resource) {
                if let (Some(service), Some(other)) = (owner, self.outside(owner, other)) {
                    self.waits.entry(service).or_default().insert(other);
                }
            }
            self.cross(owner, resource);
            if let Some(service) = owner {
                for condition in self.conditions(resource) {
                    self.cross(Some(service), &self.whole.conditions[condition]);
                }
            }
        }
        for output in self.whole.outputs.values() {
            self.cross(None, output);
        }
    }

    /// Notes what a value of a stack refers to elsewhere.
    fn cross(&mut self, owner: Option<&'a str>, value: &'a Value) {
        reference::visit(value, &mut |reference| {
            let crossing = match reference {
                Reference::Whole(id) => Crossing { id, attribute: None },
                Reference::Attribute(id, attribute) => Crossing {
                    id,
                    attribute: Some(attribute),
                },
                Reference::Condition(_) | Reference::Mapping(_) => return,
            };
            let there = self.owners.get(crossing.id).copied();
            let known =
                self.whole.resources.contains_key(crossing.id) || self.whole.parameters.contains_key(crossing.id);
            if !known || there == owner {
                return;
            }
            let name = self.name(crossing);
            if let Some(service) = there {
                self.outputs.entry(service).or_default().insert(name.clone(), crossing);
            }
            if let Some(service) = owner {
                self.parameters.entry(service).or_default().insert(name, crossing);
            }
        });
    }

    /// The name of a Parameter or an Output: the logical id, followed by the attribute.
    fn name(&self, crossing: Crossing) -> String {
        let Some(attribute) = crossing.attribute else {
            return crossing.id.to_owned();
        };
        let attribute = attribute.split(|c: char| !c.is_ascii_alphanumeric());
        let mut name = crossing.id.to_owned() + &attribute.collect::<String>();
        while self.whole.resources.contains_key(&name) || self.whole.parameters.contains_key(&name) {
            name.push_str("Attribute");
        }
        name
    }

    /// What stands in the place of a resource in the root: itself, or the stack that has it.
    fn outside(&self, owner: Option<&str>, id: &str) -> Option<String> {
        match self.owners.get(id) {
            there if there.copied() == owner => None,
            Some(service) => Some(stack_id(service)),
            None => Some(id.to_owned()),
        }
    }

    /// All conditions that a resource depends on, and those that these depend on.
    fn conditions(&self, resource: &'a Value) -> IndexSet<&'a str> {
        let mut found: IndexSet<&str> = IndexSet::new();
        let own = resource.get("Condition").and_then(Value::as_str);
        let mut new: Vec<&str> = own.into_iter().collect();
        collect_conditions(resource, &mut new);
        while let Some(name) = new.pop() {
            if let Some((name, condition)) = self.whole.conditions.get_key_value(name)
                && found.insert(name)
            {
                collect_conditions(condition, &mut new);
            }
        }
        found
    }

    /// A resource of the root, which sees nested resources through their stacks.
    fn in_root(&self, resource: &Value) -> Value {
        let mut resource = resource.clone();
        reference::replace(&mut resource, &|id, attribute| self.output_of(id, attribute));
        let waits: IndexSet<String> = waits_for(&resource)
            .into_iter()
            .map(|id| self.outside(None, id).unwrap_or_else(|| id.to_owned()))
            .collect();
        if !waits.is_empty() {
            resource.set("DependsOn", Value::list(waits));
        }
        resource
    }

    fn output_of(&self, id: &str, attribute: Option<&str>) -> Option<Instead> {
        let service = self.owners.get(id)?;
        let name = self.name(Crossing { id, attribute });
        Some(Instead::Attribute(stack_id(service), format!("Outputs.{name}")))
    }

    /// The nested template of a service.
    fn document(&self, service: &'a str, project: &str) -> Document {
        let mut document = Document {
            version: self.whole.version,
            description: format!("Service {service} of Compose project {project}"),
            ..Document::default()
        };
        let mut conditions = IndexSet::new();
        for (id, resource) in &self.whole.resources {
            if self.owners.get(id.as_str()) != Some(&service) {
                continue;
            }
            conditions.extend(self.conditions(resource));
            let mut own = resource.clone();
            reference::replace(&mut own, &|id, attribute| self.parameter_of(service, id, attribute));
            let waits: Vec<String> = waits_for(resource)
                .into_iter()
                .filter(|id| self.owners.get(id) == Some(&service))
                .map(str::to_owned)
                .collect();
            if waits.is_empty() {
                own.remove("DependsOn");
            } else {
                own.set("DependsOn", Value::list(waits));
            }
            document.resources.insert(id.clone(), own);
        }
        for (name, condition) in &self.whole.conditions {
            if conditions.contains(name.as_str()) {
                document.conditions.insert(name.clone(), condition.clone());
            }
        }
        let mut mappings = IndexSet::new();
        for value in document.resources.values().chain(document.conditions.values()) {
            reference::visit(value, &mut |reference| match reference {
                Reference::Mapping(Some(name)) => drop(mappings.insert(name.to_owned())),
                Reference::Mapping(None) => mappings.extend(self.whole.mappings.keys().cloned()),
                _ => {}
            });
        }
        let mappings = self.whole.mappings.iter().filter(|(name, _)| mappings.contains(*name));
        document.mappings = mappings.map(|(name, value)| (name.clone(), value.clone())).collect();
        for (name, crossing) in self.parameters.get(service).into_iter().flatten() {
            document.parameters.insert(name.clone(), self.declaration(*crossing));
        }
        for (name, crossing) in self.outputs.get(service).into_iter().flatten() {
            let value = Value::map([("Value", self.value(*crossing, None))]);
            document.outputs.insert(name.clone(), value);
        }
        document
    }

    fn parameter_of(&self, service: &str, id: &str, attribute: Option<&str>) -> Option<Instead> {
        let attribute = attribute?;
        let foreign = self.whole.resources.contains_key(id) && self.owners.get(id) != Some(&service);
        foreign.then(|| {
            Instead::Whole(self.name(Crossing {
                id,
                attribute: Some(attribute),
            }))
        })
    }

    /// How a nested stack declares what it is given: the root's Parameters by their types, everything else as text.
    fn declaration(&self, crossing: Crossing) -> Value {
        let declared = self.whole.parameters.get(crossing.id);
        let kind = declared
            .and_then(|parameter| parameter.get("Type"))
            .and_then(Value::as_str);
        let mut declaration = Value::map([(
            "Type",
            match kind {
                // The root has looked it up already.
                Some(kind) if kind.contains("SSM::Parameter") => if kind.contains("List<") {
                    "CommaDelimitedList"
                } else {
                    "String"
                }
                .into(),
                Some(kind) => kind.to_owned().into(),
                None => Value::from("String"),
            },
        )]);
        for key in ["Description", "NoEcho"] {
            if let Some(value) = declared.and_then(|parameter| parameter.get(key)) {
                declaration.set(key, value.clone());
            }
        }
        declaration
    }

    /// A reference that also holds where the resource is not made; seen from the service that asks, or where it is.
    fn value(&self, crossing: Crossing, asking: Option<&str>) -> Value {
        let there = self.owners.get(crossing.id).copied();
        if let (Some(there), Some(asking)) = (there, asking)
            && there != asking
        {
            return Value::map([(
                "Fn::GetAtt",
                Value::List(vec![
                    stack_id(there).into(),
                    format!("Outputs.{}", self.name(crossing)).into(),
                ]),
            )]);
        }
        let id = crossing.id.to_owned();
        let value = match crossing.attribute {
            Some(attribute) => Value::map([("Fn::GetAtt", Value::List(vec![id.into(), attribute.to_owned().into()]))]),
            None => Value::reference(id),
        };
        let kind = self
            .whole
            .parameters
            .get(crossing.id)
            .and_then(|parameter| parameter.get("Type"));
        let is_list = kind.and_then(Value::as_str).is_some_and(|kind| kind.contains("List"));
        let condition = self
            .whole
            .resources
            .get(crossing.id)
            .and_then(|resource| resource.get("Condition"));
        match condition {
            Some(condition) => Value::map([("Fn::If", Value::List(vec![condition.clone(), value, "".into()]))]),
            None if is_list => Value::map([("Fn::Join", Value::List(vec![",".into(), value]))]),
            None => value,
        }
    }

    /// The resource of the root that a service's stack is.
    fn stack(&self, service: &str, project: &str, file: &str) -> (String, Value) {
        let holes = [
            ("Project", project.to_owned().into()),
            ("ServiceName", service.to_owned().into()),
            ("File", file.to_owned().into()),
        ];
        let filled = NESTED_STACK.fill(&names::logical_id(service), &holes);
        let (id, mut resource) = filled
            .resources
            .into_iter()
            .next()
            .expect("the template has one resource");
        let mut given = HashSet::new();
        for (name, crossing) in self.parameters.get(service).into_iter().flatten() {
            let value = self.value(*crossing, Some(service));
            given.insert(self.outside(Some(service), crossing.id));
            resource
                .entry("Properties")
                .entry("Parameters")
                .set(name.clone(), value);
        }
        let waits = self.waits.get(service).into_iter().flatten();
        let waits: Vec<String> = waits
            .filter(|id| !given.contains(&Some((*id).clone())))
            .cloned()
            .collect();
        if !waits.is_empty() {
            resource.set("DependsOn", Value::list(waits));
        }
        (id, resource)
    }
}

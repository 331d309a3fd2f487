//! A loaded project: what the Compose files say, complete, merged, interpolated and checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use indexmap::IndexMap;
use serde::Serialize;

use super::canonical::{or_empty, sorted, zero};
use super::survey::OnDisk;
use super::{Entry, Node, Service, Spanned, Value};
use crate::diagnostic::Span;

/// Attributes whose names begin with `x-`, as they were written.
pub type Extensions = IndexMap<String, Node>;
/// `labels`, `driver_opts` and their like: each value with its place.
pub type Mapping = IndexMap<String, Spanned<String>>;

#[derive(Clone, PartialEq, Debug)]
pub struct Project {
    /// Lower-case letters, digits, hyphens and underscores, beginning with a letter or digit.
    pub name: String,
    /// Absolute; relative paths of the files have been joined to it.
    pub working_dir: PathBuf,
    /// The Compose files given or found, absolute, in their order (those that they include are not listed); `-` is the
    /// standard input.
    pub files: Vec<PathBuf>,
    /// The env files that were named, absolute.
    pub env_files: Vec<PathBuf>,
    /// Those that are enabled by profiles and selected on the command line, in the order of the files.
    pub services: IndexMap<String, Service>,
    pub disabled_services: IndexMap<String, Service>,
    pub networks: IndexMap<String, Network>,
    pub volumes: IndexMap<String, Volume>,
    pub secrets: IndexMap<String, FileObject>,
    pub configs: IndexMap<String, FileObject>,
    pub models: IndexMap<String, Model>,
    pub extensions: Extensions,
    /// The canonical document (merged, interpolated, long forms) with all its places: what verdicts walk over.
    /// What loading itself added stands at [`Span::NOWHERE`].
    pub tree: Node,
    /// The variables that interpolation saw, those of the process included.
    pub environment: IndexMap<String, String>,
    /// What was written as relative paths: files of the user's own, wherever they are.
    pub own_paths: BTreeSet<String>,
    /// What the disk has at paths that somebody asked for, by [`survey`](super::survey::survey).
    pub disk: BTreeMap<String, OnDisk>,
    /// The registries at which somebody is logged in on this machine, and whose credentials go along.
    pub logins: BTreeSet<String>,
    /// Whether containers and images are named as the first version of Docker Compose named them.
    pub compatible: bool,
}

impl Project {
    /// What stands between the parts of a name that nobody has given: `shop-web-1`.
    #[must_use]
    pub fn separator(&self) -> char {
        if self.compatible { '_' } else { '-' }
    }

    /// The platform of a service's containers: its own, or the one that DOCKER_DEFAULT_PLATFORM names.
    #[must_use]
    pub fn platform<'a>(&'a self, service: &'a Service) -> Option<&'a str> {
        let own = service.platform.as_ref().map(|platform| platform.value.as_str());
        let default = || self.environment.get("DOCKER_DEFAULT_PLATFORM").map(String::as_str);
        own.or_else(default).filter(|platform| !platform.is_empty())
    }

    /// Gives a service another number of containers than its files say; the result is whether there is such a service.
    pub fn scale(&mut self, service: &str, replicas: i64) -> bool {
        // Whoever walks over the document shall meet it as well.
        if let Some(Value::Map(map)) = self
            .tree
            .get_mut("services")
            .and_then(|services| services.get_mut(service))
            .map(|node| &mut node.value)
        {
            let node = Node::new(Value::Int(replicas), Span::NOWHERE);
            let key = map.get("scale").map_or(Span::NOWHERE, |entry| entry.key);
            map.insert("scale".to_owned(), Entry { key, node });
        }
        let service = self.services.get_mut(service);
        service
            .map(|service| service.scale = Some(Spanned::nowhere(replicas)))
            .is_some()
    }

    /// Has all images pulled by one policy, whatever the files say.
    pub fn pull_by(&mut self, policy: &str) {
        for service in self.services.values_mut() {
            service.pull_policy = Some(Spanned::nowhere(policy.to_owned()));
        }
    }
}

/// A top-level network.
#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Network {
    #[serde(skip)]
    pub span: Span,
    /// The name on the target: `<project>_<key>`, or what `name` says.
    #[serde(skip_serializing_if = "zero")]
    pub name: Spanned<String>,
    #[serde(skip_serializing_if = "zero")]
    pub driver: Option<Spanned<String>>,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub driver_opts: Mapping,
    #[serde(serialize_with = "or_empty")]
    pub ipam: Option<Ipam>,
    #[serde(skip_serializing_if = "zero")]
    pub external: bool,
    #[serde(skip_serializing_if = "zero")]
    pub internal: Option<Spanned<bool>>,
    #[serde(skip_serializing_if = "zero")]
    pub attachable: Option<Spanned<bool>>,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub labels: Mapping,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_ipv4: Option<Spanned<bool>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_ipv6: Option<Spanned<bool>>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, Default, PartialEq, Serialize, Debug)]
pub struct Ipam {
    #[serde(skip_serializing_if = "zero")]
    pub driver: Option<Spanned<String>>,
    #[serde(skip_serializing_if = "zero")]
    pub config: Vec<IpamPool>,
    /// Not in the specification's table, but in its schema and in real files.
    #[serde(skip)]
    pub options: Mapping,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, Default, PartialEq, Serialize, Debug)]
pub struct IpamPool {
    #[serde(skip_serializing_if = "zero")]
    pub subnet: Option<Spanned<String>>,
    #[serde(skip_serializing_if = "zero")]
    pub gateway: Option<Spanned<String>>,
    #[serde(skip_serializing_if = "zero")]
    pub ip_range: Option<Spanned<String>>,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub aux_addresses: Mapping,
    /// Docker Compose does not print them.
    #[serde(skip)]
    pub extensions: Extensions,
}

/// A top-level volume.
#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Volume {
    #[serde(skip)]
    pub span: Span,
    /// The name on the target: `<project>_<key>`, or what `name` says.
    #[serde(skip_serializing_if = "zero")]
    pub name: Spanned<String>,
    #[serde(skip_serializing_if = "zero")]
    pub driver: Option<Spanned<String>>,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub driver_opts: Mapping,
    #[serde(skip_serializing_if = "zero")]
    pub external: bool,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub labels: Mapping,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

/// A top-level secret or config.
#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct FileObject {
    #[serde(skip)]
    pub span: Span,
    /// `<project>_<key>`, or what `name` says.
    #[serde(skip_serializing_if = "zero")]
    pub name: Spanned<String>,
    /// Absolute.
    #[serde(skip_serializing_if = "zero")]
    pub file: Option<Spanned<String>>,
    /// The name of a variable whose value is the content.
    #[serde(skip_serializing_if = "zero")]
    pub environment: Option<Spanned<String>>,
    /// A config's own `content`, or the value of `environment`'s variable when it is set. Never printed for secrets.
    #[serde(skip_serializing_if = "zero")]
    pub content: Option<Spanned<String>>,
    #[serde(skip_serializing_if = "zero")]
    pub external: bool,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub labels: Mapping,
    #[serde(skip_serializing_if = "zero")]
    pub driver: Option<Spanned<String>>,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub driver_opts: Mapping,
    #[serde(skip_serializing_if = "zero")]
    pub template_driver: Option<Spanned<String>>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Model {
    #[serde(skip)]
    pub span: Span,
    #[serde(skip_serializing_if = "zero")]
    pub name: Option<Spanned<String>>,
    #[serde(skip_serializing_if = "zero")]
    pub model: Spanned<String>,
    #[serde(skip_serializing_if = "zero")]
    pub context_size: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "zero")]
    pub runtime_flags: Vec<Spanned<String>>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

//! A loaded project: what the Compose files say, complete, merged, interpolated and checked.

use std::path::PathBuf;

use indexmap::IndexMap;

use super::{Node, Service, Spanned};
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
    /// The Compose files given or found, absolute, in their order (those that they include are not listed).
    pub files: Vec<PathBuf>,
    /// The env files that were given or found, absolute.
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
}

/// A top-level network.
#[derive(Clone, PartialEq, Debug)]
pub struct Network {
    pub span: Span,
    /// The name on the target: `<project>_<key>`, or what `name` says.
    pub name: Spanned<String>,
    pub driver: Option<Spanned<String>>,
    pub driver_opts: Mapping,
    pub ipam: Option<Ipam>,
    pub external: bool,
    pub internal: Option<Spanned<bool>>,
    pub attachable: Option<Spanned<bool>>,
    pub labels: Mapping,
    pub enable_ipv4: Option<Spanned<bool>>,
    pub enable_ipv6: Option<Spanned<bool>>,
    pub extensions: Extensions,
}

#[derive(Clone, Default, PartialEq, Debug)]
pub struct Ipam {
    pub driver: Option<Spanned<String>>,
    pub config: Vec<IpamPool>,
    /// Not in the specification's table, but in its schema and in real files.
    pub options: Mapping,
}

#[derive(Clone, Default, PartialEq, Debug)]
pub struct IpamPool {
    pub subnet: Option<Spanned<String>>,
    pub gateway: Option<Spanned<String>>,
    pub ip_range: Option<Spanned<String>>,
    pub aux_addresses: Mapping,
}

/// A top-level volume.
#[derive(Clone, PartialEq, Debug)]
pub struct Volume {
    pub span: Span,
    /// The name on the target: `<project>_<key>`, or what `name` says.
    pub name: Spanned<String>,
    pub driver: Option<Spanned<String>>,
    pub driver_opts: Mapping,
    pub external: bool,
    pub labels: Mapping,
    pub extensions: Extensions,
}

/// A top-level secret or config.
#[derive(Clone, PartialEq, Debug)]
pub struct FileObject {
    pub span: Span,
    /// `<project>_<key>`, or what `name` says.
    pub name: Spanned<String>,
    /// Absolute.
    pub file: Option<Spanned<String>>,
    /// The name of a variable whose value is the content.
    pub environment: Option<Spanned<String>>,
    /// A config's own `content`, or the value of `environment`'s variable when it is set. Never printed for secrets.
    pub content: Option<Spanned<String>>,
    pub external: bool,
    pub labels: Mapping,
    pub driver: Option<Spanned<String>>,
    pub driver_opts: Mapping,
    pub template_driver: Option<Spanned<String>>,
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Model {
    pub span: Span,
    pub name: Spanned<String>,
    pub model: Spanned<String>,
    pub context_size: Option<Spanned<i64>>,
    pub runtime_flags: Vec<Spanned<String>>,
    pub extensions: Extensions,
}

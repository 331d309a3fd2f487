//! From a project to one bake file: what is to be built, each definition once. A pure function.
//!
//! The file is what `docker compose build --print` prints, so `docker buildx bake -f -` builds it as well.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::definition::{Baking, entitlements};
use super::labels::SERVICE;
use crate::backend::{Deed, Deeds};
use crate::compose::{Build, Mapping, Project, Service, Text, Texts};
use crate::diagnostic::Span;
use crate::error::Result;

/// How to build, besides what the files say.
#[derive(Clone, Default, Debug)]
pub struct BuildOptions {
    /// Stronger than the files' own `args`.
    pub build_args: Vec<(String, String)>,
    pub no_cache: bool,
    /// Look for newer base images.
    pub pull: bool,
    /// Push what has a name of its own.
    pub push: bool,
    /// Check the Dockerfiles and build nothing.
    pub check: bool,
    /// The builder instance, where there are several.
    pub builder: Option<String>,
    /// For one platform of a service that has several: that of its containers.
    pub to_run: bool,
    /// By service, the platform of its containers where the files do not say.
    pub platforms: IndexMap<String, String>,
    /// Also build what the services depend on.
    pub with_dependencies: bool,
    /// Instead of the files' own `platforms`.
    pub to_platforms: Vec<String>,
    /// Besides the files' own `ssh`: `default`, `ID=SOCKET`.
    pub ssh: Vec<String>,
    /// Instead of the files' own.
    pub provenance: Option<String>,
    pub sbom: Option<String>,
    /// What the containers in which steps run may use, in bytes, of the builder that honours it.
    pub memory: Option<i32>,
}

/// What is to be built.
#[derive(Clone, PartialEq, Debug)]
pub struct Bake {
    pub targets: Vec<Target>,
    /// What the files want to be allowed: `network.host`, `security.insecure`.
    pub entitlements: Vec<String>,
    /// Variables with the content of secrets.
    pub variables: Vec<(String, String)>,
    pub check: bool,
    /// Where the user's ssh agent listens.
    pub ssh_agent: Option<PathBuf>,
    /// The user has told docker not to build with BuildKit.
    pub without_buildkit: bool,
}

/// One image to be built.
#[derive(Clone, PartialEq, Debug)]
pub struct Target {
    /// Its name in the file.
    pub name: String,
    /// The services that have this definition.
    pub services: Vec<String>,
    pub image: String,
    /// Where the definition stands.
    pub span: Span,
    /// Where its attributes stand, by what the bake file calls them.
    pub places: BTreeMap<&'static str, Span>,
    /// What the file says about it.
    pub definition: Map<String, Value>,
}

impl Target {
    /// Where an attribute stands, or else the whole.
    pub(super) fn place(&self, attribute: &str) -> Span {
        self.places
            .get(attribute)
            .map_or(self.span, |place| place.or(self.span))
    }

    pub(super) fn to_registry(&self) -> bool {
        let output = self.definition.get("output");
        output.is_some_and(|output| output[0] == "type=registry")
    }

    fn tags(&self) -> impl Iterator<Item = &str> {
        let tags = self.definition.get("tags").and_then(Value::as_array);
        tags.into_iter().flatten().filter_map(Value::as_str)
    }
}

impl Bake {
    /// What building is, for a dry run.
    pub(super) fn deeds(&self) -> Deeds {
        let deed = if self.check { Deed::Check } else { Deed::Build };
        let made = self.targets.iter().map(|target| deed(target.image.clone()));
        Deeds(
            made.chain(self.pushed().map(|name| Deed::Push(name.to_owned())))
                .collect(),
        )
    }

    /// The names under which images are to be pushed.
    pub(super) fn pushed(&self) -> impl Iterator<Item = &str> {
        self.targets
            .iter()
            .filter(|target| target.to_registry())
            .flat_map(Target::tags)
    }

    /// Where that is defined which is to be pushed under a name.
    pub(super) fn place_of(&self, name: &str) -> Span {
        let mut targets = self.targets.iter();
        let target = targets.find(|target| target.tags().any(|tag| tag == name));
        target.map_or(Span::NOWHERE, |target| target.span)
    }

    /// The same with arguments for all builds that do not set them themselves.
    pub(super) fn with_arguments(mut self, arguments: &[(String, String)]) -> Self {
        if arguments.is_empty() {
            return self;
        }
        for target in &mut self.targets {
            let own = target.definition.entry("args").or_insert_with(|| json!({}));
            for (name, value) in arguments {
                if own.get(name).is_none() {
                    own[name] = json!(value);
                }
            }
        }
        self
    }

    /// The same, but into the engine, and the names that are to be pushed from there. What is built for several
    /// platforms cannot be there, and stays with the builder.
    pub(super) fn without_pushes(mut self) -> (Self, Vec<String>) {
        let mut names = Vec::new();
        for target in &mut self.targets {
            let platforms = target.definition.get("platforms").and_then(Value::as_array);
            if target.to_registry() && platforms.is_none_or(|platforms| platforms.len() < 2) {
                names.extend(target.tags().map(str::to_owned));
                target.definition.insert("output".to_owned(), json!(["type=docker"]));
            }
        }
        (self, names)
    }
}

impl Bake {
    /// The file's text.
    #[must_use]
    pub fn to_json(&self) -> String {
        let names: Vec<&str> = self.targets.iter().map(|target| target.name.as_str()).collect();
        let targets = self.targets.iter();
        let targets: Map<String, Value> = targets
            .map(|target| (target.name.clone(), escaped(Value::Object(target.definition.clone()))))
            .collect();
        let file = json!({"group": {"default": {"targets": names}}, "target": targets});
        format!("{file:#}\n")
    }
}

/// What has to be built for services; those that are not built are left out.
pub fn bake<'a>(
    project: &Project,
    services: impl IntoIterator<Item = &'a Service>,
    options: &BuildOptions,
) -> Result<Bake> {
    let mut wanted: Vec<&Service> = Vec::new();
    let mut seen = HashSet::new();
    for service in services {
        want(project, service, options, &mut seen, &mut wanted);
    }
    let names = target_names(&wanted);
    let mut baking = Baking {
        project,
        options,
        names: &names,
        mistakes: Vec::new(),
        variables: Vec::new(),
    };
    let mut targets: Vec<Target> = Vec::new();
    for service in &wanted {
        let Some(build) = &service.build else { continue };
        let definition = baking.definition(service, build);
        let image = super::name(project, service);
        // A definition that two services share, name and all, is built once. Whose it is stands in its labels.
        let known = targets.iter_mut().find(|target| {
            target.image == image && without_service(&target.definition) == without_service(&definition)
        });
        match known {
            Some(target) => target.services.push(service.name.clone()),
            None => targets.push(Target {
                name: names[&service.name].clone(),
                services: vec![service.name.clone()],
                image,
                span: build.span.or(service.span),
                places: places(build),
                definition,
            }),
        }
    }
    redirect(&mut targets, &names);
    let mut entitlements: Vec<String> = wanted
        .iter()
        .filter_map(|service| service.build.as_ref())
        .flat_map(|build| {
            let host = build.network.as_ref().is_some_and(|network| network.value == "host");
            entitlements(build)
                .into_iter()
                .chain(host.then(|| "network.host".to_owned()))
        })
        .collect();
    entitlements.sort();
    entitlements.dedup();
    if !baking.mistakes.is_empty() {
        return Err(baking.mistakes.into());
    }
    let variable = |name: &str| project.environment.get(name).filter(|value| !value.is_empty());
    Ok(Bake {
        targets,
        entitlements,
        variables: baking.variables,
        check: options.check,
        ssh_agent: variable("SSH_AUTH_SOCK").map(PathBuf::from),
        without_buildkit: variable("DOCKER_BUILDKIT").is_some_and(|said| {
            let said = said.to_ascii_lowercase();
            matches!(said.as_str(), "0" | "f" | "false")
        }),
    })
}

/// Puts a service behind those that it is built from, and, if asked for, those that it depends on.
fn want<'a>(
    project: &'a Project,
    service: &'a Service,
    options: &BuildOptions,
    seen: &mut HashSet<&'a str>,
    wanted: &mut Vec<&'a Service>,
) {
    if !seen.insert(&service.name) {
        return;
    }
    let contexts = service
        .build
        .iter()
        .flat_map(|build| build.additional_contexts.values());
    let contexts = contexts.filter_map(|context| context.value.strip_prefix("service:"));
    let dependencies = service.depends_on.keys().map(String::as_str);
    let dependencies = dependencies.filter(|_| options.with_dependencies);
    for name in contexts.chain(dependencies) {
        let known = project
            .services
            .get(name)
            .or_else(|| project.disabled_services.get(name));
        if let Some(other) = known {
            want(project, other, options, seen, wanted);
        }
    }
    if service.build.is_some() {
        wanted.push(service);
    }
}

/// Where attributes stand, by what the bake file calls them.
fn places(build: &Build) -> BTreeMap<&'static str, Span> {
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.span);
    let first = |texts: &Texts| texts.first().map(|text| text.span);
    let key = |mapping: &Mapping| mapping.values().next().map(|value| value.span);
    let places = [
        ("context", text(&build.context)),
        ("dockerfile", text(&build.dockerfile)),
        ("dockerfile-inline", text(&build.dockerfile_inline)),
        ("target", text(&build.target)),
        ("network", text(&build.network)),
        ("shm-size", build.shm_size.map(|size| size.span)),
        ("platforms", first(&build.platforms)),
        ("cache-from", first(&build.cache_from)),
        ("cache-to", first(&build.cache_to)),
        ("tags", first(&build.tags)),
        ("contexts", key(&build.additional_contexts)),
        ("ssh", key(&build.ssh)),
        ("secret", build.secrets.first().map(|secret| secret.span)),
        ("attest", text(&build.provenance).or(text(&build.sbom))),
    ];
    places
        .into_iter()
        .filter_map(|(name, span)| Some((name, span?)))
        .collect()
}

/// What services are called in the file, where names have fewer letters.
fn target_names(services: &[&Service]) -> IndexMap<String, String> {
    let mut names: IndexMap<String, String> = IndexMap::new();
    for service in services {
        let letter = |letter: char| {
            if letter.is_ascii_alphanumeric() || letter == '-' {
                letter
            } else {
                '_'
            }
        };
        let mut name: String = service.name.chars().map(letter).collect();
        while names.values().any(|taken| *taken == name) {
            name.push('_');
        }
        names.insert(service.name.clone(), name);
    }
    names
}

fn without_service(definition: &Map<String, Value>) -> Map<String, Value> {
    let mut definition = definition.clone();
    if let Some(Value::Object(labels)) = definition.get_mut("labels") {
        labels.shift_remove(SERVICE);
    }
    definition
}

/// Lets what was to be built from a service be built from the target that the service shares.
fn redirect(targets: &mut [Target], names: &IndexMap<String, String>) {
    let mut shared = IndexMap::new();
    for target in targets.iter() {
        for service in &target.services {
            shared.insert(format!("target:{}", names[service]), format!("target:{}", target.name));
        }
    }
    for target in targets {
        if let Some(Value::Object(contexts)) = target.definition.get_mut("contexts") {
            for context in contexts.values_mut() {
                if let Some(name) = context.as_str().and_then(|name| shared.get(name)) {
                    *context = json!(name);
                }
            }
        }
    }
}

/// Keeps `${` and `%{` from being taken for expressions when the file is read.
fn escaped(value: Value) -> Value {
    let text = |text: String| text.replace("${", "$${").replace("%{", "%%{");
    match value {
        Value::String(string) => Value::String(text(string)),
        Value::Array(list) => list.into_iter().map(escaped).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (text(key), escaped(value)))
            .collect(),
        other => other,
    }
}

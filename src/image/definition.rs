//! What one service's `build` is in a bake file.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::labels::{COMPOSE_VERSION, PROJECT, SERVICE, VERSION};
use super::{BuildOptions, fields};
use crate::compose::{Build, FileReference, Mapping, Project, Service, Spanned, Text, Texts, Ulimit};
use crate::diagnostic::Diagnostic;
use crate::registry::Reference;

pub(super) struct Baking<'a> {
    pub(super) project: &'a Project,
    pub(super) options: &'a BuildOptions,
    /// What services are called in the bake file.
    pub(super) names: &'a IndexMap<String, String>,
    pub(super) mistakes: Vec<Diagnostic>,
    /// Variables with the content of secrets.
    pub(super) variables: Vec<(String, String)>,
}

impl Baking<'_> {
    pub(super) fn definition(&mut self, service: &Service, build: &Build) -> Map<String, Value> {
        let options = self.options;
        let working_dir = self.project.working_dir.display().to_string();
        // What is empty, as after a variable that is not set, counts as not said.
        let text = |text: &Option<Text>| {
            let said = text.as_ref().map(|text| text.value.clone());
            said.filter(|said| !said.is_empty())
        };
        let context = text(&build.context).unwrap_or(working_dir);
        let contexts = build.additional_contexts.iter().map(|(name, context)| {
            let other = context
                .value
                .strip_prefix("service:")
                .and_then(|other| self.names.get(other));
            let context = other.map_or_else(|| context.value.clone(), |other| format!("target:{other}"));
            (name.clone(), context)
        });
        let contexts: Vec<_> = contexts.collect();
        let mut args: IndexMap<String, String> = texts_of(&build.args).collect();
        args.extend(options.build_args.iter().cloned());
        args.sort_keys();
        let mut labels: IndexMap<String, String> = texts_of(&build.labels).collect();
        labels.extend(
            [
                (PROJECT, self.project.name.as_str()),
                (SERVICE, &service.name),
                (VERSION, COMPOSE_VERSION),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        labels.sort_keys();
        self.check_names(service, build);
        let image = super::name(self.project, service);
        let mut tags = vec![image];
        tags.extend(list(&build.tags));
        tags.dedup();
        let secrets: Vec<String> = build.secrets.iter().filter_map(|secret| self.secret(secret)).collect();
        let ssh = texts_of(&build.ssh).map(|(id, path)| if path.is_empty() { id } else { format!("{id}={path}") });
        let mut ssh: Vec<String> = ssh.collect();
        let id = |agent: &str| agent.split('=').next().unwrap_or_default().to_owned();
        ssh.retain(|own| !options.ssh.iter().any(|other| id(other) == id(own)));
        ssh.extend(options.ssh.iter().cloned());
        let platforms = self.platforms(service, build);
        let hosts = build.extra_hosts.iter().map(|(name, addresses)| {
            let addresses: Vec<&str> = addresses.iter().map(|address| address.value.as_str()).collect();
            (name.clone(), addresses.join(","))
        });
        let said = |flag: bool, own: &Option<Spanned<bool>>| flag || own.is_some_and(|own| own.value);
        let attest = attestations(build, options);
        let output = if options.push && service.image.is_some() {
            "type=registry"
        } else if platforms.len() > 1 {
            // Several platforms are no single image that an engine of old could hold.
            "type=image"
        } else {
            "type=docker"
        };
        let shm_size = build.shm_size.map(|size| size.value.0.to_string());

        let mut definition = Definition(Map::new());
        definition.set("context", json!(context));
        definition.map("contexts", contexts);
        definition.set("dockerfile", json!(text(&build.dockerfile)));
        definition.set("dockerfile-inline", json!(text(&build.dockerfile_inline)));
        definition.map("args", args);
        definition.map("labels", labels);
        definition.set("tags", json!(tags));
        definition.list("cache-from", list(&build.cache_from));
        definition.list("cache-to", list(&build.cache_to));
        definition.set("target", json!(text(&build.target)));
        definition.list("secret", secrets);
        definition.list("ssh", ssh);
        definition.list("platforms", platforms);
        definition.set("pull", flag(said(options.pull, &build.pull)));
        definition.set("no-cache", flag(said(options.no_cache, &build.no_cache)));
        definition.list("no-cache-filter", list(&build.no_cache_filter));
        definition.set("network", json!(text(&build.network)));
        definition.set("shm-size", json!(shm_size));
        definition.list("ulimits", ulimits(&build.ulimits));
        definition.map("extra-hosts", hosts);
        definition.list("entitlements", entitlements(build));
        definition.list("attest", attest);
        if options.check {
            definition.set("call", json!("lint"));
        } else {
            definition.set("output", json!([output]));
        }
        definition.0
    }

    /// Names that no image can be given. Some builders would say so only when they have built it.
    fn check_names(&mut self, service: &Service, build: &Build) {
        for name in service.image.iter().chain(&build.tags) {
            let (why, hint) = match name.value.parse::<Reference>() {
                Err(invalid) => (invalid.to_string(), "write `registry/repository:tag`"),
                Ok(Reference { digest: Some(_), .. }) => (
                    format!(
                        "`{}` has a digest, which nothing that is still to be built has",
                        name.value
                    ),
                    "leave out the digest, or the file that pins it",
                ),
                Ok(_) => continue,
            };
            self.mistakes.push(Diagnostic::error(name.span, why).hint(hint));
        }
    }

    /// The platforms to build for: for containers that of the containers alone.
    fn platforms(&self, service: &Service, build: &Build) -> Vec<String> {
        if !self.options.to_platforms.is_empty() {
            return self.options.to_platforms.clone();
        }
        let own = self.project.platform(service).map(str::to_owned);
        let own = self.options.platforms.get(&service.name).cloned().or(own);
        match own {
            Some(own) if self.options.to_run || build.platforms.is_empty() => vec![own],
            None if self.options.to_run && build.platforms.len() > 1 => Vec::new(),
            _ => list(&build.platforms),
        }
    }

    /// A secret by its file or its variable; its content stands in no file and on no command line.
    fn secret(&mut self, reference: &FileReference) -> Option<String> {
        let key = &reference.source.value;
        let secret = self.project.secrets.get(key)?;
        let id = reference.target.as_ref().map_or(key.as_str(), |target| &target.value);
        if let Some(file) = &secret.file {
            let said = [("id", id), ("type", "file"), ("src", &file.value)];
            return Some(fields::written(&said));
        }
        if let Some(variable) = &secret.environment {
            if let Some(content) = self.project.environment.get(&variable.value) {
                self.variables.push((variable.value.clone(), content.clone()));
            }
            let said = [("id", id), ("type", "env"), ("env", &variable.value)];
            return Some(fields::written(&said));
        }
        let message = format!("secret `{key}` is external, so there is nothing to build with");
        let hint = "give it as a `file` or an `environment` variable";
        self.mistakes
            .push(Diagnostic::error(reference.span, message).hint(hint));
        None
    }
}

/// A target in the making, where what is not said is left out.
struct Definition(Map<String, Value>);

impl Definition {
    fn set(&mut self, name: &str, value: Value) {
        if !value.is_null() {
            self.0.insert(name.to_owned(), value);
        }
    }

    fn list(&mut self, name: &str, texts: Vec<String>) {
        self.set(name, if texts.is_empty() { Value::Null } else { texts.into() });
    }

    fn map(&mut self, name: &str, texts: impl IntoIterator<Item = (String, String)>) {
        let map: Map<String, Value> = texts.into_iter().map(|(key, text)| (key, json!(text))).collect();
        self.set(
            name,
            if map.is_empty() {
                Value::Null
            } else {
                Value::Object(map)
            },
        );
    }
}

fn flag(flag: bool) -> Value {
    if flag { json!(true) } else { Value::Null }
}

fn texts_of(mapping: &Mapping) -> impl Iterator<Item = (String, String)> {
    mapping.iter().map(|(key, value)| (key.clone(), value.value.clone()))
}

fn list(texts: &Texts) -> Vec<String> {
    texts.iter().map(|text| text.value.clone()).collect()
}

fn ulimits(ulimits: &IndexMap<String, Ulimit>) -> Vec<String> {
    let limit = |(name, limit): (&String, &Ulimit)| match (limit.single, limit.soft, limit.hard) {
        (Some(single), ..) => format!("{name}={single}"),
        (None, soft, hard) => format!("{name}={}:{}", soft.unwrap_or_default(), hard.unwrap_or_default()),
    };
    ulimits.iter().map(limit).collect()
}

/// What a build may do that builders forbid unless they are told.
pub(super) fn entitlements(build: &Build) -> Vec<String> {
    let mut entitlements = list(&build.entitlements);
    let insecure = "security.insecure";
    let privileged = build.privileged.is_some_and(|privileged| privileged.value);
    if privileged && !entitlements.iter().any(|known| known == insecure) {
        entitlements.push(insecure.to_owned());
    }
    entitlements
}

/// `provenance` and `sbom`: true, false, or their own settings.
fn attestations(build: &Build, options: &BuildOptions) -> Vec<String> {
    let attestation = |kind: &str, said: Option<&String>, own: &Option<Text>| {
        let said = said.or(own.as_ref().map(|own| &own.value));
        said.map(|said| match said.as_str() {
            "true" => format!("type={kind}"),
            "false" => format!("type={kind},disabled=true"),
            settings => format!("type={kind},{settings}"),
        })
    };
    [
        attestation("provenance", options.provenance.as_ref(), &build.provenance),
        attestation("sbom", options.sbom.as_ref(), &build.sbom),
    ]
    .into_iter()
    .flatten()
    .collect()
}

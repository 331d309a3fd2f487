//! What one target of a bake file asks of BuildKit. A pure function.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::filesync::Place;
use super::messages::{Cache, Caches};
use super::session::Secret;
use crate::diagnostic::Diagnostic;
use crate::engine::Api;
use crate::image::{Bake, Target, fields};

const HINT: &str = "install the docker CLI's plugin `buildx`: a builder of its own can do this";
/// The first engine whose BuildKit gives builds their own limits and shared memory: Docker 23.
const LIMITS: Api = Api(42);

/// What a target's own words ask for.
pub(super) struct Plan {
    pub(super) attributes: HashMap<String, String>,
    pub(super) names: String,
    pub(super) cache: Caches,
    pub(super) entitlements: Vec<String>,
    pub(super) places: HashMap<String, Place>,
    pub(super) secrets: HashMap<String, Secret>,
    pub(super) agents: HashMap<String, PathBuf>,
    /// The same for the same folders: by it BuildKit knows again what it was sent before.
    pub(super) key: String,
}

/// Says what is to be done, or all that cannot be.
pub(super) fn plan(target: &Target, bake: &Bake, api: Api) -> Result<Plan, Vec<Diagnostic>> {
    let mut planning = Planning {
        target,
        bake,
        plan: Plan {
            attributes: HashMap::new(),
            names: texts(&target.definition, "tags").join(","),
            cache: Caches::default(),
            entitlements: texts(&target.definition, "entitlements"),
            places: HashMap::new(),
            secrets: HashMap::new(),
            agents: HashMap::new(),
            key: String::new(),
        },
        attribute: "",
        mistakes: Vec::new(),
    };
    planning.files();
    for (name, value) in &target.definition {
        planning.attribute = name;
        planning.attribute(name, value, api);
    }
    planning.tell_imports();
    if planning.mistakes.is_empty() {
        Ok(planning.plan)
    } else {
        Err(planning.mistakes)
    }
}

struct Planning<'a> {
    target: &'a Target,
    bake: &'a Bake,
    plan: Plan,
    /// The attribute that is looked at, as the bake file calls it.
    attribute: &'a str,
    mistakes: Vec<Diagnostic>,
}

impl Planning<'_> {
    fn refuse(&mut self, what: &str) {
        let message = format!("the engine's own BuildKit cannot honour {what}");
        self.mistakes
            .push(Diagnostic::error(self.target.place(self.attribute), message).hint(HINT));
    }

    fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.plan.attributes.insert(name.into(), value.into());
    }

    /// The context and the Dockerfile.
    fn files(&mut self) {
        let definition = &self.target.definition;
        let context = text(definition, "context").unwrap_or_default();
        let dockerfile = text(definition, "dockerfile").unwrap_or("Dockerfile");
        let inline = text(definition, "dockerfile-inline");
        let elsewhere = !context.starts_with('/');
        let mut folders = context.to_owned();
        if elsewhere {
            self.set("context", context);
        } else {
            let place = Place::Folder(context.into());
            self.plan.places.insert("context".to_owned(), place);
        }
        if let Some(text) = inline {
            let place = Place::Text {
                name: "Dockerfile".to_owned(),
                text: text.to_owned(),
            };
            self.plan.places.insert("dockerfile".to_owned(), place);
            self.set("filename", "Dockerfile");
            if elsewhere {
                // Or it would be looked for where the context is.
                self.set("dockerfilekey", "dockerfile");
            }
            folders += "\0inline";
        } else if elsewhere {
            self.set("filename", dockerfile);
        } else {
            let path = Path::new(context).join(dockerfile);
            let name = path
                .file_name()
                .map_or_else(String::new, |name| name.display().to_string());
            let folder = path.parent().unwrap_or(&path).to_owned();
            folders += &format!("\0{}", folder.display());
            self.plan.places.insert("dockerfile".to_owned(), Place::Folder(folder));
            self.set("filename", name);
        }
        let digest = Sha256::digest(folders);
        self.plan.key = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    }

    fn attribute(&mut self, name: &str, value: &Value, api: Api) {
        let definition = &self.target.definition;
        let one = value.as_str().unwrap_or_default();
        let many = texts(definition, name);
        let pairs = || pairs(value);
        match name {
            "context" | "dockerfile" | "dockerfile-inline" | "tags" | "entitlements" | "output" => {}
            "args" => pairs().for_each(|(key, value)| self.set(format!("build-arg:{key}"), value)),
            "labels" => pairs().for_each(|(key, value)| self.set(format!("label:{key}"), value)),
            "target" => self.set("target", one),
            "pull" => self.set("image-resolve-mode", "pull"),
            "no-cache" => self.set("no-cache", ""),
            "no-cache-filter" => self.set("no-cache", many.join(",")),
            "platforms" if many.len() == 1 => self.set("platform", many.join("")),
            "platforms" => self.refuse("several `platforms`"),
            "network" => match one {
                "host" => {
                    self.plan.entitlements.push("network.host".to_owned());
                    self.set("force-network-mode", "host");
                }
                "none" => self.set("force-network-mode", "none"),
                "default" | "" => {}
                other => self.refuse(&format!("`network: {other}`")),
            },
            "shm-size" | "ulimits" if api < LIMITS => {
                let what = name.replace('-', "_");
                self.refuse(&format!("`{what}`, for which it is too old"));
            }
            "shm-size" => self.set("shm-size", one),
            "ulimits" => self.set("ulimit", many.join(",")),
            "extra-hosts" => {
                let each = pairs().flat_map(|(name, addresses)| {
                    let addresses: Vec<_> = addresses.split(',').map(str::to_owned).collect();
                    addresses.into_iter().map(move |address| format!("{name}={address}"))
                });
                let hosts: Vec<_> = each.collect();
                self.set("add-hosts", hosts.join(","));
            }
            "cache-from" => many.iter().for_each(|said| self.import(said)),
            "cache-to" => many.iter().for_each(|said| self.export(said)),
            "contexts" => pairs().for_each(|(name, place)| self.context(&name, place)),
            "secret" => many.iter().for_each(|said| self.secret(said)),
            "ssh" => many.iter().for_each(|said| self.agent(said)),
            "attest" if many.iter().all(|said| said.ends_with(",disabled=true")) => {}
            "attest" => self.refuse("`provenance` and `sbom`"),
            other => self.refuse(&format!("`{}`", other.replace('-', "_"))),
        }
    }

    fn import(&mut self, said: &str) {
        let (kind, attributes) = cache(said);
        if kind != "registry" {
            return self.refuse(&format!("`cache_from` of type `{kind}`"));
        }
        self.plan.cache.imports.push(Cache { kind, attributes });
    }

    /// A frontend looks for caches itself, and reads of them here; what stands beside it counts for definitions without
    /// one.
    fn tell_imports(&mut self) {
        let imports = self.plan.cache.imports.iter();
        let imports: Vec<_> = imports
            .map(|cache| json!({"Type": cache.kind, "Attrs": cache.attributes}))
            .collect();
        if !imports.is_empty() {
            self.set("cache-imports", Value::from(imports).to_string());
        }
    }

    fn export(&mut self, said: &str) {
        let (kind, attributes) = cache(said);
        if kind != "inline" {
            return self.refuse(&format!("`cache_to` of type `{kind}`"));
        }
        self.plan.cache.exports.push(Cache { kind, attributes });
    }

    fn context(&mut self, name: &str, place: String) {
        // Frontends that know of none would build from something else.
        self.set("frontend.caps", "moby.buildkit.frontend.contexts");
        let place = if let Some(other) = place.strip_prefix("target:") {
            let other = self.bake.targets.iter().find(|target| target.name == other);
            format!("docker-image://{}", other.map_or("", |target| target.image.as_str()))
        } else if place.starts_with('/') {
            let local = format!("context:{name}");
            let folder = Place::Folder(place.into());
            self.plan.places.insert(local.clone(), folder);
            format!("local:{local}")
        } else if place.starts_with("oci-layout:") {
            return self.refuse("contexts that begin with `oci-layout:`");
        } else {
            place
        };
        self.set(format!("context:{name}"), place);
    }

    fn secret(&mut self, said: &str) {
        let said = fields::read(said);
        let of = |name: &str| said.get(name).cloned().unwrap_or_default();
        let secret = if of("type") == "file" {
            Secret::File(of("src").into())
        } else {
            let variable = of("env");
            let known = self.bake.variables.iter().find(|(name, _)| *name == variable);
            let Some((_, content)) = known else { return };
            Secret::Content(content.clone())
        };
        self.plan.secrets.insert(of("id"), secret);
    }

    /// A key without an agent would have to be read here, with its passphrase.
    fn agent(&mut self, said: &str) {
        let (id, path) = said.split_once('=').unwrap_or((said, ""));
        let path = if path.is_empty() {
            self.bake.ssh_agent.clone()
        } else {
            Some(path.into())
        };
        let Some(path) = path else {
            let message = format!("`ssh: {id}` has no agent to ask");
            let mistake = Diagnostic::error(self.target.place("ssh"), message);
            return self
                .mistakes
                .push(mistake.hint("start one (`eval $(ssh-agent); ssh-add`), or name its socket"));
        };
        self.plan.agents.insert(id.to_owned(), path);
    }
}

fn text<'a>(definition: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    definition.get(name).and_then(Value::as_str)
}

fn texts(definition: &Map<String, Value>, name: &str) -> Vec<String> {
    let list = definition.get(name).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

fn pairs(value: &Value) -> impl Iterator<Item = (String, String)> + use<> {
    let map = value.as_object().cloned().unwrap_or_default();
    map.into_iter()
        .map(|(key, value)| (key, value.as_str().unwrap_or_default().to_owned()))
}

/// `type=registry,ref=…`, or a reference alone.
fn cache(said: &str) -> (String, HashMap<String, String>) {
    if !said.contains('=') {
        let attributes = HashMap::from([("ref".to_owned(), said.to_owned())]);
        return ("registry".to_owned(), attributes);
    }
    let mut attributes = fields::read(said);
    (attributes.remove("type").unwrap_or_default(), attributes)
}

//! `meta.json`: one context, as the docker CLI writes it.
//!
//! The JSON is kept as it was read, so that keys which only other tools know survive a change.

use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde_json::{Map, Value, json};

use super::{Context, Credentials, DockerEndpoint, EcsEndpoint, Target};

#[derive(Clone, Debug)]
pub(super) struct Metadata(Map<String, Value>);

impl Metadata {
    pub(super) fn new(context: &Context) -> Self {
        let mut metadata = Self(Map::from_iter([
            ("Name".to_owned(), json!(context.name)),
            ("Metadata".to_owned(), json!({})),
            ("Endpoints".to_owned(), json!({})),
        ]));
        metadata.set(context);
        metadata
    }

    pub(super) fn parse(text: &str) -> serde_json::Result<Self> {
        let metadata = Self(serde_json::from_str(text)?);
        if metadata.0.get("Name").and_then(Value::as_str).is_none() {
            return Err(serde_json::Error::custom("there is no `Name`"));
        }
        Ok(metadata)
    }

    /// Writes what a context says over what is there.
    pub(super) fn set(&mut self, context: &Context) {
        let about = self.object("Metadata");
        set_or_remove(
            about,
            "Description",
            json!(context.description),
            context.description.is_empty(),
        );
        // The docker CLI itself writes no type: without one, the context is an engine.
        let engine = matches!(context.target, Target::Docker(_));
        set_or_remove(about, "Type", json!(context.target.kind()), engine);

        let endpoints = self.object("Endpoints");
        match &context.target {
            Target::Docker(endpoint) => {
                let docker = object(endpoints, "docker");
                set_or_remove(docker, "Host", json!(endpoint.host), endpoint.host.is_none());
                docker.insert("SkipTLSVerify".to_owned(), json!(endpoint.skip_tls_verify));
            }
            Target::Ecs(endpoint) | Target::EcsLocal(endpoint) => {
                // Without a `docker` endpoint the docker CLI could not list the context.
                object(endpoints, "docker")
                    .entry("SkipTLSVerify")
                    .or_insert(json!(false));
                let ecs = object(endpoints, context.target.kind());
                let (from_env, profile) = match &endpoint.credentials {
                    Credentials::Environment => (true, None),
                    Credentials::Profile(profile) => (false, Some(profile)),
                };
                set_or_remove(ecs, "CredentialsFromEnv", json!(true), !from_env);
                set_or_remove(ecs, "Profile", json!(profile), profile.is_none());
                set_or_remove(ecs, "Region", json!(endpoint.region), endpoint.region.is_none());
                set_or_remove(ecs, "Account", json!(endpoint.account), endpoint.account.is_none());
            }
            Target::Other(_) => {}
        }
    }

    /// The context that this describes. `tls` is the folder of its TLS material, if there is one.
    pub(super) fn context(&self, tls: Option<PathBuf>) -> Context {
        let about = self.0.get("Metadata");
        let kind = text(about, "Type").unwrap_or_else(|| "moby".to_owned());
        let target = match kind.as_str() {
            "moby" | "docker" => Target::Docker(self.docker_endpoint(tls)),
            "ecs" => Target::Ecs(self.ecs_endpoint(&kind)),
            "ecs-local" => Target::EcsLocal(self.ecs_endpoint(&kind)),
            _ => Target::Other(kind),
        };
        Context {
            name: text(Some(&Value::Object(self.0.clone())), "Name").unwrap_or_default(),
            description: text(about, "Description").unwrap_or_default(),
            target,
        }
    }

    /// One line without an end, as the docker CLI writes it: Go's encoder escapes what could be HTML.
    pub(super) fn to_json(&self) -> String {
        let text = Value::Object(self.0.clone()).to_string();
        text.replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026")
            .replace('\u{2028}', "\\u2028")
            .replace('\u{2029}', "\\u2029")
    }

    /// What `inspect` shows: all of it, the names of its TLS files, and where it stands.
    pub(super) fn inspected(&self, tls_files: Value, metadata_path: &Path, tls_path: &Path) -> Value {
        let mut all = self.0.clone();
        all.insert("TLSMaterial".to_owned(), tls_files);
        all.insert(
            "Storage".to_owned(),
            json!({"MetadataPath": metadata_path, "TLSPath": tls_path}),
        );
        Value::Object(all)
    }

    fn docker_endpoint(&self, tls: Option<PathBuf>) -> DockerEndpoint {
        let docker = self.0.get("Endpoints").and_then(|endpoints| endpoints.get("docker"));
        DockerEndpoint {
            host: text(docker, "Host"),
            skip_tls_verify: flag(docker, "SkipTLSVerify"),
            tls,
            api: None,
        }
    }

    fn ecs_endpoint(&self, kind: &str) -> EcsEndpoint {
        let ecs = self.0.get("Endpoints").and_then(|endpoints| endpoints.get(kind));
        EcsEndpoint {
            credentials: match text(ecs, "Profile") {
                Some(profile) if !flag(ecs, "CredentialsFromEnv") => Credentials::Profile(profile),
                _ => Credentials::Environment,
            },
            region: text(ecs, "Region"),
            account: text(ecs, "Account"),
        }
    }

    fn object(&mut self, key: &str) -> &mut Map<String, Value> {
        object(&mut self.0, key)
    }
}

/// The object below a key, made where there is none.
fn object<'a>(parent: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let value = parent.entry(key).or_insert(Value::Null);
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(object) => object,
        _ => unreachable!("it has just become one"),
    }
}

fn set_or_remove(object: &mut Map<String, Value>, key: &str, value: Value, remove: bool) {
    if remove {
        object.shift_remove(key);
    } else {
        object.insert(key.to_owned(), value);
    }
}

/// A text that is there and not empty.
fn text(object: Option<&Value>, key: &str) -> Option<String> {
    let text = object?.get(key)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

fn flag(object: Option<&Value>, key: &str) -> bool {
    object
        .and_then(|object| object.get(key))
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

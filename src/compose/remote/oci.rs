//! Compose projects in registries, as `docker compose publish` puts them there.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Trouble;
use crate::blocking;
use crate::registry::{Client, Failure, Manifest, Reference, is_digest};

pub(super) const COMPOSE_FILE: &str = "compose.yaml";
const PROJECT: &str = "application/vnd.docker.compose.project";
/// What says that a manifest is a project where registries know no types of artifacts.
const OLD_PROJECT: &str = "application/vnd.docker.compose.config.empty.v1+json";
const YAML: &str = "application/vnd.docker.compose.file+yaml";
const VARIABLES: &str = "application/vnd.docker.compose.envfile";

/// The annotation of a Compose file that another one extends, and those with the files' names.
const EXTENDED: &str = "com.docker.compose.extends";
const FILE_NAME: &str = "com.docker.compose.file";
const VARIABLES_NAME: &str = "com.docker.compose.envfile";

/// As for files of this machine.
const LARGEST_FILE: u64 = 8 << 20;
const MOST_FILES: usize = 100;

/// The folder with the files of the project that a registry has under a name.
pub(super) fn fetch(image: &str, client: &Client, cache: &Path) -> Result<PathBuf, Trouble> {
    let image: Reference = image.parse().map_err(|error| {
        let error: crate::registry::InvalidReference = error;
        Trouble::new(error.why, "write `oci://registry/repository:tag`")
    })?;
    let place = |digest: &str| cache.join(format!("oci-{}", digest.replace(':', "-")));
    if let Some(digest) = &image.digest
        && place(digest).is_dir()
    {
        return Ok(place(digest));
    }
    let work = async {
        let manifest = client.manifest(&image).await?;
        let tree = place(&manifest.digest);
        if !tree.is_dir() {
            let parts = parts(&image, manifest, client).await?;
            write(&parts, cache, &tree)?;
        }
        Ok(tree)
    };
    blocking::wait(work).map_err(|error| Trouble::here("cannot start the runtime", &error))?
}

/// A file of the project: its name and content.
struct Part {
    name: String,
    content: Vec<u8>,
}

/// A manifest of a project, or of several things of which one is a project.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    artifact_type: String,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    artifact_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    annotations: std::collections::HashMap<String, String>,
}

impl Document {
    fn read(manifest: &Manifest) -> Result<Self, Trouble> {
        serde_json::from_slice(&manifest.content).map_err(|_| no_project("it has no manifest that can be read"))
    }

    fn is_project(&self) -> bool {
        let config = self.config.as_ref().map_or("", |config| config.media_type.as_str());
        self.artifact_type == PROJECT || self.artifact_type.is_empty() && config == OLD_PROJECT
    }
}

async fn parts(image: &Reference, manifest: Manifest, client: &Client) -> Result<Vec<Part>, Trouble> {
    let mut document = Document::read(&manifest)?;
    let inner = document.manifests.iter().find(|inner| inner.artifact_type == PROJECT);
    if let Some(inner) = inner.filter(|inner| is_digest(&inner.digest)) {
        document = Document::read(&client.manifest(&image.with_digest(&inner.digest)).await?)?;
    }
    if !document.is_project() {
        return Err(no_project(
            "it is an image, or something else that is no Compose project",
        ));
    }
    if document.layers.len() > MOST_FILES {
        return Err(no_project("it has more than 100 files"));
    }
    let mut parts: Vec<Part> = Vec::new();
    for layer in &document.layers {
        let Some(name) = layer.name()? else { continue };
        if layer.size > LARGEST_FILE {
            return Err(no_project("one of its files is larger than 8 MiB"));
        }
        if !is_digest(&layer.digest) {
            return Err(no_project("one of its files has a digest that cannot be checked"));
        }
        let content = client.blob(image, &layer.digest, layer.size).await?;
        match parts.iter_mut().find(|part| part.name == name) {
            // Files that override each other are documents of one file.
            Some(part) if layer.media_type == YAML => {
                part.content.extend_from_slice(b"\n---\n");
                part.content.extend_from_slice(&content);
            }
            Some(part) => part.content = content,
            None => parts.push(Part { name, content }),
        }
    }
    if parts.iter().any(|part| part.name == COMPOSE_FILE) {
        Ok(parts)
    } else {
        Err(no_project("it has no Compose file"))
    }
}

impl Descriptor {
    /// The name of the file that a layer holds; none for what is no file of a project.
    fn name(&self) -> Result<Option<String>, Trouble> {
        let annotation = match self.media_type.as_str() {
            YAML if self.annotations.contains_key(EXTENDED) => FILE_NAME,
            YAML => return Ok(Some(COMPOSE_FILE.to_owned())),
            VARIABLES => VARIABLES_NAME,
            _ => return Ok(None),
        };
        match self.annotations.get(annotation) {
            // A name that is a path could lead anywhere.
            Some(name) if !name.contains(['/', '\\', '\0']) && !["", ".", ".."].contains(&name.as_str()) => {
                Ok(Some(name.clone()))
            }
            Some(_) => Err(no_project("one of its files has a name that leads out of it")),
            None => Err(no_project("one of its files has no name")),
        }
    }
}

/// Writes the files where nobody sees half of them.
fn write(parts: &[Part], cache: &Path, tree: &Path) -> Result<(), Trouble> {
    let here = |error| Trouble::here("cannot write to the cache", &error);
    let staging = tempfile::Builder::new()
        .prefix("fetching-")
        .tempdir_in(cache)
        .map_err(here)?;
    for part in parts {
        std::fs::write(staging.path().join(&part.name), &part.content).map_err(here)?;
    }
    match std::fs::rename(staging.path(), tree) {
        Ok(()) => Ok(()),
        // Somebody else fetched the same at the same time.
        Err(_) if tree.is_dir() => Ok(()),
        Err(error) => Err(here(error)),
    }
}

fn no_project(why: &str) -> Trouble {
    Trouble::new(why, "name what `docker compose publish` has put into the registry")
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        let hint = failure.hint();
        Self::new(failure.to_string(), hint)
    }
}

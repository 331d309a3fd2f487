//! Models, which Docker's plugin `model` runs.

use std::path::Path;

use serde::Deserialize;

use super::{Sources, last_lines, set};
use crate::backend::Io;
use crate::compose::Project;
use crate::context::plugin;
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};

/// From this version on the plugin passes flags on to what runs the model.
const WITH_FLAGS: (u64, u64, u64) = (1, 0, 6);

#[derive(Deserialize)]
struct Status {
    endpoint: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct About {
    version: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Listed {
    tags: Vec<String>,
}

impl Sources<'_> {
    /// Sees to it that the models are there, and tells the services where.
    pub(super) async fn models(&self, project: &mut Project, io: &Io) -> Result<()> {
        let used = |name: &String| {
            let mut services = project.services.values();
            services.any(|service| service.models.contains_key(name))
        };
        let models: Vec<_> = project
            .models
            .iter()
            .filter(|(name, _)| used(name))
            .map(|(name, model)| (name.clone(), model.clone()))
            .collect();
        let Some((_, first)) = models.first() else {
            return Ok(());
        };
        let program = plugin("model", self.docker_config.as_deref()).ok_or_else(|| -> Error {
            let message = "models need the docker CLI's plugin `model`, which is not installed";
            vec![Diagnostic::error(first.span, message).hint(
                "install Docker Model Runner (the package `docker-model-plugin`), or run the model by other means and \
                 give the services its address in `environment`",
            )]
            .into()
        })?;
        let status: Status = self.ask(&program, project, &["status", "--json"]).await?;
        let listed: Vec<Listed> = self.ask(&program, project, &["ls", "--json"]).await?;
        let about: About = self
            .ask(&program, project, &["docker-cli-plugin-metadata"])
            .await
            .unwrap_or_default();
        for (name, model) in &models {
            let object = format!("Model {name}");
            let there = listed.iter().any(|listed| listed.tags.contains(&model.model.value));
            if !there {
                io.progress.working(&object, "Pulling");
                self.call(&program, project, &["pull", &model.model.value]).await?;
            }
            let size = model.context_size.map(|size| size.value.to_string());
            let mut arguments = vec!["configure"];
            if let Some(size) = &size {
                arguments.extend(["--context-size", size]);
            }
            arguments.push(&model.model.value);
            if !model.runtime_flags.is_empty() && version(&about.version) >= WITH_FLAGS {
                arguments.push("--");
                arguments.extend(model.runtime_flags.iter().map(|flag| flag.value.as_str()));
            }
            self.call(&program, project, &arguments).await?;
            io.progress.done(&object, "Configured");
        }
        for service in project.services.values_mut() {
            for (name, use_of) in service.models.clone() {
                let Some((_, model)) = models.iter().find(|(other, _)| *other == name) else {
                    continue;
                };
                let prefix = name.to_uppercase().replace('-', "_");
                let called = |own: Option<crate::compose::Text>, end: &str| {
                    own.map_or_else(|| format!("{prefix}_{end}"), |own| own.value)
                };
                set(service, called(use_of.model_var, "MODEL"), &model.model.value);
                set(service, called(use_of.endpoint_var, "URL"), &status.endpoint);
            }
        }
        Ok(())
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        program: &Path,
        project: &Project,
        arguments: &[&str],
    ) -> Result<T> {
        let text = self.call(program, project, arguments).await?;
        serde_json::from_str(&text).map_err(|error| {
            let command = format!("`docker model {}`", arguments.join(" "));
            Error::new(format!("cannot understand what {command} says")).because(&error)
        })
    }

    async fn call(&self, program: &Path, project: &Project, arguments: &[&str]) -> Result<String> {
        let failed = || Error::new(format!("`docker model {}` failed", arguments.join(" ")));
        let output = self.command(program, project).args(arguments).output().await;
        let output = output.map_err(|error| failed().because(&error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = last_lines(&String::from_utf8_lossy(&output.stderr));
        Err(if said.is_empty() { failed() } else { failed().hint(said) })
    }
}

fn version(text: &str) -> (u64, u64, u64) {
    let mut parts = text.trim_start_matches('v').split(['.', '-', '+']);
    let mut next = || parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    (next(), next(), next())
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions() {
        assert_eq!(version("v1.0.12-rc1"), (1, 0, 12));
        assert_eq!(version(""), (0, 0, 0));
        assert!(version("v1.0.4") < super::WITH_FLAGS);
    }
}

//! The lists that `ctx config` prints instead of the project.
//!
//! Long because it has that many options, and each is one line of help.

use std::collections::BTreeSet;
use std::fmt::Write;

use clap::Args;

use crate::compose::{self, Project};
use crate::local;

/// What to list instead of the project.
#[derive(Args, Debug)]
#[group(multiple = false)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct List {
    /// List the names of the services
    #[arg(long = "services")]
    service_names: bool,
    /// List the names of the volumes
    #[arg(long)]
    volumes: bool,
    /// List the names of the networks
    #[arg(long)]
    networks: bool,
    /// List the names of the models
    #[arg(long)]
    models: bool,
    /// List the images
    #[arg(long)]
    images: bool,
    /// List the profiles
    #[arg(long)]
    profiles: bool,
    /// List the variables that the files may use
    #[arg(long)]
    pub(super) variables: bool,
    /// List these services, or `*` for all, with the hashes by which their containers are known
    #[arg(long, value_name = "SERVICE,…")]
    hash: Option<String>,
    /// List the variables that interpolation sees
    #[arg(long)]
    environment: bool,
}

impl List {
    /// The list that was asked for, a line an entry; nothing when none was.
    pub(super) fn text(&self, project: &Project) -> Option<String> {
        let lines = |names: BTreeSet<String>| names.into_iter().fold(String::new(), |all, name| all + &name + "\n");
        let keys = |names: &mut dyn Iterator<Item = &String>| lines(names.cloned().collect());
        let services = project.services.values();
        if self.service_names {
            Some(keys(&mut project.services.keys()))
        } else if self.volumes {
            Some(keys(&mut project.volumes.keys()))
        } else if self.networks {
            Some(keys(&mut project.networks.keys()))
        } else if self.models {
            Some(keys(&mut project.models.keys()))
        } else if self.images {
            let image = |service: &compose::Service| crate::image::name(project, service);
            Some(
                services
                    .map(image)
                    .fold(String::new(), |all, image| all + &image + "\n"),
            )
        } else if self.profiles {
            let services = services.chain(project.disabled_services.values());
            let profiles = services.flat_map(|service| &service.profiles);
            Some(lines(profiles.map(|profile| profile.value.clone()).collect()))
        } else if let Some(wanted) = &self.hash {
            let wanted: Vec<_> = wanted.split(',').collect();
            let services = services.filter(|service| wanted.contains(&"*") || wanted.contains(&service.name.as_str()));
            let hash = |service| local::service_hashes(service).swap_remove(0);
            Some(lines(
                services
                    .map(|service| format!("{} {}", service.name, hash(service)))
                    .collect(),
            ))
        } else if self.variables {
            Some(variables(project))
        } else if self.environment {
            let variables = project.environment.iter();
            Some(lines(
                variables.map(|(name, value)| format!("{name}={value}")).collect(),
            ))
        } else {
            None
        }
    }
}

/// A table of the variables that the files name.
fn variables(project: &Project) -> String {
    let mut text = format!(
        "{:30}{:12}{:20}{}\n",
        "NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"
    );
    for variable in compose::variables(&project.tree) {
        let default = variable.default.as_deref().unwrap_or_default();
        let alternate = variable.alternate.as_deref().unwrap_or_default();
        let _ = writeln!(
            text,
            "{:30}{:12}{default:20}{alternate}",
            variable.name, variable.required
        );
    }
    text
}

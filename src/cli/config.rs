//! `ctx config`
//!
//! Long because it has that many options, and each is one line of help.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::environment::Environment;
use crate::compose::{self, Loaded, Project, Skip, canonical, load};
use crate::error::Result;
use crate::ui;

/// Print the project as it is after loading
#[derive(Args, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Arguments {
    /// Format of the project
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    format: Format,
    /// Only check the files, print nothing
    #[arg(short, long)]
    quiet: bool,
    /// File to write instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    list: List,
    /// Leave variables as they are written
    #[arg(long)]
    no_interpolate: bool,
    /// Leave out defaults that nobody wrote, and keep what nobody uses
    #[arg(long)]
    no_normalize: bool,
    /// Leave relative paths as they are
    #[arg(long)]
    no_path_resolution: bool,
    /// Do not check whether references lead anywhere
    #[arg(long)]
    no_consistency: bool,
    /// Do not read env files
    #[arg(long)]
    no_env_resolution: bool,
    /// Services to print, with their dependencies [default: all]
    services: Vec<String>,
}

/// What to list instead of the project.
#[derive(Args, Debug)]
#[group(multiple = false)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct List {
    /// List the names of the services
    #[arg(long = "services")]
    service_names: bool,
    /// List the names of the volumes
    #[arg(long)]
    volumes: bool,
    /// List the names of the networks
    #[arg(long)]
    networks: bool,
    /// List the images
    #[arg(long)]
    images: bool,
    /// List the profiles
    #[arg(long)]
    profiles: bool,
    /// List the variables that the files may use
    #[arg(long)]
    variables: bool,
    /// List the variables that interpolation sees
    #[arg(long)]
    environment: bool,
}

#[derive(Clone, Copy, ValueEnum, Debug)]
enum Format {
    Yaml,
    Json,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let mut options = environment.load_options(&arguments.services)?;
    options.skip = Skip {
        // Variables can only be listed where they still are.
        interpolation: arguments.no_interpolate || arguments.list.variables,
        normalization: arguments.no_normalize,
        path_resolution: arguments.no_path_resolution,
        consistency: arguments.no_consistency,
        environment: arguments.no_env_resolution,
    };
    let Loaded { project, report } = load(&options)?;
    environment.show(&report);
    if arguments.quiet {
        return Ok(0);
    }
    let text = arguments.list.text(&project).unwrap_or_else(|| match arguments.format {
        Format::Json if arguments.no_interpolate => canonical::to_json(&canonical::tree(&project.tree)),
        Format::Yaml if arguments.no_interpolate => canonical::to_yaml(&canonical::tree(&project.tree)),
        Format::Json => canonical::to_json(&canonical::project_json(&project)),
        Format::Yaml => canonical::to_yaml(&canonical::project_yaml(&project)),
    });
    ui::output::document(&text, arguments.output.as_deref())?;
    Ok(0)
}

impl List {
    /// The list that was asked for, a line an entry; nothing when none was.
    fn text(&self, project: &Project) -> Option<String> {
        let lines = |names: BTreeSet<String>| names.into_iter().fold(String::new(), |all, name| all + &name + "\n");
        let keys = |names: &mut dyn Iterator<Item = &String>| lines(names.cloned().collect());
        let services = project.services.values();
        if self.service_names {
            Some(keys(&mut project.services.keys()))
        } else if self.volumes {
            Some(keys(&mut project.volumes.keys()))
        } else if self.networks {
            Some(keys(&mut project.networks.keys()))
        } else if self.images {
            let image = |service: &compose::Service| match &service.image {
                Some(image) => image.value.clone(),
                None => format!("{}-{}", project.name, service.name),
            };
            Some(
                services
                    .map(image)
                    .fold(String::new(), |all, image| all + &image + "\n"),
            )
        } else if self.profiles {
            let services = services.chain(project.disabled_services.values());
            let profiles = services.flat_map(|service| &service.profiles);
            Some(lines(profiles.map(|profile| profile.value.clone()).collect()))
        } else if self.variables {
            Some(variables(project))
        } else if self.environment {
            let mut text = String::new();
            for (name, value) in &project.environment {
                let _ = writeln!(text, "{name}={value}");
            }
            Some(text)
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

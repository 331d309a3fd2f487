//! `ctx config`

mod list;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use self::list::List;
use super::digests::Digests;
use super::environment::Environment;
use crate::compose::{Loaded, Skip, canonical, images, load};
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
    #[command(flatten)]
    digests: Digests,
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
    let Loaded {
        mut project,
        mut report,
    } = load(&options)?;
    let unknown = arguments.digests.apply(environment, &mut project)?;
    report.diagnostics.extend(unknown);
    if report.has_errors() {
        return Err(report.into());
    }
    environment.show(&report);
    if arguments.quiet {
        return Ok(0);
    }
    let lock = || images::lock(&project, !arguments.no_interpolate);
    let lock = arguments.digests.lock_image_digests.then(lock);
    let tree = lock.as_ref().or(arguments.no_interpolate.then_some(&project.tree));
    let text = arguments
        .list
        .text(&project)
        .unwrap_or_else(|| match (arguments.format, tree) {
            (Format::Json, Some(tree)) => canonical::tree_json(tree),
            (Format::Yaml, Some(tree)) => canonical::tree_yaml(tree),
            (Format::Json, None) => canonical::project_json(&project),
            (Format::Yaml, None) => canonical::project_yaml(&project),
        });
    ui::output::document(&text, arguments.output.as_deref())?;
    Ok(0)
}

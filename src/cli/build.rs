//! `ctx build`

use clap::Args;

use super::environment::Environment;
use crate::error::Result;
use crate::image::{BuildOptions, bake};
use crate::ui;

/// Build the images of the project's services into the engine
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Value for a build argument; may be repeated. Without a value it is the variable's of the same name
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]")]
    build_args: Vec<String>,
    /// Instance of `buildx` to build with
    #[arg(long, value_name = "NAME")]
    builder: Option<String>,
    /// Use nothing that was built before
    #[arg(long)]
    no_cache: bool,
    /// Look for newer base images
    #[arg(long)]
    pull: bool,
    /// Push the images that have a name of their own
    #[arg(long)]
    push: bool,
    /// Build for other platforms than the files say; may be repeated
    #[arg(long = "platform", value_name = "PLATFORM", value_delimiter = ',')]
    platforms: Vec<String>,
    /// Agents that builds may ask, as `default` or `ID=SOCKET`; may be repeated
    #[arg(long, value_name = "ID[=SOCKET]")]
    ssh: Vec<String>,
    /// Attest how the images were built: true, false, or settings
    #[arg(long, value_name = "SETTINGS", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    provenance: Option<String>,
    /// Attest what is in the images: true, false, or settings
    #[arg(long, value_name = "SETTINGS", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    sbom: Option<String>,
    /// Print what `docker buildx bake` would build, and build nothing
    #[arg(long)]
    print: bool,
    /// Check the Dockerfiles, and build nothing
    #[arg(long)]
    check: bool,
    /// Show only mistakes
    #[arg(short, long)]
    quiet: bool,
    /// Also build what the services depend on
    #[arg(long)]
    with_dependencies: bool,
    /// Services to build [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let (project, report) = environment.project_and_report(&arguments.services)?;
    let build_args = arguments.build_args.iter().filter_map(|argument| {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, value),
            None => (argument.as_str(), environment.variable(argument)?),
        };
        Some((name.to_owned(), value.to_owned()))
    });
    let options = BuildOptions {
        build_args: build_args.collect(),
        no_cache: arguments.no_cache,
        pull: arguments.pull,
        push: arguments.push,
        check: arguments.check,
        builder: arguments.builder.clone(),
        with_dependencies: arguments.with_dependencies,
        to_platforms: arguments.platforms.clone(),
        ssh: arguments.ssh.clone(),
        provenance: arguments.provenance.clone(),
        sbom: arguments.sbom.clone(),
        ..BuildOptions::default()
    };
    let named = |name: &String| arguments.services.is_empty() || arguments.services.contains(name);
    let services = project.services.values().filter(|service| named(&service.name));
    let with_sources = |error: crate::error::Error| error.with_sources(&report.sources);
    let bake = bake(&project, services, &options).map_err(with_sources)?;
    if arguments.print {
        return ui::output::document(&bake.to_json(), None).map(|()| 0);
    }
    environment.run_shown(arguments.quiet, async |io| {
        let built = environment.builder()?.build(&bake, &options, &io).await;
        ui::output::document(&built.map_err(with_sources)?, None)?;
        Ok(0)
    })
}

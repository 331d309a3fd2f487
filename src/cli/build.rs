//! `ctx build`

use clap::Args;

use super::environment::Environment;
use crate::compose::ByteSize;
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
    /// Memory for the containers of the engine's first builder, as `512m`; BuildKit knows no such limit
    #[arg(short, long, value_name = "BYTES", value_parser = memory)]
    memory: Option<i32>,
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

/// The engine's builder takes 31 bits.
fn memory(text: &str) -> std::result::Result<i32, String> {
    let size = ByteSize::parse(text).and_then(|size| i32::try_from(size.0).ok());
    size.ok_or_else(|| "write less than 2 GiB, as in `512m`".to_owned())
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let (project, report) = environment.project_and_report(&arguments.services)?;
    let build_args = environment.assignments(&arguments.build_args).into_iter();
    let build_args = build_args.filter_map(|said| said.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned())));
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
        memory: arguments.memory,
        ..BuildOptions::default()
    };
    let named = |name: &String| arguments.services.is_empty() || arguments.services.contains(name);
    let services = project.services.values().filter(|service| named(&service.name));
    let with_sources = |error: crate::error::Error| error.with_sources(&report.sources);
    let bake = bake(&project, services, &options).map_err(with_sources)?;
    if arguments.print {
        return ui::output::document(&bake.to_json(), None).map(|()| 0);
    }
    if bake.targets.is_empty() {
        ui::output::say("Nothing to build: the services have no `build`");
    }
    environment.run_shown(arguments.quiet, async |io| {
        let builder = environment.builder_for(&project, options.push).await?;
        let built = builder.build(&bake, &options, &io).await;
        ui::output::document(&built.map_err(with_sources)?, None).map(|()| 0)
    })
}

//! `ctx cp`

use std::path::Path;

use clap::Args;

use super::environment::Environment;
use crate::backend::Copy;
use crate::error::{Error, Result};
use crate::ui;

/// Copy files between a service's container and this machine
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Number of the service's container [default: from the first, to all]
    #[arg(long)]
    index: Option<u32>,
    /// Containers too that `ctx run` has made
    #[arg(long)]
    all: bool,
    /// Keep owners
    #[arg(short, long)]
    archive: bool,
    /// Copy what a symbolic link points to, and not the link
    #[arg(short = 'L', long)]
    follow_link: bool,
    /// `SERVICE:PATH`, a path here, or `-` for an archive from standard input
    source: String,
    /// `SERVICE:PATH`, a path here, or `-` for an archive to standard output
    target: String,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let side = |service: &str, path: &str| Copy {
        service: service.to_owned(),
        index: arguments.index,
        one_offs: arguments.all,
        path: path.to_owned(),
        follow_link: arguments.follow_link,
        archive: arguments.archive,
    };
    let here = |path: &'static str| Path::new(path);
    let (source, target) = (remote(&arguments.source), remote(&arguments.target));
    let name = environment.project_name()?;
    // The files say where the service stands, and are not needed for more.
    let (files, sources) = environment.files_of(&name).unzip();
    environment.run(async |io| {
        let backend = environment.backend().await?;
        let project = (name.as_str(), files.as_ref());
        let copied = match (source, target) {
            (Some((service, path)), None) => {
                let to = Some(Path::new(&arguments.target)).filter(|path| *path != here("-"));
                let write = ui::output::bytes;
                backend.copy_from(project, &side(service, path), to, write, &io).await
            }
            (None, Some((service, path))) => {
                let from = Some(Path::new(&arguments.source)).filter(|path| *path != here("-"));
                if let Some(from) = from.filter(|from| from.symlink_metadata().is_err()) {
                    return Err(Error::new(format!("there is no {} here", from.display())));
                }
                let read = || Box::new(std::io::stdin()) as Box<dyn std::io::Read + Send>;
                backend.copy_to(project, &side(service, path), from, read, &io).await
            }
            (Some(_), Some(_)) => {
                Err(Error::new("cannot copy from one container to another").hint("copy to a folder here first"))
            }
            (None, None) => Err(Error::new("neither path is in a container")
                .hint("write one as `SERVICE:PATH`, as in `ctx cp web:/etc/hosts .`")),
        };
        copied
            .map_err(|error| error.with_sources(&sources.unwrap_or_default()))
            .map(|()| 0)
    })
}

/// The service and the path of `SERVICE:PATH`; a path that begins as one here does is not that.
fn remote(text: &str) -> Option<(&str, &str)> {
    let (service, path) = text.split_once(':')?;
    let is_service = !service.is_empty() && !service.contains('/') && !service.starts_with('.');
    is_service.then_some((service, path))
}

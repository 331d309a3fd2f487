//! `ctx convert`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::digests;
use super::environment::Environment;
use crate::diagnostic::Severity;
use crate::error::Result;
use crate::{ecs, ui};

/// Print the CloudFormation template that `ctx up` deploys
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Format of the template
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    format: Format,
    /// File to write instead of standard output, or a folder, which also gets the templates of nested stacks
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Pin images to the digests that their registries know now; one that cannot be asked stays a tag
    #[arg(long)]
    resolve_image_digests: bool,
    /// Have tasks pull with what `docker login` stored here, as `ctx up --with-registry-auth` does
    #[arg(long)]
    with_registry_auth: bool,
    /// Refuse what would be ignored or warned about
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, ValueEnum, Debug)]
enum Format {
    Yaml,
    Json,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let (mut project, mut report) = environment.project_and_report(&[])?;
    if arguments.resolve_image_digests {
        let unknown = digests::pin(environment, &mut project, Severity::Warning)?;
        report.push_all(unknown, arguments.strict);
    }
    ecs::convert::survey(&mut project);
    if arguments.with_registry_auth {
        digests::note_logins(environment, &mut project).map_err(|error| error.with_sources(&report.sources))?;
    }
    let converted = ecs::convert::convert(&project);
    report.push_all(converted.diagnostics, arguments.strict);
    if report.has_errors() {
        return Err(report.into());
    }
    environment.show(&report);
    let template = converted.template;
    let (text, name) = match arguments.format {
        Format::Yaml => (template.to_yaml(), "template.yaml"),
        Format::Json => (template.to_json(), "template.json"),
    };
    let nested = template.nested.iter();
    let mut files: Vec<(&str, String)> = nested.map(|nested| (nested.file.as_str(), nested.to_yaml())).collect();
    match &arguments.output {
        Some(folder) if !files.is_empty() || ui::output::is_folder(folder) => {
            files.push((name, text));
            ui::output::documents(&files, folder)?;
        }
        file => {
            ui::output::document(&text, file.as_deref())?;
            if !files.is_empty() {
                environment.warn(
                    &format!("this is the root of {} nested stacks", files.len()),
                    "`-o FOLDER` writes their templates, too; `ctx up` uploads and deploys them all",
                );
            }
        }
    }
    Ok(0)
}

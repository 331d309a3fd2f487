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
    /// File to write instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Pin images to the digests that their registries know now; one that cannot be asked stays a tag
    #[arg(long)]
    resolve_image_digests: bool,
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
    let converted = ecs::convert::convert(&project);
    report.push_all(converted.diagnostics, arguments.strict);
    if report.has_errors() {
        return Err(report.into());
    }
    environment.show(&report);
    let text = match arguments.format {
        Format::Yaml => converted.template.to_yaml(),
        Format::Json => converted.template.to_json(),
    };
    ui::output::document(&text, arguments.output.as_deref())?;
    Ok(0)
}

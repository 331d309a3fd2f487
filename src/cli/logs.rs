//! `ctx logs`

use clap::Args;
use jiff::Timestamp;

use super::environment::Environment;
use super::moment::moment;
use crate::backend::LogsOptions;
use crate::error::Result;
use crate::ui::logs::Look;

/// Show the output of the project's containers
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Go on with what they write from now on
    #[arg(short, long)]
    follow: bool,
    /// Lines to show of each container, counted from the end [default: all]
    #[arg(short = 'n', long, value_name = "LINES", value_parser = lines)]
    tail: Option<Lines>,
    /// Only what was written since then: `10m`, `2026-01-02T03:04:05Z`
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only what was written before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// When each line was written
    #[arg(short, long)]
    timestamps: bool,
    /// No names before the lines
    #[arg(long)]
    no_log_prefix: bool,
    /// No colours before the lines
    #[arg(long)]
    no_color: bool,
    /// Number of the service's container [default: all]
    #[arg(long, requires = "services")]
    index: Option<u32>,
    /// Services to show [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let name = environment.project_name()?;
    let options = LogsOptions {
        services: arguments.services.clone(),
        follow: arguments.follow,
        tail: arguments.tail.and_then(|Lines(lines)| lines),
        since: arguments.since,
        until: arguments.until,
        index: arguments.index,
    };
    let look = Look {
        no_prefix: arguments.no_log_prefix,
        no_color: arguments.no_color,
        timestamps: arguments.timestamps,
    };
    environment.run_logging(look, async |io| {
        environment.backend().await?.logs(&name, &options, &io).await?;
        Ok(0)
    })
}

/// None are all.
#[derive(Clone, Copy, Debug)]
struct Lines(Option<u64>);

fn lines(text: &str) -> Result<Lines, String> {
    match text {
        "all" => Ok(Lines(None)),
        _ => text
            .parse()
            .map(|lines| Lines(Some(lines)))
            .map_err(|_| "it is a number of lines, or `all`".to_owned()),
    }
}

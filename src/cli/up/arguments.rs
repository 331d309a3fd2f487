//! The options of `ctx up`.
//!
//! Long because there are as many as Docker Compose has.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::super::deployment::Deployment;
use super::super::scale::scale;
use super::super::stop::grace;
use crate::backend::{Abort, BuildPolicy, Shown, UpOptions};
use crate::ui::logs::Look;

/// Create or update the project's services on the current context
#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    /// Return when the containers run (engine) or the deployment was submitted (ECS)
    #[arg(short, long, conflicts_with_all = ATTACHED)]
    detach: bool,
    /// Return when the services run and, where they have health checks, are healthy
    #[arg(long, conflicts_with_all = ATTACHED)]
    wait: bool,
    /// Seconds that they may take [default: any]
    #[arg(long, value_name = "SECONDS")]
    wait_timeout: Option<u64>,
    /// Number of containers for a service, whatever the files say; may be repeated
    #[arg(long, value_name = "SERVICE=N", value_parser = scale)]
    pub(super) scale: Vec<(String, i64)>,
    /// Leave out what the named services depend on
    #[arg(long)]
    pub(super) no_deps: bool,
    /// Build images before the containers start, also those that are there
    #[arg(long, conflicts_with = "no_build")]
    build: bool,
    /// Build no image, even if it is missing
    #[arg(long)]
    no_build: bool,
    /// When to pull images, whatever `pull_policy` says
    #[arg(long, value_name = "POLICY")]
    pub(super) pull: Option<PullPolicy>,
    /// Tell of pulls only that they begin and end
    #[arg(long)]
    quiet_pull: bool,
    /// Tell nothing of builds
    #[arg(long)]
    quiet_build: bool,
    /// Run jobs again that others wait for and that have ended well, as Docker Compose does
    #[arg(long)]
    rerun: bool,
    /// Taken as Docker Compose takes it; `ctx` has no menu of keys
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide = true)]
    menu: Option<bool>,
    /// Recreate containers even if nothing changed
    #[arg(long, conflicts_with = "no_recreate")]
    force_recreate: bool,
    /// Recreate what the named services depend on even if nothing changed
    #[arg(long, conflicts_with = "no_recreate")]
    always_recreate_deps: bool,
    /// Leave containers that exist as they are
    #[arg(long)]
    no_recreate: bool,
    /// Recreate containers even if nothing changed, with new nameless volumes instead of the old ones
    #[arg(short = 'V', long, conflicts_with = "no_recreate")]
    renew_anon_volumes: bool,
    /// Make the containers and start none
    #[arg(long, conflicts_with_all = ATTACHED, conflicts_with = "wait")]
    no_start: bool,
    /// Remove containers of services that are no longer in the files
    #[arg(long)]
    remove_orphans: bool,
    /// Seconds that a container may take to stop; -1 is for ever
    #[arg(short, long, value_name = "SECONDS", value_parser = grace, allow_negative_numbers = true)]
    timeout: Option<Duration>,
    /// Stop all when a container ends; its exit status is the command's
    #[arg(long, conflicts_with = "abort_on_container_failure")]
    abort_on_container_exit: bool,
    /// Stop all when a container fails; its exit status is the command's
    #[arg(long)]
    abort_on_container_failure: bool,
    /// Take the exit status from a service's container; stops all when one ends
    #[arg(long, value_name = "SERVICE")]
    pub(super) exit_code_from: Option<String>,
    /// Show the output of this service and no other; may be repeated
    #[arg(long, value_name = "SERVICE")]
    attach: Vec<String>,
    /// Do not show the output of this service, nor wait for its end; may be repeated
    #[arg(long, value_name = "SERVICE")]
    pub(super) no_attach: Vec<String>,
    /// Show the output of what the named services depend on too
    #[arg(long, conflicts_with = "attach")]
    attach_dependencies: bool,
    /// No colours before the lines of output
    #[arg(long)]
    no_color: bool,
    /// No names before the lines of output
    #[arg(long)]
    no_log_prefix: bool,
    /// When each line of output was written
    #[arg(long)]
    timestamps: bool,
    #[command(flatten)]
    pub(super) deployment: Deployment,
    /// Do not ask before data or an address would be lost (ECS)
    #[arg(short, long)]
    yes: bool,
    /// Refuse what would be ignored or warned about
    #[arg(long)]
    pub(in crate::cli) strict: bool,
    /// Bring edited files to the containers besides, as `ctx watch` does (engine)
    #[arg(short, long, conflicts_with_all = WITHOUT_WATCH)]
    pub(super) watch: bool,
    /// Services to bring up, with their dependencies [default: all]
    pub(super) services: Vec<String>,
}

/// What only an `up` can do that shows output.
const ATTACHED: [&str; 5] = [
    "attach",
    "attach_dependencies",
    "abort_on_container_exit",
    "abort_on_container_failure",
    "exit_code_from",
];

/// What has nothing to watch, or ends by itself.
const WITHOUT_WATCH: [&str; 6] = [
    "detach",
    "wait",
    "no_start",
    "abort_on_container_exit",
    "abort_on_container_failure",
    "exit_code_from",
];

#[derive(ValueEnum, Clone, Copy, PartialEq, Debug)]
pub(in crate::cli) enum PullPolicy {
    Always,
    Missing,
    Never,
    Build,
}

impl PullPolicy {
    /// As the files would say it.
    pub(in crate::cli) fn word(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Missing => "missing",
            Self::Never => "never",
            Self::Build => "build",
        }
    }
}

impl Arguments {
    pub(in crate::cli) fn look(&self) -> Look {
        Look {
            no_prefix: self.no_log_prefix,
            no_color: self.no_color,
            timestamps: self.timestamps,
        }
    }

    /// The services that options name, and that must take part.
    pub(super) fn named(&self) -> impl Iterator<Item = &String> {
        self.attach.iter().chain(&self.exit_code_from)
    }

    pub(super) fn options(&self) -> UpOptions {
        let aborts = self.abort_on_container_exit || self.exit_code_from.is_some();
        UpOptions {
            services: self.services.clone(),
            build: match (self.build, self.no_build) {
                (true, _) => BuildPolicy::Always,
                (_, true) => BuildPolicy::Never,
                _ => BuildPolicy::Missing,
            },
            quiet_pull: self.quiet_pull,
            quiet_build: self.quiet_build,
            rerun: self.rerun,
            // As with Docker Compose, who is to wait does so, `-d` or not.
            detach: self.detach && !self.wait,
            wait: self.wait,
            wait_timeout: self.wait_timeout.map(Duration::from_secs),
            force_recreate: self.force_recreate,
            recreate_dependencies: self.always_recreate_deps,
            no_recreate: self.no_recreate,
            renew_volumes: self.renew_anon_volumes,
            no_start: self.no_start,
            remove_orphans: self.remove_orphans,
            ignore_orphans: false,
            timeout: self.timeout,
            shown: Shown {
                only: self.attach.clone(),
                except: self.no_attach.clone(),
                dependencies: self.attach_dependencies,
            },
            abort: match (self.abort_on_container_failure, aborts) {
                (true, _) => Abort::OnFailure,
                (_, true) => Abort::OnExit,
                _ => Abort::Never,
            },
            exit_code_from: self.exit_code_from.clone(),
            yes: self.yes,
            ..self.deployment.options()
        }
    }
}

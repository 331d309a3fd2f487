//! What the process's surroundings say, and the way from there to a project and a backend.
//!
//! Long because every command begins here, so that none of them opens a backend its own way.

mod settings;

use std::cell::OnceCell;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::Args;
use indexmap::IndexMap;
use tokio::sync::watch;

use super::simulation;
use crate::backend::{Backend, Consent, Interrupts, Io, Lifecycle, Rehearsal};
use crate::compose::{LoadOptions, Project, Skip, load};
use crate::context::{
    ChosenBy, Context, Credentials, DEFAULT, DockerEndpoint, EcsEndpoint, Profiles, Selection, Sessions, Store, Target,
    region,
};
use crate::diagnostic::{Report, Sources};
use crate::error::{Error, Result};
use crate::image::Builder;
use crate::local::Verb;
use crate::registry::Issuer;
use crate::ui::output::Colors;
use crate::ui::progress::Mode;
use crate::{ecs, local, ui};

/// Options that stand before the command.
#[derive(Args, Clone, Default, Debug)]
pub(super) struct Global {
    /// Compose file, also from git or `oci://`; may be repeated, later ones override earlier ones; `-` is standard input
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    files: Vec<String>,
    /// Project name
    #[arg(short, long, value_name = "NAME")]
    project_name: Option<String>,
    /// Folder that relative paths start from [default: the first Compose file's]
    #[arg(long, value_name = "DIR")]
    project_directory: Option<PathBuf>,
    /// Environment file; may be repeated
    #[arg(long = "env-file", value_name = "FILE")]
    env_files: Vec<PathBuf>,
    /// Compose profile to enable; may be repeated
    #[arg(id = "profile", long, value_name = "NAME")]
    profiles: Vec<String>,
    /// Context to use instead of the current one
    #[arg(short, long, value_name = "NAME")]
    context: Option<String>,
    /// AWS profile to use instead of the context's (`--profile` is Compose's)
    #[arg(long, value_name = "NAME")]
    aws_profile: Option<String>,
    /// AWS region to use instead of the context's
    #[arg(id = "aws_region", long = "region", value_name = "REGION", value_parser = region)]
    aws_region: Option<String>,
    /// Engine to use instead of a context's
    #[arg(short = 'H', long, value_name = "URL", conflicts_with = "context")]
    host: Option<String>,
    /// Folder of the context store and of config.json [default: $DOCKER_CONFIG or ~/.docker]
    #[arg(long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// How to show what is going on [default: auto]
    #[arg(long, value_name = "MODE", value_enum)]
    progress: Option<Mode>,
    /// When to write colours and move the cursor [default: auto]
    #[arg(long, value_name = "WHEN", value_enum)]
    ansi: Option<Colors>,
    /// How much to do at a time on an engine; -1 is no limit of the user's own
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    parallel: Option<i64>,
    /// Name containers and images with `_`, as the first version of Docker Compose did
    #[arg(long)]
    compatibility: bool,
    /// Also make the networks and volumes that no service uses
    #[arg(long)]
    all_resources: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// How to show what is wrong with the files [default: text]
    #[arg(long, value_name = "FORMAT", value_enum)]
    diagnostics: Option<ui::diagnostics::Format>,
}

impl Global {
    /// These options and those that stand behind them: of what can be said once, the last counts.
    pub(super) fn and(mut self, behind: Self) -> Self {
        // A context and a host exclude each other; what stands nearer to the command is meant.
        if behind.context.is_some() {
            self.host = None;
        } else if behind.host.is_some() {
            self.context = None;
        }
        self.files.extend(behind.files);
        self.env_files.extend(behind.env_files);
        self.profiles.extend(behind.profiles);
        Self {
            project_name: behind.project_name.or(self.project_name),
            project_directory: behind.project_directory.or(self.project_directory),
            context: behind.context.or(self.context),
            host: behind.host.or(self.host),
            aws_profile: behind.aws_profile.or(self.aws_profile),
            aws_region: behind.aws_region.or(self.aws_region),
            config: behind.config.or(self.config),
            progress: behind.progress.or(self.progress),
            diagnostics: behind.diagnostics.or(self.diagnostics),
            ansi: behind.ansi.or(self.ansi),
            parallel: behind.parallel.or(self.parallel),
            compatibility: self.compatibility || behind.compatibility,
            all_resources: self.all_resources || behind.all_resources,
            dry_run: self.dry_run || behind.dry_run,
            ..self
        }
    }
}

pub(super) struct Environment {
    global: Global,
    variables: IndexMap<String, String>,
    /// What env files add to them, once somebody asks.
    env_files: OnceCell<IndexMap<String, String>>,
}

impl Environment {
    pub(super) fn new(global: Global) -> Self {
        let text = |os: OsString| os.into_string().ok();
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((text(name)?, text(value)?)))
            .collect();
        Self {
            global,
            variables,
            env_files: OnceCell::new(),
        }
    }

    /// How diagnostics are shown.
    fn format(&self) -> ui::diagnostics::Format {
        self.global.diagnostics.unwrap_or_default()
    }

    /// A variable of the process that is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// `NAME=VALUE` as it is, `NAME` with the value that this process has, if it has one.
    pub(super) fn assignments(&self, arguments: &[String]) -> Vec<String> {
        let assignment = |argument: &String| match self.variables.get(argument) {
            Some(value) => Some(format!("{argument}={value}")),
            None => argument.contains('=').then(|| argument.clone()),
        };
        arguments.iter().filter_map(assignment).collect()
    }

    /// The variables of a file for a command.
    pub(super) fn variables_in(&self, path: &Path) -> Result<Vec<String>> {
        let folder = current_dir()?;
        crate::compose::arguments::variables(path, &folder, &self.variables).map_err(Error::from)
    }

    /// What the command line says about the project to load.
    pub(super) fn load_options(&self, services: &[String]) -> Result<LoadOptions> {
        Ok(LoadOptions {
            services: services.to_vec(),
            compatible: self.is_compatible(),
            all_resources: self.global.all_resources,
            ..self.places()?
        })
    }

    /// Where the project is, and what is known before it is loaded.
    fn places(&self) -> Result<LoadOptions> {
        let current_dir = current_dir()?;
        Ok(LoadOptions {
            files: self.global.files.clone(),
            project_directory: self.global.project_directory.clone(),
            project_name: self.global.project_name.clone(),
            env_files: self.global.env_files.clone(),
            profiles: self.global.profiles.clone(),
            docker_config: self.docker_config(),
            current_dir,
            environment: self.variables.clone(),
            ..LoadOptions::default()
        })
    }

    /// Loads the project, with the warnings about it not yet shown.
    pub(super) fn project_and_report(&self, services: &[String]) -> Result<(Project, Report)> {
        self.load(&self.load_options(services)?)
    }

    /// As [`Self::project_and_report`], with options of the command's own.
    #[allow(clippy::unused_self, reason = "commands load with what this has made")]
    pub(super) fn load(&self, options: &LoadOptions) -> Result<(Project, Report)> {
        let loaded = load(options)?;
        Ok((loaded.project, loaded.report))
    }

    /// Whether what no service uses is made too.
    pub(super) fn all_resources(&self) -> bool {
        self.global.all_resources
    }

    /// Whether the command shall only tell what it would do.
    pub(super) fn is_dry_run(&self) -> bool {
        self.global.dry_run
    }

    /// That what the context's target would do can be told without doing it.
    pub(super) fn foretells(&self, command: &str) -> Result<()> {
        let context = self.context()?;
        match &context.target {
            Target::Ecs(_) => {
                let message = format!(
                    "`ctx {command} --dry-run` works on an engine only, and context \"{}\" is of the type ecs",
                    context.name
                );
                Err(Error::new(message).hint("`ctx up --dry-run` and `ctx diff` tell what a deployment would change"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a variable, of the process or of `.env`, says yes.
    #[allow(clippy::unused_self, reason = "it stands beside the variables of the process alone")]
    pub(super) fn says(&self, project: &Project, variable: &str) -> bool {
        let value = project.environment.get(variable);
        value.is_some_and(|value| settings::is_yes(value))
    }

    /// The project's name for commands that need no more, and the project itself where there are files.
    ///
    /// A name given on the command line or in `COMPOSE_PROJECT_NAME` is enough; files need not exist then.
    pub(super) fn project_or_name(&self) -> Result<(String, Option<Project>)> {
        // Without its context the command has nothing to do, whatever the files say.
        self.context()?;
        let name = self
            .global
            .project_name
            .as_deref()
            .or_else(|| self.variable("COMPOSE_PROJECT_NAME"));
        match (self.project_and_report(&[]), name) {
            (Ok((project, _)), _) => Ok((project.name.clone(), Some(project))),
            (Err(_), Some(name)) if self.global.files.is_empty() => Ok((name.to_owned(), None)),
            (Err(error), _) => Err(error),
        }
    }

    /// The docker CLI's own folder.
    pub(super) fn docker_config(&self) -> Option<PathBuf> {
        let named = self.global.config.clone();
        let named = named.or_else(|| self.variable("DOCKER_CONFIG").map(PathBuf::from));
        named.or_else(|| std::env::home_dir().map(|home| home.join(".docker")))
    }

    /// The project's name alone. Mistakes in the files that do not hide it are no hindrance: what runs can be listed
    /// and stopped whatever the files say now.
    pub(super) fn project_name(&self) -> Result<String> {
        let given = self
            .global
            .project_name
            .as_deref()
            .or_else(|| self.variable("COMPOSE_PROJECT_NAME"));
        if let Some(name) = given {
            return Ok(name.to_owned());
        }
        self.project_or_name().map(|(name, _)| name).or_else(|error| {
            let mut options = self.load_options(&[])?;
            options.skip = Skip {
                interpolation: true,
                consistency: true,
                environment: true,
                ..Skip::default()
            };
            load(&options).map(|loaded| loaded.project.name).map_err(|_| error)
        })
    }

    /// That the files, where they can be loaded, name a service of which nothing is there.
    pub(super) fn is_known(&self, service: &str) -> Result<()> {
        match self.project_and_report(&[]) {
            Ok((project, _))
                if !project.services.contains_key(service) && !project.disabled_services.contains_key(service) =>
            {
                let error = Error::new(format!("there is no service `{service}`"));
                Err(
                    match crate::diagnostic::nearest(service, project.services.keys().map(String::as_str)) {
                        Some(near) => error.hint(format!("did you mean `{near}`?")),
                        None => error,
                    },
                )
            }
            _ => Ok(()),
        }
    }

    /// Does something with what the project has running.
    pub(super) fn lifecycle(&self, verb: &Lifecycle, services: &[String], timeout: Option<Duration>) -> Result<u8> {
        let name = self.project_name()?;
        let (files, sources) = self.files_of(&name).unzip();
        self.run(async |io| {
            let backend = self.backend().await?;
            let applied = backend.apply(&name, files.as_ref(), verb, services, timeout, &io).await;
            let applied = applied.map_err(|error| error.with_sources(&sources.unwrap_or_default()));
            applied.map(|()| 0)
        })
    }

    /// The project's files, which know what containers do not; where they do not load, they are no hindrance. With their
    /// text, for what is wrong with them after all.
    pub(super) fn files_of(&self, name: &str) -> Option<(Project, Sources)> {
        let files = self.project_and_report(&[]).ok();
        let files = files.map(|(project, report)| (project, report.sources));
        files.filter(|(project, _)| project.name == name)
    }

    /// Does something with the containers that the project has on an engine.
    pub(super) fn apply(&self, verb: &Verb, services: &[String], timeout: Option<Duration>) -> Result<u8> {
        let name = self.project_name()?;
        let files = self.files_of(&name).map(|(project, _)| project);
        self.run(async |io| {
            let engine = self.engine(verb.word()).await?;
            let applied = engine.carry_out(&name, files.as_ref(), verb, services, timeout, &io);
            applied.await.map(|()| 0)
        })
    }

    pub(super) fn store(&self) -> Result<Store> {
        self.docker_config()
            .map(Store::open)
            .ok_or_else(|| Error::new("no home folder is known").hint("set HOME or pass `--config`"))
    }

    /// What decides which context is the current one, besides the store's own setting.
    pub(super) fn selection(&self) -> Selection {
        Selection {
            host: self.global.host.clone(),
            context: self.global.context.clone(),
            docker_host: self.variable("DOCKER_HOST").map(str::to_owned),
            docker_context: self.variable("DOCKER_CONTEXT").map(str::to_owned),
            docker_tls_verify: self.variable("DOCKER_TLS_VERIFY").is_some(),
            docker_cert_path: self.variable("DOCKER_CERT_PATH").map(PathBuf::from),
        }
    }

    /// The AWS command line's two files.
    pub(super) fn aws_profiles(&self) -> Result<Profiles> {
        let file = |variable: &str, name: &str| {
            let named = self.variable(variable).map(PathBuf::from);
            named.or_else(|| std::env::home_dir().map(|home| home.join(".aws").join(name)))
        };
        match (
            file("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            file("AWS_CONFIG_FILE", "config"),
        ) {
            (Some(credentials_file), Some(config_file)) => Ok(Profiles {
                credentials_file,
                config_file,
            }),
            _ => Err(Error::new("no home folder is known").hint("set HOME")),
        }
    }

    /// Shows the diagnostics of a report.
    pub(super) fn show(&self, report: &Report) {
        ui::diagnostics::show(report, self.format());
    }

    pub(super) fn show_error(&self, error: &Error) {
        ui::diagnostics::show_error(error, self.format());
    }

    /// Warns of what is about no file.
    pub(super) fn warn(&self, what: &str, hint: &str) {
        ui::diagnostics::warn(what, hint, self.format());
    }

    /// Warns when something else than the store chooses the context: all of them, or just `wanted`, are without effect.
    pub(super) fn warn_of_override(&self, chosen_by: ChosenBy, wanted: Option<&str>) {
        let (what, fix) = match chosen_by {
            ChosenBy::DockerHost => ("DOCKER_HOST", "unset DOCKER_HOST"),
            ChosenBy::DockerContext => ("DOCKER_CONTEXT", "unset DOCKER_CONTEXT"),
            _ => return,
        };
        self.warn(
            &format!("the variable {what} overrides the context that `ctx use` chose"),
            &format!("{fix}, or pass `--context {}`", wanted.unwrap_or("NAME")),
        );
    }

    pub(super) fn context(&self) -> Result<Context> {
        self.store()?.current(&self.selection())
    }

    /// Connects to the current context's target. The only place that does.
    pub(super) async fn backend(&self) -> Result<Box<dyn Backend>> {
        let context = self.context()?;
        match &context.target {
            Target::Docker(endpoint) => Ok(Box::new(
                local::Engine::connect(&self.spoken_to(endpoint), self.docker_config().as_deref()).await?,
            )),
            Target::Ecs(endpoint) => {
                let account = self.connect(&context.name, endpoint).await?;
                let builder = self.builder()?.issued_by(account.issuer());
                Ok(Box::new(ecs::Ecs { account, builder }))
            }
            Target::EcsLocal(endpoint) => Ok(Box::new(self.simulated(&context.name, endpoint).await?)),
            Target::Other(kind) => Err(Error::new(format!(
                "context \"{}\" is of the type \"{kind}\", which `ctx` does not know",
                context.name
            ))
            .hint("`ctx ls` lists the contexts; those of the types moby, ecs and ecs-local can be used")),
        }
    }

    /// Connects to the current context's engine, for a command that only engines have.
    pub(super) async fn engine(&self, command: &str) -> Result<local::Engine> {
        let context = self.context()?;
        match &context.target {
            Target::Docker(endpoint) => {
                local::Engine::connect(&self.spoken_to(endpoint), self.docker_config().as_deref()).await
            }
            Target::EcsLocal(endpoint) => self.simulated(&context.name, endpoint).await,
            target => {
                let kind = target.kind();
                let message = format!(
                    "`ctx {command}` works on an engine only, and context \"{}\" is of the type {kind}",
                    context.name
                );
                Err(Error::new(message).hint("`ctx -c default …` takes the local engine"))
            }
        }
    }

    /// Connects to the engine that has the project's images: the current context's, or, where that has none, the default
    /// one, which is then at the registries of AWS who the context is.
    pub(super) async fn image_engine(&self, project: &Project) -> Result<local::Engine> {
        let context = self.context()?;
        let endpoint = self.spoken_to(&self.image_endpoint(&context)?);
        let engine = local::Engine::connect(&endpoint, self.docker_config().as_deref()).await?;
        Ok(match self.issuer(&context, project).await? {
            Some(issuer) => engine.issued_by(issuer),
            None => engine,
        })
    }

    /// Who builds the project's images, and pushes them if that is wanted.
    pub(super) async fn builder_for(&self, project: &Project, push: bool) -> Result<Builder> {
        let builder = self.builder()?;
        if !push {
            return Ok(builder);
        }
        Ok(match self.issuer(&self.context()?, project).await? {
            Some(issuer) => builder.issued_by(issuer),
            None => builder,
        })
    }

    /// Who says who one is at the registries of AWS, where the context does and the project has images there.
    async fn issuer(&self, context: &Context, project: &Project) -> Result<Option<Arc<dyn Issuer>>> {
        match &context.target {
            Target::Ecs(endpoint) if ecs::uses_aws_registries(project) => {
                let account = self.connect(&context.name, endpoint).await?;
                Ok(Some(account.issuer_of_all()))
            }
            _ => Ok(None),
        }
    }

    /// Connects to the current context's account, for a command that only ECS has.
    pub(super) async fn account(&self, command: &str) -> Result<ecs::Account> {
        let context = self.context()?;
        match &context.target {
            Target::Ecs(endpoint) => self.connect(&context.name, endpoint).await,
            target => {
                let kind = target.kind();
                let message = format!(
                    "`ctx {command}` works on ECS only, and context \"{}\" is of the type {kind}",
                    context.name
                );
                Err(Error::new(message).hint(match command {
                    "diff" => {
                        "`ctx -c NAME diff` takes a context of the type ecs; on an engine, `ctx up --dry-run` shows it"
                    }
                    _ => "`ctx -c NAME …` takes a context of the type ecs; `ctx ls` lists them",
                }))
            }
        }
    }

    /// Connects to the engine that simulates ECS for a context.
    async fn simulated(&self, context: &str, endpoint: &EcsEndpoint) -> Result<local::Engine> {
        if let Some(profile) = &self.global.aws_profile {
            self.aws_profiles()?.check(profile)?;
        }
        let aws = std::env::home_dir().unwrap_or_default().join(".aws");
        Box::pin(simulation::engine(self, context, &self.chosen(endpoint), &aws)).await
    }

    async fn connect(&self, context: &str, endpoint: &EcsEndpoint) -> Result<ecs::Account> {
        let profiles = self.aws_profiles()?;
        let folder = std::env::home_dir().unwrap_or_default().join(".aws/cli/cache");
        let person = ecs::Person {
            profiles: &profiles,
            sessions: &Sessions(folder),
            ask: &ui::prompt::code,
            silence: self.silence()?,
        };
        let endpoint = self.chosen(endpoint);
        if let Some(profile) = &self.global.aws_profile {
            profiles.check(profile)?;
        }
        ecs::Account::connect(context, &endpoint, &person).await
    }

    /// How long AWS may take for an answer, if `CTX_AWS_TIMEOUT` says so, in seconds.
    pub(super) fn silence(&self) -> Result<Option<Duration>> {
        let Some(text) = self.variable("CTX_AWS_TIMEOUT") else {
            return Ok(None);
        };
        match text.parse() {
            Ok(seconds @ 1..) => Ok(Some(Duration::from_secs(seconds))),
            _ => Err(
                Error::new(format!("CTX_AWS_TIMEOUT is `{text}`, and no number of seconds"))
                    .hint("say how long AWS may take for one answer, as in `CTX_AWS_TIMEOUT=120`"),
            ),
        }
    }

    /// What the context says, unless the command line says otherwise. Where it says nothing, AWS_PROFILE does as in the
    /// SDK's own chain, and its name is known for what is asked and advised.
    fn chosen(&self, endpoint: &EcsEndpoint) -> EcsEndpoint {
        let mut chosen = endpoint.clone();
        if let Some(profile) = &self.global.aws_profile {
            chosen.credentials = Credentials::Profile(profile.clone());
        } else if let (Credentials::Environment, None, Some(profile)) = (
            &endpoint.credentials,
            self.variable("AWS_ACCESS_KEY_ID"),
            self.variable("AWS_PROFILE"),
        ) {
            chosen.credentials = Credentials::Profile(profile.to_owned());
        }
        chosen.region = self.global.aws_region.clone().or(chosen.region);
        chosen
    }

    /// Who builds images: the current context's engine, or, where that has none, the default one.
    pub(super) fn builder(&self) -> Result<Builder> {
        let endpoint = self.image_endpoint(&self.context()?)?;
        Ok(Builder::new(
            &self.spoken_to(&endpoint),
            self.docker_config().as_deref(),
        ))
    }

    /// The engine that has the images of a context.
    fn image_endpoint(&self, context: &Context) -> Result<DockerEndpoint> {
        if let Target::Docker(endpoint) = &context.target {
            return Ok(endpoint.clone());
        }
        Ok(match self.store()?.get(DEFAULT, &self.selection())?.target {
            Target::Docker(endpoint) => endpoint,
            _ => DockerEndpoint::default(),
        })
    }

    /// Runs a command that talks to a target, with a live display around it.
    pub(super) fn run(&self, command: impl AsyncFnOnce(Io) -> Result<u8>) -> Result<u8> {
        self.run_with(false, ui::logs::Look::default(), command)
    }

    /// As [`Self::run`], where a command can be told to keep quiet.
    pub(super) fn run_shown(&self, quiet: bool, command: impl AsyncFnOnce(Io) -> Result<u8>) -> Result<u8> {
        self.run_with(quiet, ui::logs::Look::default(), command)
    }

    /// As [`Self::run`], where a command can be told how to show what containers write.
    pub(super) fn run_logging(&self, look: ui::logs::Look, command: impl AsyncFnOnce(Io) -> Result<u8>) -> Result<u8> {
        self.run_with(false, look, command)
    }

    pub(super) fn run_with(
        &self,
        quiet: bool,
        look: ui::logs::Look,
        command: impl AsyncFnOnce(Io) -> Result<u8>,
    ) -> Result<u8> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::new("cannot start the runtime").because(&error))?;
        let shown = self.look(quiet)?;
        runtime.block_on(async {
            let display = ui::progress::Display::new(shown);
            let interrupts = interrupts();
            let closed = interrupts.clone();
            let lost = Arc::new(OnceLock::new());
            let losing = Arc::clone(&lost);
            let io = self.limited(Io {
                progress: display.progress(),
                // A closed pipe (`ctx logs -f | head`) is the reader's way to interrupt.
                log: ui::logs::sink(&display, look, move |why| {
                    let _ = losing.set(why);
                    closed.send_modify(|count| *count += 1);
                }),
                interrupts: Interrupts::new(interrupts.subscribe()),
                consent: Consent::new(ui::prompt::asker(&display), ui::prompt::chooser(&display)),
                parallel: None,
                rehearsal: self
                    .is_dry_run()
                    .then(|| Rehearsal::new(|what| ui::output::document(what, None))),
            })?;
            let result = command(io).await;
            display.finish();
            match (result, lost.get()) {
                // A reader that has seen enough is no failure; what cannot be written is one, and has been told.
                (Err(Error::Exit(130)), Some(why)) => match why {
                    ErrorKind::BrokenPipe => Ok(0),
                    _ => Err(Error::Exit(1)),
                },
                (result, _) => result,
            }
        })
    }
}

fn current_dir() -> Result<PathBuf> {
    std::env::current_dir().map_err(|error| Error::new("cannot tell the current folder").because(&error))
}

/// Counts Ctrl-C and SIGTERM from now on; the process no longer ends by them.
fn interrupts() -> watch::Sender<u32> {
    let (sender, _) = watch::channel(0);
    let count = sender.clone();
    tokio::spawn(async move {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
        loop {
            let terminated = async {
                match &mut terminate {
                    Some(signal) => signal.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Ok(()) = tokio::signal::ctrl_c() => {}
                Some(()) = terminated => {}
                else => return,
            }
            count.send_modify(|count| *count += 1);
        }
    });
    sender
}

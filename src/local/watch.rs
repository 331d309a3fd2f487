//! `watch`: what is edited here reaches the containers, or has them restarted or built anew, as `develop.watch` says.
//!
//! [`tree`] tells what has changed, [`decide`] what is to be done about it, purely, and this does it. A build goes on
//! beside everything else; each container is brought what it lacks, so that one that was made in the meantime, by this
//! command or another, gets what the others got before.
//!
//! Long because one loop has all that is going on: changes, builds, containers, interrupts.

mod archive;
mod copies;
mod decide;
mod rule;
mod tree;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::pin::Pin;

use bollard::exec::CreateExecOptions;
use bollard::query_parameters::{ListImagesOptions, RemoveImageOptions};
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, future};
use jiff::Timestamp;

use super::attach::{Attachments, Followed, follow};
use super::events::Events;
use super::lifecycle::Verb;
use super::observed::Container;
use super::session::Session;
use super::{Engine, dependencies, hooks, labels, names};
use crate::backend::{Backend, Deeds, Io, LogLine, UpOptions};
use crate::compose::{Project, Spanned};
use crate::diagnostic::Diagnostic;
use crate::engine::{Connection, message};
use crate::error::{Error, Result};
use crate::progress::{Event, Progress, State};
use copies::{Brought, Ledger};
use decide::{Work, decide, first};
use rule::{Rule, rules};
use tree::{Batch, Tree};

/// How to watch.
#[derive(Clone, Debug)]
pub struct Watching {
    /// What to do before: bring the project up, unless it is left as it is.
    pub up: Option<UpOptions>,
    /// Show the containers' output, and stop them in the end.
    pub attached: bool,
    /// Remove the images that a build has replaced.
    pub prune: bool,
    /// Tell nothing of building.
    pub quiet: bool,
}

/// What is wrong with a project's rules.
#[must_use]
pub fn check(project: &Project) -> Vec<Diagnostic> {
    rules(project).1
}

impl Engine {
    /// Watches until the user has had enough.
    pub async fn watch(&self, project: &Project, watching: &Watching, io: &Io) -> Result<u8> {
        let (rules, _) = rules(project);
        if rules.is_empty() {
            return Err(
                Error::new("there is nothing to watch: no service has a `develop.watch`")
                    .hint("`develop: {watch: [{action: sync, path: ./src, target: /app/src}]}` copies what is edited"),
            );
        }
        if io.rehearsal.is_some() {
            if let Some(options) = &watching.up {
                self.up(project, options, io).await?;
            }
            io.only_tells(Deeds(rules.iter().map(Rule::deed).collect()))?;
            return Ok(0);
        }
        // Before anything is built, so that what is edited meanwhile counts.
        let (tree, batches) = Tree::open(&rules)?;
        let quiet = Io {
            progress: Progress::new(|_| {}),
            ..io.clone()
        };
        let building = if watching.quiet { &quiet } else { io };
        let ran_before = self.running_ids(&project.name).await?;
        if let Some(options) = &watching.up {
            let options = UpOptions {
                detach: true,
                ..options.clone()
            };
            self.up(project, &options, building).await?;
        }
        let events = Events::new();
        let session = Watch {
            engine: self,
            project,
            rules: &rules,
            watching,
            io,
            building,
            events: &events,
        };
        tokio::select! {
            result = session.run(tree, batches, &ran_before) => return result,
            error = events.listen(&self.connection, &project.name) => return Err(error),
            () = io.interrupts.reached(1) => {}
        }
        if watching.attached {
            io.progress
                .working("Gracefully stopping", "press Ctrl-C again to force");
            let stop = Session {
                connection: &self.connection,
                project,
                options: &watching.up.clone().unwrap_or_default(),
                io,
            };
            tokio::select! {
                result = stop.stop(&events) => result?,
                error = events.listen(&self.connection, &project.name) => return Err(error),
            }
        }
        Err(Error::INTERRUPTED)
    }

    async fn running_ids(&self, project: &str) -> Result<HashSet<String>> {
        let containers = self.containers_of(project, &[]).await?;
        let running = containers.into_iter().filter(Container::is_running);
        Ok(running.map(|container| container.id).collect())
    }
}

struct Watch<'a> {
    engine: &'a Engine,
    project: &'a Project,
    rules: &'a [Rule<'a>],
    watching: &'a Watching,
    io: &'a Io,
    /// Where is told how building goes.
    building: &'a Io,
    events: &'a Events,
}

impl<'a> Watch<'a> {
    async fn run(
        &self,
        mut tree: Tree<'a>,
        mut batches: tokio::sync::mpsc::UnboundedReceiver<Batch>,
        ran_before: &HashSet<String>,
    ) -> Result<u8> {
        let connection = &self.engine.connection;
        let mut happened = self.events.any();
        let mut containers = self.containers().await?;
        let mut ledger = Ledger::default();
        for service in self.services() {
            let copies = first(service, self.rules, tree.paths());
            ledger.add(service, &copies, &containers);
        }
        self.tell(&ledger.bring(connection, &containers).await);
        self.say("Watch", State::Done, "Enabled", Some(self.paths()));
        let mut known: HashSet<String> = containers.iter().map(|container| container.id.clone()).collect();
        let mut followers = FuturesUnordered::new();
        let mut followed: HashSet<String> = HashSet::new();
        let mut newest = HashMap::new();
        let mut wanted: BTreeSet<&str> = BTreeSet::new();
        let mut building: Option<Building<'_>> = None;
        loop {
            if self.watching.attached {
                for container in containers.iter().filter(|container| container.is_running()) {
                    if self.shows(&container.service) && followed.insert(container.name.clone()) {
                        let followed = followed_from(container, ran_before.contains(&container.id), &mut newest);
                        followers.push(self.follow(followed));
                    }
                }
            }
            if building.is_none() && !wanted.is_empty() {
                building = Some(Box::pin(self.rebuild(std::mem::take(&mut wanted))));
            }
            let built = async {
                match &mut building {
                    Some(building) => building.await,
                    None => future::pending().await,
                }
            };
            tokio::select! {
                batch = batches.recv() => {
                    let changes = match batch {
                        Some(Batch::Paths(paths)) => tree.changes(&paths)?,
                        Some(Batch::Everything) => tree.all_changes()?,
                        Some(Batch::Failed(error)) => return Err(Error::new("cannot watch files any more").because(&error)),
                        None => return Err(Error::new("cannot watch files any more")),
                    };
                    let work = decide(&changes, self.rules);
                    for (service, copies) in &work.copies {
                        ledger.add(service, copies, &containers);
                    }
                    self.tell(&ledger.bring(connection, &containers).await);
                    wanted.extend(&work.rebuild);
                    self.finish(&work, &containers).await;
                }
                Ok(()) = happened.changed() => {
                    happened.borrow_and_update();
                    containers = self.containers().await?;
                    for container in containers.iter().filter(|container| container.is_running()) {
                        if known.insert(container.id.clone()) {
                            ledger.welcome(container, &first(&container.service, self.rules, tree.paths()));
                        }
                    }
                    self.tell(&ledger.bring(connection, &containers).await);
                }
                () = built => building = None,
                Some(ended) = followers.next(), if !followers.is_empty() => {
                    let ended = ended?;
                    followed.remove(&ended.name);
                    newest.insert(ended.name, ended.last);
                    // It may run again by now, and is followed again then.
                    containers = self.containers().await?;
                }
            }
        }
    }

    async fn follow(&self, mut followed: Followed) -> Result<Followed> {
        let connection = &self.engine.connection;
        follow(connection, self.events, &self.project.name, self.io, &mut followed).await?;
        Ok(followed)
    }

    /// Restarts services and runs their commands. What goes wrong is told, and the next change gets its chance.
    async fn finish(&self, work: &Work<'_>, containers: &[Container]) {
        let restart: Vec<_> = work.restart.iter().map(|service| (*service).to_owned()).collect();
        if !restart.is_empty() {
            let verb = Verb::Restart { alone: false };
            let name = &self.project.name;
            let applied = self
                .engine
                .carry_out(name, Some(self.project), &verb, &restart, None, self.io);
            if let Err(error) = applied.await {
                self.warn(&restart.join(", "), &error);
            }
        }
        for place in &work.exec {
            let rule = &self.rules[*place];
            for container in containers {
                if container.service == rule.service && container.is_running() {
                    self.exec(rule, container).await;
                }
            }
        }
    }

    async fn exec(&self, rule: &Rule<'_>, container: &Container) {
        let Some(hook) = rule.exec.map(hooks::command) else {
            return;
        };
        let options = CreateExecOptions {
            cmd: Some(hook.command),
            env: Some(hook.environment),
            privileged: Some(hook.privileged),
            user: hook.user,
            working_dir: hook.working_dir,
            ..CreateExecOptions::default()
        };
        let object = format!("Service {}", rule.service);
        match self.engine.connection.run_in(&container.id, options).await {
            Ok((status, said)) => {
                for text in said.lines() {
                    self.io.log.line(LogLine {
                        service: rule.service.to_owned(),
                        replica: names::replica(&self.project.name, &container.name),
                        time: None,
                        stderr: false,
                        text: text.to_owned(),
                    });
                }
                if status != 0 {
                    let about = format!("the command in {} exited with status {status}", container.name);
                    self.say(&object, State::Warning, "Not run", Some(about));
                }
            }
            Err(error) => {
                let about = format!("cannot run the command in {}: {}", container.name, message(&error));
                self.say(&object, State::Warning, "Not run", Some(about));
            }
        }
    }

    /// Builds services anew and replaces their containers, and nobody else's.
    async fn rebuild(&self, services: BTreeSet<&str>) {
        let names = services.iter().map(|service| (*service).to_owned()).collect::<Vec<_>>();
        let object = format!("Service {}", names.join(", "));
        self.say(&object, State::Working, "Rebuilding", None);
        let narrowed = narrowed(self.project, &services);
        let options = UpOptions {
            services: names.clone(),
            detach: true,
            ..UpOptions::default()
        };
        match self.engine.up(&narrowed, &options, self.building).await {
            Ok(_) => self.say(&object, State::Done, "Rebuilt", None),
            Err(Error::Exit(_)) => {}
            Err(error) => return self.warn(&names.join(", "), &error),
        }
        if self.watching.prune {
            self.engine.connection.prune(&self.project.name).await;
        }
    }

    fn shows(&self, service: &str) -> bool {
        let options = self.watching.up.clone().unwrap_or_default();
        let (attachments, _) = Attachments::new(&options, self.project);
        let service = self.project.services.get(service);
        service.is_some_and(|service| attachments.show(service))
    }

    /// The containers that are no one's temporary ones.
    async fn containers(&self) -> Result<Vec<Container>> {
        let mut containers = self.engine.containers_of(&self.project.name, &[]).await?;
        containers.retain(|container| !container.one_off);
        Ok(containers)
    }

    fn services(&self) -> BTreeSet<&'a str> {
        self.rules.iter().map(|rule| rule.service).collect()
    }

    fn paths(&self) -> String {
        let paths: BTreeSet<_> = self.rules.iter().map(|rule| &rule.path).collect();
        match paths.len() {
            1 => "1 path".to_owned(),
            many => format!("{many} paths"),
        }
    }

    fn tell(&self, brought: &[Brought]) {
        let mut done: BTreeMap<&str, Vec<&Brought>> = BTreeMap::new();
        for one in brought {
            match &one.refused {
                Some(why) => {
                    let object = format!("Container {}", one.container);
                    self.say(&object, State::Warning, "Not synced", Some(why.clone()));
                }
                None => done.entry(&one.service).or_default().push(one),
            }
        }
        for (service, all) in done {
            let most = |count: fn(&Brought) -> usize| all.iter().map(|one| count(one)).max().unwrap_or(0);
            let mut about = Vec::new();
            match most(|one| one.copied) {
                0 => {}
                count => about.push(format!("{count} copied")),
            }
            match most(|one| one.removed) {
                0 => {}
                count => about.push(format!("{count} removed")),
            }
            if all.len() > 1 {
                about.push(format!("in {} containers", all.len()));
            }
            self.say(
                &format!("Service {service}"),
                State::Done,
                "Synced",
                Some(about.join(", ")),
            );
        }
    }

    fn warn(&self, services: &str, error: &Error) {
        let why = match error {
            Error::Message(message) => {
                let because = message
                    .because
                    .first()
                    .map(|why| format!(": {why}"))
                    .unwrap_or_default();
                format!("{}{because}", message.what)
            }
            Error::Report(report) => {
                let messages = report.diagnostics.iter().map(|diagnostic| diagnostic.message.as_str());
                messages.collect::<Vec<_>>().join("; ")
            }
            Error::Exit(_) => return,
        };
        self.say(
            &format!("Service {services}"),
            State::Warning,
            "Left as it is",
            Some(why),
        );
    }

    fn say(&self, object: &str, state: State, text: &str, detail: Option<String>) {
        self.io.progress.event(Event {
            id: object.to_owned(),
            state,
            text: text.to_owned(),
            detail,
        });
    }
}

/// A container to follow: from what was shown when it ended, of what ran before from now on, else from its beginning.
fn followed_from(container: &Container, ran_before: bool, newest: &mut HashMap<String, Option<Timestamp>>) -> Followed {
    let last = newest.remove(&container.name).flatten();
    Followed {
        service: container.service.clone(),
        name: container.name.clone(),
        finished: None,
        last,
        skip: ran_before && last.is_none(),
        shown: true,
    }
}

type Building<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// The project as it is when only these services are asked for: with what they need, and with what restarts with
/// them. They are built even though they are there.
fn narrowed(project: &Project, services: &BTreeSet<&str>) -> Project {
    let mut kept: HashSet<&str> = HashSet::new();
    let mut next: Vec<&str> = services.iter().copied().collect();
    let mut restarted: Vec<&str> = next.clone();
    while let Some(name) = restarted.pop() {
        for (other, service) in &project.services {
            if service.depends_on.get(name).is_some_and(|on| on.restart) && !next.contains(&other.as_str()) {
                next.push(other);
                restarted.push(other);
            }
        }
    }
    while let Some(name) = next.pop() {
        if let Some(service) = project.services.get(name)
            && kept.insert(name)
        {
            next.extend(
                dependencies::needs(project, service)
                    .iter()
                    .map(|needed| needed.service),
            );
        }
    }
    let mut narrowed = project.clone();
    let mut disabled = Vec::new();
    narrowed.services.retain(|name, service| {
        if services.contains(name.as_str()) {
            service.pull_policy = Some(Spanned::nowhere("build".to_owned()));
        }
        let keep = kept.contains(name.as_str());
        if !keep {
            disabled.push((name.clone(), service.clone()));
        }
        keep
    });
    narrowed.disabled_services.extend(disabled);
    narrowed
}

impl Connection {
    /// Removes the project's images that have lost their names to newer ones. Those that are in use stay.
    async fn prune(&self, project: &str) {
        let filters = HashMap::from([
            ("dangling".to_owned(), vec!["true".to_owned()]),
            ("label".to_owned(), vec![format!("{}={project}", labels::PROJECT)]),
        ]);
        let options = ListImagesOptions {
            filters: Some(filters),
            ..ListImagesOptions::default()
        };
        for image in self.docker.list_images(Some(options)).await.unwrap_or_default() {
            let _ = self
                .docker
                .remove_image(&image.id, None::<RemoveImageOptions>, None)
                .await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::{LoadOptions, load};

    #[test]
    fn a_rebuild_is_about_few_services() {
        let folder = tempfile::tempdir().unwrap();
        let text = "services:
  web: {build: {context: .}, depends_on: [db]}
  db: {build: {context: .}}
  proxy: {image: a, depends_on: {web: {condition: service_started, restart: true}}}
  other: {image: a, depends_on: [web]}";
        std::fs::write(folder.path().join("compose.yaml"), text).unwrap();
        let options = LoadOptions {
            current_dir: folder.path().to_owned(),
            ..LoadOptions::default()
        };
        let project = load(&options).unwrap().project;
        let narrowed = narrowed(&project, &BTreeSet::from(["web"]));
        assert_eq!(narrowed.services.keys().collect::<Vec<_>>(), ["web", "db", "proxy"]);
        assert!(narrowed.disabled_services.contains_key("other"), "it is no orphan");
        let policy = |name: &str| {
            narrowed.services[name]
                .pull_policy
                .as_ref()
                .map(|policy| policy.value.clone())
        };
        assert_eq!((policy("web"), policy("db")), (Some("build".to_owned()), None));
    }
}

//! Building with the BuildKit inside of an engine, where there is no plugin: over the connections that engines upgrade
//! for it, one for calls and one for each build's questions.

mod filesync;
mod follow;
mod grpc;
mod messages;
mod plan;
mod session;
mod tree;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use futures_util::future::try_join_all;
use tokio::sync::watch;

use self::grpc::{Client, Status, asking};
use self::messages::{Nothing, SolveRequest, StatusRequest, StatusResponse};
use self::plan::{Plan, plan};
use self::session::{METHODS, Offer, serve};
use super::progress::{Steps, Vertex};
use super::{Bake, Target};
use crate::backend::Io;
use crate::diagnostic::Diagnostic;
use crate::engine::{Api, Connection, Stream};
use crate::error::{Error, Result};

const SOLVE: &str = "/moby.buildkit.v1.Control/Solve";
const STATUS: &str = "/moby.buildkit.v1.Control/Status";

/// Into the images of the engine.
const EXPORTER: &str = "moby";
/// The engine's own reader of Dockerfiles; a line `# syntax=` makes it fetch another.
const FRONTEND: &str = "dockerfile.v0";

/// The BuildKit of an engine.
pub(super) struct BuildKit {
    engine: Arc<Connection>,
    calls: Box<dyn Stream>,
    api: Api,
}

/// All that is to be built, in the order of the targets.
pub(super) struct Plans(Vec<Plan>);

impl BuildKit {
    /// `None` where the engine has none.
    pub(super) async fn of(engine: &Arc<Connection>) -> Result<Option<Self>> {
        let api = engine.api().await?;
        let failed = |error| Error::new(format!("cannot reach the BuildKit of {}", engine.host)).because(&error);
        let calls = engine.upgrade("/grpc", &[]).await.map_err(failed)?;
        Ok(calls.map(|calls| Self {
            engine: Arc::clone(engine),
            calls,
            api,
        }))
    }

    /// Says what is to be done; refuses what cannot be, all of it at once.
    pub(super) fn plan(&self, bake: &Bake) -> Result<Plans> {
        let mut plans = Vec::new();
        let mut mistakes = Vec::new();
        for target in &bake.targets {
            match plan(target, bake, self.api) {
                Ok(plan) => plans.push(plan),
                Err(found) => mistakes.extend(found),
            }
        }
        if mistakes.is_empty() {
            Ok(Plans(plans))
        } else {
            Err(mistakes.into())
        }
    }

    /// Builds everything at once, but what is built from another target behind it.
    pub(super) async fn build(self, bake: &Bake, plans: Plans, io: &Io) -> Result<()> {
        let lost = |error: h2::Error| {
            Error::new(format!(
                "cannot go on building: the BuildKit of {} has hung up",
                self.engine.host
            ))
            .because(&error)
        };
        let (client, connection) = asking(self.calls).await.map_err(lost)?;
        let built: Vec<_> = bake.targets.iter().map(|_| watch::channel(false)).collect();
        let all = bake
            .targets
            .iter()
            .zip(plans.0)
            .enumerate()
            .map(|(nth, (target, plan))| {
                let (client, engine, built) = (&client, &self.engine, &built);
                async move {
                    for (other, (_, ready)) in bake.targets.iter().zip(built) {
                        if is_built_from(target, other) {
                            // It is never dropped before all are built.
                            let _ = ready.clone().wait_for(|ready| *ready).await;
                        }
                    }
                    build(client, engine, target, plan, io)
                        .await
                        .map_err(|error| (nth, error))?;
                    built[nth].0.send_replace(true);
                    Ok(())
                }
            });
        tokio::select! {
            ended = try_join_all(all) => ended.map(drop).map_err(|(failed, error)| {
                for (nth, (target, (_, ready))) in bake.targets.iter().zip(&built).enumerate() {
                    if nth != failed && !*ready.borrow() {
                        io.progress.warning(format!("Image {}", target.image), "Cancelled");
                    }
                }
                error
            }),
            ended = connection => {
                ended.map_err(lost)?;
                Err(Error::new(format!("cannot go on building: the BuildKit of {} has hung up", self.engine.host)))
            }
        }
    }
}

fn is_built_from(target: &Target, other: &Target) -> bool {
    let contexts = target
        .definition
        .get("contexts")
        .and_then(|contexts| contexts.as_object());
    let name = format!("target:{}", other.name);
    let mut contexts = contexts.into_iter().flat_map(|contexts| contexts.values());
    contexts.any(|context| context.as_str() == Some(&name))
}

async fn build(client: &Client, engine: &Arc<Connection>, target: &Target, plan: Plan, io: &Io) -> Result<()> {
    check(target, &plan)?;
    let mut steps = Steps::new(std::slice::from_ref(target), &io.progress);
    match solve(client, engine, plan, &mut steps).await {
        Ok(()) => {
            steps.done();
            Ok(())
        }
        Err(status) => {
            steps.line(&format!("ERROR: {}", status.message));
            Err(steps.failure())
        }
    }
}

/// A mistake that BuildKit would tell by names of its own.
fn check(target: &Target, plan: &Plan) -> Result<()> {
    for (id, path) in &plan.agents {
        use std::os::unix::fs::FileTypeExt;
        if !std::fs::metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
            let message = format!("`ssh: {id}` names {}, which is no socket of an agent", path.display());
            let hint = "give the key to an agent with `ssh-add`, or install the plugin `buildx`, which reads keys";
            return Err(vec![Diagnostic::error(target.place("ssh"), message).hint(hint)].into());
        }
    }
    Ok(())
}

async fn solve(client: &Client, engine: &Arc<Connection>, plan: Plan, steps: &mut Steps<'_>) -> Result<(), Status> {
    let session = unique();
    let mut headers = vec![
        ("x-docker-expose-session-uuid", session.as_str()),
        ("x-docker-expose-session-name", "ctx"),
        ("x-docker-expose-session-sharedkey", plan.key.as_str()),
    ];
    headers.extend(
        METHODS
            .iter()
            .map(|method| ("x-docker-expose-session-grpc-method", *method)),
    );
    let stream = engine.upgrade("/session", &headers).await?;
    let stream = stream.ok_or_else(|| Status::new(grpc::UNKNOWN, "the engine opens no session for the build"))?;
    let mut attributes = plan.attributes;
    attributes
        .entry("image-resolve-mode".to_owned())
        .or_insert_with(|| "local".to_owned());
    let request = SolveRequest {
        reference: unique(),
        exporter: EXPORTER.to_owned(),
        exporter_attributes: [("name".to_owned(), plan.names)].into(),
        session: session.clone(),
        frontend: FRONTEND.to_owned(),
        frontend_attributes: attributes,
        cache: Some(plan.cache),
        entitlements: plan.entitlements,
    };
    let status = StatusRequest {
        reference: request.reference.clone(),
    };
    let offer = Offer {
        places: plan.places,
        secrets: plan.secrets,
        agents: plan.agents,
        engine: Arc::clone(engine),
    };
    let follow = client.call(STATUS, &status, |told: StatusResponse| {
        for vertex in told.vertexes {
            steps.vertex(Vertex {
                digest: vertex.digest,
                name: vertex.name,
                started: vertex.started.is_some(),
                completed: vertex.completed.is_some(),
                error: vertex.error,
            });
        }
        for log in told.logs {
            steps.wrote(log.vertex, &log.data);
        }
        for warning in told.warnings {
            let start = warning.ranges.into_iter().find_map(|range| range.start);
            steps.doubt(&warning.vertex, &warning.short, start.map(|start| start.line));
        }
    });
    let solving = async {
        let (solved, _) = tokio::join!(client.call(SOLVE, &request, |_: Nothing| {}), follow);
        solved
    };
    tokio::select! {
        solved = solving => solved,
        ended = serve(stream, Arc::new(offer)) => {
            ended?;
            Err(Status::new(grpc::UNKNOWN, "the engine has ended the session of the build"))
        }
    }
}

/// A name that nothing else has.
fn unique() -> String {
    let random = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", random(), random())
}

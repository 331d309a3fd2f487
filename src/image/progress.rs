//! What BuildKit tells while it builds, by image; and what went wrong when it could not.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use super::Target;
use crate::diagnostic::{Diagnostic, Note, Span};
use crate::error::Error;
use crate::progress::{Event, Progress, State};

/// Of what a step that failed wrote, so many lines are shown.
const LINES: usize = 20;

/// The steps of a build, and who waits for them.
pub(super) struct Steps<'a> {
    targets: &'a [Target],
    progress: &'a Progress,
    by_digest: HashMap<String, Step>,
    /// What the program said outside of its report.
    remarks: Vec<String>,
}

#[derive(Default)]
struct Step {
    name: String,
    /// The image that the step is for.
    target: Option<usize>,
    output: Vec<String>,
    error: Option<String>,
}

/// A line of `--progress rawjson`.
#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    vertexes: Vec<Vertex>,
    #[serde(default)]
    logs: Vec<Log>,
}

/// How far a step has come.
#[derive(Deserialize)]
pub(super) struct Vertex {
    pub(super) digest: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default, deserialize_with = "is_there")]
    pub(super) started: bool,
    #[serde(default, deserialize_with = "is_there")]
    pub(super) completed: bool,
    #[serde(default)]
    pub(super) error: String,
}

#[derive(Deserialize)]
struct Log {
    vertex: String,
    #[serde(default)]
    data: String,
}

/// Whether a time is told, whichever.
fn is_there<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Option::<String>::deserialize(deserializer).map(|time| time.is_some())
}

impl<'a> Steps<'a> {
    pub(super) fn new(targets: &'a [Target], progress: &'a Progress) -> Self {
        for target in targets {
            progress.working(format!("Image {}", target.image), "Building");
        }
        Self {
            targets,
            progress,
            by_digest: HashMap::new(),
            remarks: Vec::new(),
        }
    }

    pub(super) fn line(&mut self, line: &str) {
        let Ok(told) = serde_json::from_str::<Told>(line) else {
            if !line.trim().is_empty() {
                self.remarks.push(line.trim_end().to_owned());
            }
            return;
        };
        for vertex in told.vertexes {
            self.vertex(vertex);
        }
        for log in told.logs {
            let data = BASE64_STANDARD.decode(&log.data).unwrap_or_default();
            self.wrote(log.vertex, &data);
        }
    }

    pub(super) fn wrote(&mut self, digest: String, data: &[u8]) {
        let output = &mut self.by_digest.entry(digest).or_default().output;
        let text = String::from_utf8_lossy(data);
        output.extend(text.lines().map(|line| line.trim_end().to_owned()));
        // Only the end is ever shown.
        let surplus = output.len().saturating_sub(LINES);
        output.drain(..surplus);
    }

    pub(super) fn vertex(&mut self, vertex: Vertex) {
        let (target, name) = owner(self.targets, &vertex.name);
        let step = self.by_digest.entry(vertex.digest).or_default();
        (step.target, step.name) = (target.or(step.target), name.clone());
        if !vertex.error.is_empty() {
            step.error = Some(vertex.error);
        }
        // Loading definitions and exporting layers is BuildKit's own affair.
        if let Some(target) = target
            && vertex.started
            && !vertex.completed
            && name.starts_with('[')
            && !name.starts_with("[internal]")
        {
            self.progress.event(Event {
                id: format!("Image {}", self.targets[target].image),
                state: State::Working,
                text: "Building".to_owned(),
                detail: Some(name),
            });
        }
    }

    pub(super) fn done(&self) {
        for target in self.targets {
            self.progress.done(format!("Image {}", target.image), "Built");
        }
    }

    /// The steps that failed, at the lines of their definitions. What was only cancelled is not their fault.
    pub(super) fn failure(&self) -> Error {
        let mut failed: Vec<&Step> = self.by_digest.values().filter(|step| is_cause(step)).collect();
        failed.sort_by_key(|step| (step.target, &step.name));
        if failed.is_empty() {
            return self.refusal();
        }
        let mut diagnostics: Vec<Diagnostic> = Vec::new();
        for step in failed {
            let error = step.error.as_deref().unwrap_or_default();
            let target = step.target.map(|target| &self.targets[target]);
            if let Some(target) = target {
                self.progress.failed(format!("Image {}", target.image), "Error");
            }
            let whose = match target {
                Some(target) => format!("service `{}` cannot be built", target.services.join("`, `")),
                None => "the project cannot be built".to_owned(),
            };
            let span = target.map_or(Span::NOWHERE, |target| target.span);
            let mut diagnostic = Diagnostic::error(span, format!("{whose}: `{}`: {error}", step.name));
            diagnostic.notes.extend(step.output.iter().map(|line| Note {
                message: line.clone(),
                span: Span::NOWHERE,
            }));
            diagnostics.push(diagnostic);
        }
        diagnostics.into()
    }

    /// What the program said when no step failed: it did not like what it was asked for.
    fn refusal(&self) -> Error {
        let said = self.remarks.iter().rev().find_map(|line| line.strip_prefix("ERROR: "));
        let said = said.or(self.remarks.last().map(String::as_str));
        let said = said.unwrap_or("it ended without a word");
        let named = said.strip_prefix("target ").and_then(|rest| rest.split_once(": "));
        let named = named.and_then(|(name, why)| {
            let target = self.targets.iter().find(|target| target.name == name)?;
            Some((target, why))
        });
        let (target, why) = match (named, self.targets) {
            (Some((target, why)), _) => (target, why),
            (None, [target]) => (target, said),
            _ => return Error::new(format!("`docker-buildx` cannot build the project: {said}")),
        };
        // How the words came here says nothing about what they mean.
        let why = why.strip_prefix("failed to solve: ").unwrap_or(why);
        let why = why.strip_prefix("rpc error: code = Unknown desc = ").unwrap_or(why);
        let message = format!("service `{}` cannot be built: {why}", target.services.join("`, `"));
        let mut diagnostic = Diagnostic::error(target.span, message);
        if why.contains("unsupported frontend capability") {
            diagnostic = diagnostic.hint(
                "the engine's own BuildKit is too old for this: `docker buildx create --use` makes a newer builder",
            );
        }
        vec![diagnostic].into()
    }
}

fn is_cause(step: &Step) -> bool {
    step.error.as_ref().is_some_and(|error| {
        let cancelled = ["context canceled", "Canceled", "no longer needed"];
        !cancelled.iter().any(|word| error.contains(word))
    })
}

/// The target whose step this is, and the step's name without it: `[web 1/2] RUN make`. A build of one target does not
/// name it.
fn owner(targets: &[Target], name: &str) -> (Option<usize>, String) {
    if let Some(inner) = name.strip_prefix('[') {
        let end = inner.find([' ', ']']).unwrap_or(inner.len());
        let (word, rest) = inner.split_at(end);
        if let Some(target) = targets.iter().position(|target| target.name == word) {
            return (Some(target), format!("[{}", rest.trim_start()));
        }
    }
    let words = name.split_once(' ').map(|(word, _)| word);
    let named = targets.iter().position(|target| Some(target.name.as_str()) == words);
    let only = (targets.len() == 1).then_some(0);
    (named.or(only), name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(name: &str) -> Target {
        Target {
            name: name.to_owned(),
            services: vec![name.to_owned()],
            image: format!("shop-{name}"),
            span: Span::NOWHERE,
            definition: serde_json::Map::new(),
        }
    }

    #[test]
    fn a_step_belongs_to_the_target_in_its_name() {
        let targets = [target("web"), target("db")];
        let owner = |name: &str| owner(&targets, name);
        assert_eq!(owner("[web 1/2] RUN make"), (Some(0), "[1/2] RUN make".to_owned()));
        assert_eq!(
            owner("[db internal] load .dockerignore").1,
            "[internal] load .dockerignore"
        );
        assert_eq!(owner("[base 1/2] RUN make").0, None);
        assert_eq!(super::owner(&targets[..1], "[base 1/2] RUN make").0, Some(0));
    }

    #[test]
    fn a_failure_is_told_with_the_end_of_its_output_and_without_what_it_cancelled() {
        let targets = [target("web"), target("db")];
        let progress = Progress::new(|_| {});
        let mut steps = Steps::new(&targets, &progress);
        let log = BASE64_STANDARD.encode((0..30).map(|line| format!("line {line}\n")).collect::<String>());
        for line in [
            r#"{"vertexes":[{"digest":"a","name":"[web 2/2] RUN make","started":"now"}]}"#.to_owned(),
            format!(r#"{{"logs":[{{"vertex":"a","stream":1,"data":"{log}"}}]}}"#),
            r#"{"vertexes":[{"digest":"a","name":"[web 2/2] RUN make","error":"exit code: 3"}]}"#.to_owned(),
            r#"{"vertexes":[{"digest":"b","name":"[db 2/2] RUN make","error":"context canceled"}]}"#.to_owned(),
            "ERROR: target web: failed to solve".to_owned(),
        ] {
            steps.line(&line);
        }
        let Error::Report(report) = steps.failure() else {
            panic!("a place in the file")
        };
        let [diagnostic] = report.diagnostics.as_slice() else {
            panic!("one mistake")
        };
        assert_eq!(
            diagnostic.message,
            "service `web` cannot be built: `[2/2] RUN make`: exit code: 3"
        );
        assert_eq!(diagnostic.notes.len(), LINES);
        assert_eq!(diagnostic.notes[LINES - 1].message, "line 29");
    }
}

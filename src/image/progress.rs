//! What BuildKit tells while it builds, by image; and what went wrong when it could not.

use std::collections::{BTreeSet, HashMap};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use super::{Target, push};
use crate::diagnostic::{Diagnostic, Note, Span};
use crate::error::Error;
use crate::progress::{Event, Progress, State};

/// Of what a step that failed wrote, so many lines are shown.
const LINES: usize = 20;

/// The step that looks for a cache of `cache_from`.
const CACHE: &str = "importing cache manifest from ";
/// The step after which the engine has the image.
const EXPORTED: &str = "exporting to image";

/// What is said of a builder that is not there, which is no fault of the files.
const NO_BUILDER: &str = "no builder ";

/// The steps of a build, and who waits for them.
pub(super) struct Steps<'a> {
    targets: &'a [Target],
    progress: &'a Progress,
    by_digest: HashMap<String, Step>,
    /// The targets whose end is told.
    ended: BTreeSet<usize>,
    /// About what was warned of, for BuildKit repeats itself.
    warned: BTreeSet<(String, String)>,
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
    #[serde(default)]
    warnings: Vec<Remark>,
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

/// What BuildKit finds doubtful in a Dockerfile.
#[derive(Deserialize)]
struct Remark {
    #[serde(default)]
    vertex: String,
    #[serde(default)]
    short: String,
    #[serde(default)]
    range: Vec<Lines>,
}

#[derive(Deserialize)]
struct Lines {
    #[serde(default)]
    start: Start,
}

#[derive(Default, Deserialize)]
struct Start {
    #[serde(default)]
    line: i32,
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
            ended: BTreeSet::new(),
            warned: BTreeSet::new(),
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
        for remark in told.warnings {
            let short = BASE64_STANDARD.decode(&remark.short).unwrap_or_default();
            self.doubt(
                &remark.vertex,
                &short,
                remark.range.first().map(|lines| lines.start.line),
            );
        }
    }

    /// Something in a Dockerfile that builds all the same: an argument that nothing uses, a name that is not set.
    pub(super) fn doubt(&mut self, digest: &str, short: &[u8], line: Option<i32>) {
        let target = self.by_digest.get(digest).and_then(|step| step.target);
        let target = target.or((self.targets.len() == 1).then_some(0));
        let object = match target {
            Some(target) => format!("Dockerfile of {}", self.targets[target].services.join(", ")),
            None => "Dockerfile".to_owned(),
        };
        // BuildKit says the line in its sentence, too.
        let text = String::from_utf8_lossy(short);
        let text = text.split(" (line ").next().unwrap_or_default().trim().to_owned();
        match line {
            Some(line) if line > 0 => self.warn(format!("{object}, line {line}"), text),
            _ => self.warn(object, text),
        }
    }

    fn warn(&mut self, object: String, text: String) {
        if !text.is_empty() && self.warned.insert((object.clone(), text.clone())) {
            self.progress.warning(object, text);
        }
    }

    pub(super) fn wrote(&mut self, digest: String, data: &[u8]) {
        let step = self.by_digest.entry(digest).or_default();
        let text = String::from_utf8_lossy(data);
        let lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
        if let Some(target) = step.target {
            for line in lines.iter().filter(|line| !line.is_empty()) {
                self.progress.event(Event {
                    id: format!("Image {}", self.targets[target].image),
                    state: State::Working,
                    text: "Building".to_owned(),
                    detail: Some(line.clone()),
                });
            }
        }
        let output = &mut step.output;
        output.extend(lines);
        // Only the end is ever shown.
        let surplus = output.len().saturating_sub(LINES);
        output.drain(..surplus);
    }

    pub(super) fn vertex(&mut self, vertex: Vertex) {
        let (target, name) = owner(self.targets, &vertex.name);
        let step = self.by_digest.entry(vertex.digest).or_default();
        (step.target, step.name) = (target.or(step.target), name.clone());
        if let (Some(cache), false) = (name.strip_prefix(CACHE), vertex.error.is_empty()) {
            // BuildKit goes on without it.
            let (object, text) = (format!("Cache {cache}"), format!("Not used: {}", vertex.error));
            return self.warn(object, text);
        }
        if !vertex.error.is_empty() {
            step.error = Some(vertex.error);
        }
        let ended = step.error.is_none() && vertex.completed;
        let Some(target) = target else { return };
        if ended && name == EXPORTED && !self.targets[target].to_registry() {
            self.end(target, State::Done, "Built");
        }
        // Loading definitions and exporting layers is BuildKit's own affair.
        if vertex.started && !vertex.completed && name.starts_with('[') && !name.starts_with("[internal]") {
            self.progress.event(Event {
                id: format!("Image {}", self.targets[target].image),
                state: State::Working,
                text: "Building".to_owned(),
                detail: Some(name),
            });
        }
    }

    pub(super) fn done(&mut self) {
        for target in 0..self.targets.len() {
            self.end(target, State::Done, "Built");
        }
    }

    /// Tells how a target ended, once.
    fn end(&mut self, target: usize, state: State, text: &str) {
        if self.ended.insert(target) {
            self.progress.event(Event {
                id: format!("Image {}", self.targets[target].image),
                state,
                text: text.to_owned(),
                detail: None,
            });
        }
    }

    /// What went wrong, at the lines of its definitions. All other targets end with it.
    pub(super) fn failure(&mut self) -> Error {
        let mut failed: Vec<&Step> = self.by_digest.values().filter(|step| self.is_cause(step)).collect();
        failed.sort_by_key(|step| (step.target, &step.name));
        let (guilty, error) = if failed.is_empty() {
            let (target, error) = self.refusal();
            (target.into_iter().collect(), error)
        } else {
            let guilty: BTreeSet<usize> = failed.iter().filter_map(|step| step.target).collect();
            let mistakes: Vec<Diagnostic> = failed.into_iter().map(|step| self.mistake(step)).collect();
            (guilty, mistakes.into())
        };
        for target in 0..self.targets.len() {
            if guilty.contains(&target) {
                self.end(target, State::Failed, "Error");
            } else {
                self.end(target, State::Warning, "Cancelled");
            }
        }
        error
    }

    /// Whether a step failed by itself. What was only cancelled is not to blame, nor what tells another target's error.
    fn is_cause(&self, step: &Step) -> bool {
        step.error.as_ref().is_some_and(|error| {
            let cancelled = ["context canceled", "Canceled", "no longer needed"];
            let mut others = self
                .targets
                .iter()
                .enumerate()
                .filter(|(nth, _)| Some(*nth) != step.target);
            !cancelled.iter().any(|word| error.contains(word))
                && !others.any(|(_, other)| error.starts_with(&format!("target {}: ", other.name)))
        })
    }

    fn mistake(&self, step: &Step) -> Diagnostic {
        let error = step.error.as_deref().unwrap_or_default();
        let target = step.target.map(|target| &self.targets[target]);
        let span = target.map_or(Span::NOWHERE, |target| target.span);
        let services = target.map(|target| target.services.join("`, `"));
        let (whose, advice) = match (services, step.name.strip_prefix("pushing ")) {
            (Some(services), Some(_)) => {
                let whose = format!("service `{services}` is built, and cannot be pushed");
                (whose, push::advice(error))
            }
            (Some(services), None) => (format!("service `{services}` cannot be built"), None),
            (None, _) => ("the project cannot be built".to_owned(), None),
        };
        let mut diagnostic = Diagnostic::error(span, format!("{whose}: `{}`: {error}", step.name));
        diagnostic.hint = advice.map(str::to_owned);
        diagnostic.notes.extend(step.output.iter().map(|line| Note {
            message: line.clone(),
            span: Span::NOWHERE,
        }));
        diagnostic
    }

    /// What the program said when no step failed: it did not like what it was asked for. And of which target.
    fn refusal(&self) -> (Option<usize>, Error) {
        let said = self.remarks.iter().rev().find_map(|line| line.strip_prefix("ERROR: "));
        let said = said.or(self.remarks.last().map(String::as_str));
        let said = said.unwrap_or("the builder ended without a word");
        let named = said.strip_prefix("target ").and_then(|rest| rest.split_once(": "));
        let named = named.and_then(|(name, why)| {
            let target = self.targets.iter().position(|target| target.name == name)?;
            Some((target, why))
        });
        let (nth, why) = match (named, self.targets) {
            (Some((target, why)), _) => (target, why),
            (None, [_]) if !said.starts_with(NO_BUILDER) => (0, said),
            _ => {
                let mut error = Error::new(format!("`docker-buildx` cannot build the project: {said}"));
                if said.starts_with(NO_BUILDER) {
                    error = error.hint("`docker buildx ls` shows which there are");
                }
                return (None, error);
            }
        };
        let target = &self.targets[nth];
        // How the words came here says nothing about what they mean.
        let why = why.strip_prefix("failed to solve: ").unwrap_or(why);
        let why = why.strip_prefix("rpc error: code = Unknown desc = ").unwrap_or(why);
        let why = why
            .strip_prefix("failed to solve with frontend dockerfile.v0: ")
            .unwrap_or(why);
        let why = why.strip_prefix("failed to create LLB definition: ").unwrap_or(why);
        let too_old = why.contains("unsupported frontend capability");
        let mut diagnostic = if too_old && why.contains("moby.buildkit.frontend.contexts") {
            mistake(target, "the engine's own BuildKit does not know `additional_contexts`")
        } else {
            mistake(target, why)
        };
        if too_old {
            diagnostic = diagnostic.hint("it is too old: `docker buildx create --use` makes a newer builder");
        } else if why.contains("not supported for the docker driver") {
            diagnostic = diagnostic.hint("`docker buildx create --use` makes a builder that can do it");
        }
        (Some(nth), vec![diagnostic].into())
    }
}

/// What a builder says about a definition as a whole: where it is about the Dockerfile with the name of that, which
/// builders do not say, and where it is about the stage at the place that names it.
pub(super) fn mistake(target: &Target, why: &str) -> Diagnostic {
    let stage = why.starts_with("target stage ") || why.starts_with("failed to reach build target ");
    let place = if stage { target.place("target") } else { target.span };
    let services = target.services.join("`, `");
    let why = in_its_file(target, why);
    Diagnostic::error(place, format!("service `{services}` cannot be built: {why}"))
}

/// A mistake in a Dockerfile, with the name of that file, which BuildKit does not say.
fn in_its_file(target: &Target, why: &str) -> String {
    let said = |text: &str| {
        target
            .definition
            .get(text)
            .and_then(|value| value.as_str().map(str::to_owned))
    };
    let parsed = ["dockerfile parse error on line ", "dockerfile parse error line "]
        .iter()
        .find_map(|words| why.strip_prefix(words)?.split_once(": "));
    let file = match said("dockerfile") {
        Some(name) => format!("`{name}`"),
        None if said("dockerfile-inline").is_some() => "`dockerfile_inline`".to_owned(),
        None => "`Dockerfile`".to_owned(),
    };
    match parsed {
        Some((line, mistake)) => format!("line {line} of {file}: {mistake}"),
        None => why.to_owned(),
    }
}

/// The target whose step this is, and the step's name without it: `[web 1/2] RUN make`. A build of one target does not
/// name it.
fn owner(targets: &[Target], name: &str) -> (Option<usize>, String) {
    if let Some(inner) = name.strip_prefix('[') {
        let end = inner.find([' ', ']']).unwrap_or(inner.len());
        let (word, rest) = inner.split_at(end);
        if let Some(target) = targets.iter().position(|target| target.name == word) {
            let step = format!("[{}", rest.trim_start());
            return (Some(target), step.strip_prefix("[] ").unwrap_or(&step).to_owned());
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
            places: std::collections::BTreeMap::new(),
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
        assert_eq!(
            owner("[web] exporting to image"),
            (Some(0), "exporting to image".to_owned())
        );
        assert_eq!(owner("[base 1/2] RUN make").0, None);
        assert_eq!(super::owner(&targets[..1], "[base 1/2] RUN make").0, Some(0));
    }

    /// Lets a build say some lines; what it told of its images' ends and of doubts, and how it failed.
    fn told(targets: &[Target], lines: &[&str]) -> (Vec<String>, Error) {
        let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = std::sync::Arc::clone(&told);
        let progress = Progress::new(move |event| {
            if event.state != State::Working {
                seen.lock().unwrap().push(format!("{}: {}", event.id, event.text));
            }
        });
        let mut steps = Steps::new(targets, &progress);
        for line in lines {
            steps.line(line);
        }
        let failure = steps.failure();
        let told = told.lock().unwrap().clone();
        (told, failure)
    }

    fn messages(error: Error) -> Vec<String> {
        let Error::Report(report) = error else {
            panic!("a place in the file")
        };
        report.diagnostics.into_iter().map(|mistake| mistake.message).collect()
    }

    #[test]
    fn each_image_is_told_its_end() {
        let targets = [target("web"), target("db"), target("job"), target("log")];
        let (told, _) = told(
            &targets,
            &[
                r#"{"vertexes":[{"digest":"e","name":"[log] exporting to image","started":"now","completed":"now"}]}"#,
                r#"{"vertexes":[{"digest":"a","name":"[web 2/2] RUN make","error":"exit code: 3"}]}"#,
                r#"{"vertexes":[{"digest":"b","name":"[db 2/2] RUN make","error":"context canceled"}]}"#,
            ],
        );
        let expected = ["log: Built", "web: Error", "db: Cancelled", "job: Cancelled"];
        assert_eq!(told, expected.map(|end| format!("Image shop-{end}")));
    }

    #[test]
    fn what_another_target_did_is_not_to_blame() {
        let (told, failure) = told(
            &[target("web"), target("db")],
            &[
                r#"{"vertexes":[{"digest":"a","name":"[web] pushing r/web with docker","error":"target db: no basic auth credentials"}]}"#,
                r#"{"vertexes":[{"digest":"b","name":"[db] pushing r/db with docker","error":"no basic auth credentials"}]}"#,
            ],
        );
        assert_eq!(told, ["Image shop-web: Cancelled", "Image shop-db: Error"]);
        assert_eq!(
            messages(failure),
            ["service `db` is built, and cannot be pushed: `pushing r/db with docker`: no basic auth credentials"]
        );
    }

    #[test]
    fn what_a_builder_does_not_like_is_an_error_of_its_image() {
        let (told, failure) = told(
            &[target("web"), target("db")],
            &["ERROR: target db: failed to solve: target stage nix could not be found"],
        );
        assert_eq!(told, ["Image shop-web: Cancelled", "Image shop-db: Error"]);
        assert_eq!(
            messages(failure),
            ["service `db` cannot be built: target stage nix could not be found"]
        );
    }

    #[test]
    fn what_buildkit_finds_doubtful_is_a_warning_once() {
        let doubt = |line: &str| {
            let short = BASE64_STANDARD.encode("UndefinedVar: Usage of undefined variable '$X' (line 3)");
            format!(r#"{{"warnings":[{{"vertex":"a","level":1,"short":"{short}"{line}}}]}}"#)
        };
        let placed = doubt(r#","range":[{"start":{"line":3},"end":{"line":3}}]"#);
        let step = r#"{"vertexes":[{"digest":"a","name":"[web internal] load build definition from Dockerfile"}]}"#;
        let (told, _) = told(&[target("web"), target("db")], &[step, &placed, &placed, &doubt("")]);
        assert_eq!(
            told[..2],
            [
                "Dockerfile of web, line 3: UndefinedVar: Usage of undefined variable '$X'",
                "Dockerfile of web: UndefinedVar: Usage of undefined variable '$X'"
            ]
        );
    }

    #[test]
    fn a_builder_that_is_not_there_is_no_fault_of_the_file() {
        let (_, failure) = told(&[target("web")], &["ERROR: no builder \"nope\" found"]);
        assert!(matches!(failure, Error::Message(_)), "{failure}");
    }

    #[test]
    fn a_cache_that_is_not_there_fails_no_build() {
        let cache = r#"{"vertexes":[{"digest":"c","name":"importing cache manifest from r/c:1","error":"not found"}]}"#;
        let step = r#"{"vertexes":[{"digest":"a","name":"[web 2/2] RUN make","error":"exit code: 3"}]}"#;
        let (told, failure) = told(&[target("web")], &[cache, step]);
        assert_eq!(told, ["Cache r/c:1: Not used: not found", "Image shop-web: Error"]);
        assert_eq!(messages(failure).len(), 1);
    }

    #[test]
    fn a_mistake_in_a_dockerfile_names_the_file() {
        let mut web = target("web");
        let said = |web: &Target, words: &str| {
            let words = format!("ERROR: failed to solve: {words}: unknown instruction: RUNN");
            messages(told(std::slice::from_ref(web), &[&words]).1).remove(0)
        };
        assert_eq!(
            said(&web, "dockerfile parse error on line 2"),
            "service `web` cannot be built: line 2 of `Dockerfile`: unknown instruction: RUNN"
        );
        web.definition.insert("dockerfile".into(), "web/Dockerfile".into());
        let old = "rpc error: code = Unknown desc = failed to solve with frontend dockerfile.v0: failed to create LLB \
                   definition: dockerfile parse error line 2";
        assert_eq!(
            said(&web, old),
            "service `web` cannot be built: line 2 of `web/Dockerfile`: unknown instruction: RUNN"
        );
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

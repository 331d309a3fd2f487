//! From what has changed to what is to be done about it: a pure function.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::rule::{Action, Rule};

/// A path that is not what it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Change {
    pub(super) path: PathBuf,
    pub(super) folder: bool,
    /// Whether it is there now.
    pub(super) there: bool,
}

/// What a path in a container is to become.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// What this path is.
    Path(PathBuf),
    /// Nothing.
    Gone,
}

/// Sources by their path in the container.
pub(super) type Copies = BTreeMap<String, Source>;

/// What one batch of changes asks for.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct Work<'a> {
    pub(super) copies: BTreeMap<&'a str, Copies>,
    pub(super) restart: BTreeSet<&'a str>,
    /// Places of the rules whose commands run, once each.
    pub(super) exec: BTreeSet<usize>,
    pub(super) rebuild: BTreeSet<&'a str>,
}

/// Decides what a batch of changes asks for; each thing is done once, however many files ask for it.
pub(super) fn decide<'a>(changes: &[Change], rules: &[Rule<'a>]) -> Work<'a> {
    let mut work = Work::default();
    for change in changes {
        for (place, rule) in rules.iter().enumerate() {
            let Some(target) = rule.target(&change.path) else {
                continue;
            };
            if rule.action.syncs() && !(change.folder && change.path == rule.path) {
                let source = if change.there {
                    Source::Path(change.path.clone())
                } else {
                    Source::Gone
                };
                work.copies.entry(rule.service).or_default().insert(target, source);
            }
            // Folders come and go with what is in them, and that counts.
            if change.folder {
                continue;
            }
            match rule.action {
                Action::Sync => {}
                Action::SyncRestart | Action::Restart => drop(work.restart.insert(rule.service)),
                Action::SyncExec => drop(work.exec.insert(place)),
                Action::Rebuild => drop(work.rebuild.insert(rule.service)),
            }
        }
    }
    // What is made anew need not be restarted before.
    work.restart.retain(|service| !work.rebuild.contains(service));
    for copies in work.copies.values_mut() {
        without_what_goes_anyway(copies);
    }
    work
}

/// Everything that the rules of a service which want it copy before anything has changed.
pub(super) fn first<'p>(service: &str, rules: &[Rule<'_>], paths: impl Iterator<Item = (&'p Path, bool)>) -> Copies {
    let rules: Vec<_> = rules
        .iter()
        .filter(|rule| rule.service == service && rule.initial && rule.action.syncs())
        .collect();
    let mut copies = Copies::new();
    if rules.is_empty() {
        return copies;
    }
    for (path, folder) in paths {
        for rule in &rules {
            if !(folder && path == rule.path)
                && let Some(target) = rule.first_target(path)
            {
                copies.insert(target, Source::Path(path.to_owned()));
            }
        }
    }
    copies
}

/// Keeps of what is to go only what lies in nothing that goes.
fn without_what_goes_anyway(copies: &mut Copies) {
    let gone: BTreeSet<String> = copies
        .iter()
        .filter(|(_, source)| **source == Source::Gone)
        .map(|(target, _)| target.clone())
        .collect();
    let above = |target: &str| {
        target
            .match_indices('/')
            .any(|(slash, _)| gone.contains(&target[..slash]))
    };
    copies.retain(|target, source| *source != Source::Gone || !above(target));
}

#[cfg(test)]
mod tests {
    use super::super::rule::{Rule, rules};
    use super::*;
    use crate::compose::{LoadOptions, Project, load};

    fn project(compose: &str) -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().unwrap();
        let folder_path = std::fs::canonicalize(folder.path()).unwrap();
        std::fs::write(folder_path.join("compose.yaml"), compose).unwrap();
        std::fs::create_dir_all(folder_path.join("src")).unwrap();
        let options = LoadOptions {
            current_dir: folder_path,
            ..LoadOptions::default()
        };
        let project = load(&options).unwrap().project;
        (folder, project)
    }

    fn change(folder: &tempfile::TempDir, path: &str) -> Change {
        Change {
            path: std::fs::canonicalize(folder.path()).unwrap().join(path),
            folder: path.ends_with('/'),
            there: true,
        }
    }

    fn gone(folder: &tempfile::TempDir, path: &str) -> Change {
        Change {
            there: false,
            ..change(folder, path)
        }
    }

    fn targets(work: &Work<'_>, service: &str) -> Vec<String> {
        let copies = work.copies.get(service).into_iter().flatten();
        copies
            .map(|(target, source)| match source {
                Source::Path(_) => target.clone(),
                Source::Gone => format!("-{target}"),
            })
            .collect()
    }

    fn of(project: &Project) -> Vec<Rule<'_>> {
        let (rules, said) = rules(project);
        assert_eq!(said, []);
        rules
    }

    #[test]
    fn each_action_is_asked_for_once() {
        let (folder, project) = project(
            "services:
  web:
    image: a
    build: {context: .}
    develop:
      watch:
        - {action: sync, path: src, target: /app}
        - {action: sync+restart, path: conf, target: /etc/app/}
        - {action: sync+exec, path: hook, target: /hook, exec: {command: [reload]}}
        - {action: restart, path: flag}
  db:
    build: {context: .}
    develop: {watch: [{action: rebuild, path: schema}, {action: restart, path: schema}]}",
        );
        let rules = of(&project);
        let changes = ["src/a", "src/deep/b", "conf/x", "hook/1", "hook/2", "other"].map(|path| change(&folder, path));
        let work = decide(&changes, &rules);
        assert_eq!(
            targets(&work, "web"),
            ["/app/a", "/app/deep/b", "/etc/app/x", "/hook/1", "/hook/2"]
        );
        assert_eq!(work.restart, BTreeSet::from(["web"]));
        assert_eq!(work.exec.len(), 1);
        assert!(work.rebuild.is_empty());
        let work = decide(&[change(&folder, "schema/1.sql"), change(&folder, "flag")], &rules);
        assert_eq!(work.rebuild, BTreeSet::from(["db"]));
        assert_eq!(
            work.restart,
            BTreeSet::from(["web"]),
            "what is rebuilt is not restarted besides"
        );
    }

    #[test]
    fn patterns_say_what_counts() {
        let (folder, project) = project(
            "services:
  web:
    build: {context: .}
    develop:
      watch:
        - {action: sync, path: ., target: /app, ignore: [node_modules/, '*.log'], include: ['**/*.js', '**/*.log']}",
        );
        std::fs::write(folder.path().join(".dockerignore"), "dist\n").unwrap();
        let rules = of(&project);
        let changes = [
            "a.js",
            "src/b.js",
            "src/c.css",
            "node_modules/x.js",
            "x.log",
            "dist/d.js",
            ".git/e.js",
            "src/.f.js.swp",
            "g.js~",
        ];
        let work = decide(&changes.map(|path| change(&folder, path)), &rules);
        assert_eq!(targets(&work, "web"), ["/app/a.js", "/app/src/b.js"]);
        let root = &rules[0].path;
        for (path, enters) in [("src", true), ("node_modules", false), ("dist", false), (".git", false)] {
            assert_eq!(rules[0].enters(&root.join(path)), enters, "{path}");
        }
    }

    #[test]
    fn what_goes_with_its_folder_is_not_named_besides() {
        let (folder, project) =
            project("services: {web: {image: a, develop: {watch: [{action: sync, path: src, target: /app}]}}}");
        let rules = of(&project);
        let changes = [
            gone(&folder, "src/old/"),
            gone(&folder, "src/old/a"),
            gone(&folder, "src/older"),
            change(&folder, "src/new/"),
            change(&folder, "src/new/a"),
            gone(&folder, "src/"),
        ];
        let work = decide(&changes, &rules);
        assert_eq!(
            targets(&work, "web"),
            ["/app/new", "/app/new/a", "-/app/old", "-/app/older"]
        );
    }

    #[test]
    fn one_file_has_a_target_of_its_own() {
        let (folder, project) = project(
            "services:
  web:
    image: a
    develop:
      watch: [{action: sync, path: one.conf, target: /etc/two.conf}, {action: sync, path: one.conf, target: /etc/}]",
        );
        let work = decide(&[change(&folder, "one.conf")], &of(&project));
        assert_eq!(targets(&work, "web"), ["/etc/one.conf", "/etc/two.conf"]);
    }

    #[test]
    fn the_first_copy_is_for_rules_that_want_it_and_leaves_out_what_builds() {
        let (folder, project) = project(
            "services:
  web:
    build: {context: .}
    develop:
      watch:
        - {action: sync, path: ., target: /app, initial_sync: true}
        - {action: sync, path: src, target: /other}",
        );
        let rules = of(&project);
        let paths = ["", "a", "src", "src/b", "Dockerfile", "compose.yaml"].map(|path| change(&folder, path).path);
        let entries = paths
            .iter()
            .map(|path| (path.as_path(), path.ends_with("src") || *path == rules[0].path));
        let copies = first("web", &rules, entries);
        assert_eq!(copies.keys().collect::<Vec<_>>(), ["/app/a", "/app/src", "/app/src/b"]);
    }

    #[test]
    fn what_cannot_be_watched_is_said() {
        let (_folder, project) = project(
            "services:
  a: {image: a, develop: {watch: [{action: rebuild, path: src}]}}
  b: {image: a, develop: {watch: [{action: sync+exec, path: src, target: /b}]}}
  c: {image: a, volumes: ['./src:/src'], develop: {watch: [{action: sync, path: src/x, target: /c}]}}",
        );
        let (rules, said) = rules(&project);
        assert!(rules.is_empty());
        let said: Vec<_> = said.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
        assert_eq!(said[0], "service `a` cannot be rebuilt: it has no `build`");
        assert_eq!(said[1], "a watch rule that does `sync+exec` needs a command");
        assert!(said[2].contains("is not watched: the container has"), "{said:?}");
    }
}

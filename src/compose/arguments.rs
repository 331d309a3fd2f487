//! Ports and volumes as the command line writes them: in the short forms of the files.

use std::path::Path;

use indexmap::IndexMap;

use super::environment::Environment;
use super::sources::{Unreadable, absolute, read_variables};
use super::{Entry, Map, Mount, Node, Port, Value, decode, dotenv, long, mount};
use crate::diagnostic::{Diagnostic, Report, Span};

/// What the options `--publish` and `--volume` say. Relative paths begin at `folder`.
pub fn attachments(
    ports: &[String],
    volumes: &[String],
    folder: &Path,
) -> Result<(Vec<Port>, Vec<Mount>), Vec<Diagnostic>> {
    let texts = |texts: &mut dyn Iterator<Item = String>| {
        let nodes = texts.map(|text| Node::new(Value::String(text), Span::NOWHERE));
        Entry {
            key: Span::NOWHERE,
            node: Node::new(Value::List(nodes.collect()), Span::NOWHERE),
        }
    };
    let absolute = |volume: &String| match volume.split_once(':') {
        Some((source, rest)) if source.starts_with('.') && mount::is_path(source) => {
            format!("{}:{rest}", folder.join(source).display())
        }
        _ => volume.clone(),
    };
    let mut map = Map::default();
    map.insert("ports".to_owned(), texts(&mut ports.iter().cloned()));
    map.insert("volumes".to_owned(), texts(&mut volumes.iter().map(absolute)));
    let mut service = Node::new(Value::Map(map), Span::NOWHERE);
    let mut diagnostics = Vec::new();
    long::expand_service("run", &mut service, false, &mut diagnostics);
    let Value::Map(map) = &service.value else {
        return Ok((Vec::new(), Vec::new()));
    };
    let service = decode::service("run", map, Span::NOWHERE, &mut diagnostics);
    if diagnostics.is_empty() {
        Ok((service.ports, service.volumes))
    } else {
        Err(diagnostics)
    }
}

/// The variables of a file for a command, as `NAME=VALUE`. Values may name variables of the process.
pub fn variables(path: &Path, folder: &Path, process: &IndexMap<String, String>) -> Result<Vec<String>, Report> {
    let mut report = Report::default();
    let environment = Environment::of_process(process);
    let (file, text) = match read_variables(&absolute(path, folder), folder, &mut report) {
        Ok(read) => read,
        Err(failure) => {
            let why = match failure {
                Unreadable::Missing => "there is no such file".to_owned(),
                Unreadable::Other(why) => why,
            };
            let message = format!("cannot read {}: {why}", path.display());
            report.push(Diagnostic::error(Span::NOWHERE, message));
            return Err(report);
        }
    };
    let mut diagnostics = Vec::new();
    let nothing = Environment::of_process(&IndexMap::new());
    let assignments = dotenv::parse(&text, file, &environment, &nothing, &mut diagnostics);
    report.push_all(diagnostics, false);
    if report.has_errors() {
        return Err(report);
    }
    let variable = |assignment: dotenv::Assignment| {
        let value = assignment.value.value;
        let value = value.or_else(|| environment.get(&assignment.name).map(str::to_owned));
        value.map(|value| format!("{}={value}", assignment.name))
    };
    Ok(assignments.into_iter().filter_map(variable).collect())
}

//! `extends`: a service that begins as another one.

use std::path::Path;
use std::rc::Rc;

use super::include::relative;
use super::load::{Loader, Scope, section};
use super::paths::{Base, resolve_service};
use super::sources::{display_name, unreadable};
use super::yaml::Document;
use super::{Map, Node, Value, long, merge, schema};
use crate::diagnostic::{Diagnostic, Span, nearest};

/// A chain without end is a mistake, or an attack.
const LONGEST_CHAIN: usize = 64;

/// A file and a service of it, on the way from one service to what it extends.
type Step = (String, String);

/// Where a service stands that extends another one.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// The services of its file.
    services: &'a Map,
    /// What its paths are relative to.
    folder: &'a Path,
    /// Empty for the document at hand.
    file: &'a str,
    cuts: &'a [Vec<String>],
}

impl Loader<'_> {
    /// Replaces every service of a document that extends another one by the whole of both.
    pub(super) fn extend_services(&mut self, document: &mut Document, scope: &mut Scope) {
        let names: Vec<String> = match section(&mut document.root, "services") {
            Some(services) => {
                let extending = services.iter().filter(|(_, entry)| entry.node.get("extends").is_some());
                extending.map(|(name, _)| name.clone()).collect()
            }
            None => return,
        };
        let cuts = std::mem::take(&mut document.cuts);
        for name in names {
            let Some(services) = section(&mut document.root, "services") else {
                return;
            };
            let folder = scope.working_dir.clone();
            let place = Place {
                services,
                folder: &folder,
                file: "",
                cuts: &cuts,
            };
            let complete = self.complete(place, &name, scope, &mut Vec::new());
            if let (Some(complete), Some(services)) = (complete, section(&mut document.root, "services"))
                && let Some(entry) = services.get_mut(&name)
            {
                entry.node = complete;
            }
        }
        document.cuts = cuts;
    }

    /// A service together with all that it extends.
    fn complete(&mut self, place: Place<'_>, name: &str, scope: &mut Scope, chain: &mut Vec<Step>) -> Option<Node> {
        let mut service = place.services.get(name)?.node.clone();
        let Value::Map(map) = &mut service.value else {
            return Some(service);
        };
        let Some(entry) = map.get("extends").cloned() else {
            return Some(service);
        };
        let extends = entry.node.clone();
        let Some((target, other)) = request(&extends) else {
            // Validation reports what is wrong with it.
            return Some(service);
        };
        map.shift_remove("extends");
        if chain.len() >= LONGEST_CHAIN {
            self.report.push(
                Diagnostic::error(
                    extends.span,
                    format!("more than {LONGEST_CHAIN} services extend each other in a row"),
                )
                .hint("extend a service that says more itself"),
            );
            return Some(service);
        }
        chain.push((place.file.to_owned(), name.to_owned()));
        let base = match other {
            None => self.sibling(place, &target, &extends, scope, chain),
            Some(path) => self.foreign(&path, &target, &extends, place.folder, scope, chain),
        };
        chain.pop();
        let Some(mut base) = base.filter(|base| base.value != Value::Null) else {
            // What was not extended still says so: nobody wonders then what it lacks.
            if let Value::Map(map) = &mut service.value {
                map.insert("extends".to_owned(), entry);
            }
            return Some(service);
        };
        for cut in place.cuts {
            if let [services, of, inner @ ..] = cut.as_slice()
                && services == "services"
                && of == name
            {
                merge::cut(&mut base, inner);
            }
        }
        merge::merge_service(&mut base, service);
        Some(base)
    }

    /// A service of the same file.
    fn sibling(
        &mut self,
        place: Place<'_>,
        target: &str,
        extends: &Node,
        scope: &mut Scope,
        chain: &mut Vec<Step>,
    ) -> Option<Node> {
        if self.is_circle(chain, place.file, target, extends.span) {
            return None;
        }
        if !place.services.contains_key(target) {
            self.no_service(place.services, target, extends, "this file");
            return None;
        }
        self.complete(place, target, scope, chain)
    }

    /// A service of another file, with its paths as seen from the folder at hand.
    fn foreign(
        &mut self,
        path: &str,
        target: &str,
        extends: &Node,
        folder: &Path,
        scope: &mut Scope,
        chain: &mut Vec<Step>,
    ) -> Option<Node> {
        let span = extends.get("file").map_or(extends.span, |file| file.span);
        let absolute = self.locate("extended file", path, span, folder)?;
        let file = display_name(&absolute, &self.options.current_dir);
        if self.is_circle(chain, &file, target, extends.span) {
            return None;
        }
        let document = self.extended_file(&absolute, path, span, scope)?;
        let Some(services) = document.root.get("services").and_then(Node::as_map) else {
            self.no_service(&Map::default(), target, extends, &file);
            return None;
        };
        if !services.contains_key(target) {
            self.no_service(services, target, extends, &file);
            return None;
        }
        let there = absolute.parent().unwrap_or(Path::new("/"));
        let place = Place {
            services,
            folder: there,
            file: &file,
            cuts: &document.cuts,
        };
        let mut service = self.complete(place, target, scope, chain)?;
        if service.value == Value::Null {
            return Some(service);
        }
        // Short forms hide paths from being resolved.
        schema::validate(
            &service,
            &schema::SERVICE,
            &format!("services.{target}"),
            &mut self.report.diagnostics,
        );
        long::expand_service(
            target,
            &mut service,
            self.options.skip.interpolation,
            &mut self.report.diagnostics,
        );
        let base = Base {
            folder: &relative(there, folder),
            home: scope.environment.get("HOME"),
        };
        resolve_service(&mut service, base);
        Some(service)
    }

    /// A file's documents as one; read once, however many services extend it.
    fn extended_file(&mut self, path: &Path, written: &str, span: Span, scope: &mut Scope) -> Option<Rc<Document>> {
        if let Some(known) = scope.extended.get(path) {
            return known.clone();
        }
        let document = match self.open(path) {
            Ok(file) => {
                let mut merged: Option<Document> = None;
                for mut document in self.parse(file, None) {
                    self.interpolate(&mut document.root, scope);
                    match &mut merged {
                        Some(merged) => {
                            document.cuts.iter().for_each(|path| merge::cut(&mut merged.root, path));
                            merge::merge_document(&mut merged.root, document.root);
                        }
                        None => merged = Some(document),
                    }
                }
                merged.map(Rc::new)
            }
            Err(why) => {
                self.report.push(unreadable(span, "extended file", written, &why));
                None
            }
        };
        scope.extended.insert(path.to_owned(), document.clone());
        document
    }

    fn is_circle(&mut self, chain: &[Step], file: &str, target: &str, span: Span) -> bool {
        let found = chain.iter().any(|(of, name)| of == file && name == target);
        if found {
            let steps = chain.iter().map(|(_, name)| name.as_str()).chain([target]);
            let steps: Vec<_> = steps.map(|name| format!("`{name}`")).collect();
            self.report.push(
                Diagnostic::error(span, "services extend each other in a circle")
                    .hint(format!("the circle: {}", steps.join(" → "))),
            );
        }
        found
    }

    fn no_service(&mut self, services: &Map, target: &str, extends: &Node, place: &str) {
        let span = extends.get("service").map_or(extends.span, |service| service.span);
        let mut diagnostic = Diagnostic::error(span, format!("there is no service `{target}` in {place}"));
        if let Some(near) = nearest(target, services.keys().map(String::as_str)) {
            diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
        }
        self.report.push(diagnostic);
    }
}

/// The service that is extended, and its file if it is another one.
fn request(extends: &Node) -> Option<(String, Option<String>)> {
    if let Some(service) = extends.as_str() {
        return Some((service.to_owned(), None));
    }
    let service = extends.get("service")?.as_str()?.to_owned();
    let file = extends
        .get("file")
        .and_then(Node::as_str)
        .filter(|file| !file.is_empty());
    Some((service, file.map(str::to_owned)))
}

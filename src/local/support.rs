//! One verdict for each attribute of the Compose specification, on an engine; and what an attribute's value says that
//! no table knows.

mod table;

use super::container;
use crate::backend::verdict::{Finding, Table};
use crate::compose::{FileObject, FileReference, Project, Service, Spanned, images};
use crate::diagnostic::Diagnostic;
use crate::engine::Connection;
use crate::error::Result;

pub const TABLE: Table = Table {
    target: "an engine",
    rows: table::ROWS,
};

/// Every attribute of a project, and what becomes of it on an engine that can do all that engines can.
#[must_use]
pub fn findings(project: &Project) -> Vec<Finding> {
    let mut said = Vec::new();
    for service in project.services.values() {
        values(project, service, &mut said);
    }
    TABLE.findings(project, &said)
}

impl Connection {
    /// All that has to be said about a project before anything is done. The engine is asked only if the project wants
    /// something that not every engine can do.
    pub(super) async fn judge(&self, project: &Project) -> Result<Vec<Diagnostic>> {
        let mut said = TABLE.judge(project).said;
        for service in project.services.values() {
            values(project, service, &mut said);
        }
        let gated = |service| !container::gates(project, service).is_empty();
        if project.services.values().any(gated) {
            said.extend(container::refused(project, self.api().await?));
        }
        Ok(said)
    }
}

fn values(project: &Project, service: &Service, said: &mut Vec<Diagnostic>) {
    if let Some(name) = service.container_name.as_ref().filter(|_| service.replicas() > 1) {
        let message = format!(
            "`{name}` cannot name {} containers",
            service.replicas(),
            name = name.value
        );
        said.push(Diagnostic::error(name.span, message).hint("leave out `container_name`, or have one container"));
    }
    // An engine also knows its images by their ids.
    let by_id =
        |image: &Spanned<String>| image.value.len() == 64 && image.value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !service.image.as_ref().is_some_and(by_id) {
        said.extend(images::misnamed(service));
    }
    let read_only = service.read_only.is_some_and(|read_only| read_only.value);
    if let Some(socket) = service.use_api_socket.filter(|socket| socket.value && read_only) {
        let message = format!(
            "who you are at registries cannot be copied into `{}`, which is read-only",
            service.name
        );
        said.push(Diagnostic::error(socket.span, message).hint("mount the engine's socket as a volume instead"));
    }
    let mut owned = |objects: &indexmap::IndexMap<String, FileObject>, reference: &FileReference| {
        let object = objects.get(&reference.source.value);
        let mounted = object.is_some_and(|object| object.content.is_none() && object.file.is_some());
        if let Some(reference) = object
            .filter(|object| object.content.is_some() && read_only)
            .map(|_| reference)
        {
            let message = format!("content cannot be copied into `{}`, which is read-only", service.name);
            said.push(Diagnostic::error(reference.span, message).hint("give it as a `file`, which is mounted"));
        }
        let asked = [
            ("uid", reference.uid.as_ref().map(|uid| uid.span)),
            ("gid", reference.gid.as_ref().map(|gid| gid.span)),
            ("mode", reference.mode.map(|mode| mode.span)),
        ];
        for (name, span) in asked {
            if let Some(span) = span.filter(|_| mounted) {
                let message = format!("`{name}` has no effect on a file that is mounted: it keeps its owner and mode");
                said.push(Diagnostic::warning(span, message));
            }
        }
    };
    service
        .secrets
        .iter()
        .for_each(|reference| owned(&project.secrets, reference));
    service
        .configs
        .iter()
        .for_each(|reference| owned(&project.configs, reference));
}

//! What happened to a project, as `ctx events` tells it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::error::Result;

/// Where events go. That nobody wants them any more is an error.
pub type Tell = dyn Fn(Happening) -> Result<()> + Send + Sync;

#[derive(Clone, Default, Debug)]
pub struct EventsOptions {
    pub services: Vec<String>,
    /// Go on with what happens from now on.
    pub follow: bool,
    /// On an engine all that it remembers, on ECS what happened since the last deployment began, if there is none.
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// Something that happened.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Happening {
    pub time: Timestamp,
    /// What it happened to: a `container`; on ECS also a `stack`, a `resource` of it, a `service`, a `task`.
    pub kind: &'static str,
    /// The target's own word: `start`, `CREATE_COMPLETE`.
    pub action: String,
    /// The container's id, the resource's name in the template.
    pub id: String,
    pub service: Option<String>,
    pub attributes: BTreeMap<String, String>,
}

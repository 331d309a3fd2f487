//! What lists show of projects and of what belongs to them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::error::Result;

/// A project that has containers, or a stack, on the target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProjectSummary {
    pub name: String,
    /// How many of its containers are in which state; on ECS its stack too, if it is not complete.
    pub states: BTreeMap<String, usize>,
    /// The Compose files that it was made from.
    pub files: String,
}

/// The processes of one container, or, on ECS, what one task uses: a name for each column, and the columns of each process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Processes {
    pub service: String,
    pub number: u32,
    pub titles: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// The image of one container.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image {
    pub container: String,
    pub repository: String,
    pub tag: String,
    /// `linux/amd64`
    pub platform: String,
    pub id: String,
    /// In bytes, where the target knows.
    pub size: Option<i64>,
    pub created: Option<Timestamp>,
}

/// A volume that the project owns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnVolume {
    pub name: String,
    pub driver: String,
    pub labels: BTreeMap<String, String>,
    pub mountpoint: String,
    pub scope: String,
}

/// What one container uses of its machine, or, on ECS, one task.
#[derive(Clone, PartialEq, Debug)]
pub struct Usage {
    pub id: String,
    pub name: String,
    /// Nothing where nobody has measured it.
    pub measured: Option<Measured>,
}

/// What was measured of it; nothing where the target does not tell.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Measured {
    /// When, where that is not now.
    pub time: Option<Timestamp>,
    /// Of one processor, in percent.
    pub cpu: f64,
    /// In bytes, without what is only cached.
    pub memory: u64,
    pub memory_limit: u64,
    /// In percent.
    pub memory_share: f64,
    /// Bytes received and sent over all networks.
    pub network: Option<(u64, u64)>,
    /// Whether these are those of one second and not of its whole life.
    pub per_second: bool,
    /// Bytes from and to disks.
    pub blocks: Option<(u64, u64)>,
    pub processes: Option<u64>,
}

/// Where measurements go. That nobody wants them any more is an error.
pub type Show = dyn Fn(&[Usage]) -> Result<()> + Send + Sync;

#[derive(Clone, Default, Debug)]
pub struct StatsOptions {
    pub services: Vec<String>,
    /// Stopped ones too.
    pub all: bool,
    /// End after the first time.
    pub once: bool,
}

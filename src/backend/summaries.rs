//! What lists show of projects and of what belongs to them.

use std::collections::BTreeMap;

use jiff::Timestamp;

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
}

/// What one container uses of its machine.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Usage {
    pub id: String,
    pub name: String,
    /// Of one processor, in percent.
    pub cpu: f64,
    /// In bytes, without what is only cached.
    pub memory: u64,
    pub memory_limit: u64,
    /// In percent.
    pub memory_share: f64,
    /// Bytes over all networks.
    pub received: u64,
    pub sent: u64,
    /// Bytes from and to disks.
    pub read: u64,
    pub written: u64,
    pub processes: u64,
}

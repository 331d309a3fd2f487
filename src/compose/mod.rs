//! What a Compose file says. Knows no backend.
//!
//! [`load`] reads files, merges them, fills in variables and defaults, checks the result and gives a [`Project`].
//! Everything that depends on the machine (files, environment) happens here; below, conversion is pure.

mod load;
mod node;
mod project;
pub mod schema;
mod service;
mod spanned;
mod units;

pub use load::{LoadOptions, Loaded, load};
pub use node::{Entry, Map, Node, Value};
pub use project::{Extensions, FileObject, Ipam, IpamPool, Mapping, Model, Network, Project, Volume};
pub use service::{
    Blkio, Build, Condition, CredentialSpec, Dependency, Deploy, Develop, Device, DeviceRequest, EnvFile, Extends,
    FileReference, GenericResource, Healthcheck, Hook, Logging, Mount, MountBind, MountImage, MountTmpfs, MountVolume,
    Placement, Port, Provider, Resource, RestartPolicy, Service, ServiceModel, ServiceNetwork, Text, Texts, Ulimit,
    UpdateConfig, Watch,
};
pub use spanned::Spanned;
pub use units::{ByteSize, Duration};

//! What a Compose file says. Knows no backend.
//!
//! [`load`] reads files, merges them, fills in variables and defaults, checks the result and gives a [`Project`].
//! Everything that depends on the machine (files, environment) happens here; below, conversion is pure.

pub mod arguments;
pub mod canonical;
mod check;
mod decode;
mod discover;
mod dotenv;
mod env_file;
mod environment;
mod explain;
mod extends;
mod forms;
mod functions;
pub mod images;
mod include;
mod interpolate;
mod load;
mod long;
mod merge;
mod mount;
mod name;
mod node;
mod normalize;
pub(crate) mod paths;
mod port;
mod profiles;
mod project;
mod prune;
mod remote;
pub mod schema;
mod service;
mod sources;
mod spanned;
pub mod survey;
mod unique;
mod units;
mod words;
mod yaml;

pub use discover::dot_env;
pub use interpolate::{Variable, variables};
pub use load::{LoadOptions, Loaded, Skip, load};
pub use node::{Entry, Map, Node, Value};
pub use profiles::nobody;
pub use project::{Extensions, FileObject, Ipam, IpamPool, Mapping, Model, Network, Project, Volume};
pub use service::{
    Blkio, Build, Condition, CredentialSpec, Dependency, Deploy, Develop, Device, DeviceRequest, Discrete, EnvFile,
    Extends, FileReference, GenericResource, Healthcheck, Hook, Logging, Mount, MountBind, MountImage, MountTmpfs,
    MountVolume, Placement, Port, Preference, Provider, Resource, RestartPolicy, Service, ServiceModel, ServiceNetwork,
    Text, Texts, Ulimit, UpdateConfig, Watch,
};
pub use spanned::Spanned;
pub use units::{ByteSize, Duration};

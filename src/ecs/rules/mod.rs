//! What each attribute changes in the template, a theme a file.
//!
//! A rule for an attribute of a service is a function of the service and the draft; the table in `ecs::support` names
//! it. `begin` functions make what is there before any rule changes it.

pub(in crate::ecs) mod alias;
pub(in crate::ecs) mod capacity;
pub(in crate::ecs) mod connect;
pub(in crate::ecs) mod container;
pub(in crate::ecs) mod credentials;
pub(in crate::ecs) mod ebs;
pub(in crate::ecs) mod exec;
pub(in crate::ecs) mod file;
pub(in crate::ecs) mod health;
pub(in crate::ecs) mod host;
pub(in crate::ecs) mod instance;
pub(in crate::ecs) mod isolation;
pub(in crate::ecs) mod job;
pub(in crate::ecs) mod logging;
pub(in crate::ecs) mod monitoring;
pub(in crate::ecs) mod mount;
pub(in crate::ecs) mod network;
pub(in crate::ecs) mod order;
pub(in crate::ecs) mod overlay;
pub(in crate::ecs) mod platform;
pub(in crate::ecs) mod port;
pub(in crate::ecs) mod restart;
pub(in crate::ecs) mod role;
pub(in crate::ecs) mod rollout;
pub(in crate::ecs) mod scaling;
pub(in crate::ecs) mod schedule;
pub(in crate::ecs) mod secret;
pub(in crate::ecs) mod size;
pub(in crate::ecs) mod stack;
pub(in crate::ecs) mod tags;
pub(in crate::ecs) mod task;
pub(in crate::ecs) mod traffic;
pub(in crate::ecs) mod volume;
pub(in crate::ecs) mod vpc;

//! `ctx` runs a Compose file, as it is, on a Docker engine and on Amazon ECS.
//!
//! The floors, each importing only from those below it (`tests/architecture.rs` checks that):
//!
//! | floor | modules |
//! |---|---|
//! | 5 | [`cli`]: a file a command; it orchestrates and decides nothing |
//! | 4 | [`ui`], the only place that prints; [`ecs`] and [`local`], the two targets |
//! | 3 | [`image`]: what is built, and how, for both targets; [`endpoint`]: whom a simulated task asks for credentials |
//! | 2 | [`backend`]: the trait and the nouns that both targets share; `engine`: the way to a Docker engine |
//! | 1 | [`compose`]: what a Compose file says; [`context`]: the store of targets |
//! | 0 | [`diagnostic`], [`error`], [`progress`], [`blocking`]; [`registry`]: what registries of images say |

pub mod backend;
pub mod blocking;
pub mod cli;
pub mod compose;
pub mod context;
pub mod diagnostic;
pub mod ecs;
pub mod endpoint;
mod engine;
pub mod error;
pub mod image;
pub mod local;
pub mod progress;
pub mod registry;
pub mod ui;

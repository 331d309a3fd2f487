//! The whole road: one Compose file, on the Docker engine and in the AWS laboratory.

#![allow(unreachable_pub, reason = "a test binary has no outside")]

#[path = "../support/mod.rs"]
mod support;

mod builds;
mod engine;
mod examples;
mod files;
mod jobs;
mod laboratory;
mod lint;
mod names;
mod road;
mod rollback;
mod run;
mod sidecars;
mod stage;

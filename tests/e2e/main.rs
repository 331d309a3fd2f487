//! The whole road: one Compose file, on the Docker engine and in the AWS laboratory.

#[path = "../support/mod.rs"]
mod support;

mod engine;
mod laboratory;
mod lint;

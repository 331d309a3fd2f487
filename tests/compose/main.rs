//! From Compose files to projects.
//!
//! A fixture is a folder `<rule>/<case>` with a Compose file and what `ctx config` prints of it: `expected.yaml`, and
//! `expected.stderr` for warnings and errors. Beside them may lie `arguments`, which stand before `config`, and
//! `variables` of the environment.

#[path = "../support/mod.rs"]
mod support;

mod bearer;
mod digests;
mod fixtures;
mod fuzz;
mod git;
mod json;
mod limits;
mod lists;
mod oci;
mod places;
mod properties;
mod stdin;

//! From Compose files to templates: each fixture is a Compose file, the template that it becomes (`.template.yaml`)
//! and what is said about it (`.stderr`).

#[path = "../support/mod.rs"]
mod support;

mod fixtures;
mod goldens;
mod nested;
mod permissions;
mod tables;
mod yaml;

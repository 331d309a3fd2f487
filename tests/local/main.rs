//! The local target: plans without an engine, and what becomes of them on a real one.

#[path = "../support/mod.rs"]
mod support;

mod attached;
mod bakes;
mod between;
mod builds;
mod calls;
mod commands;
mod contexts;
mod copy;
mod exec;
mod failures;
mod faults;
mod forward;
mod hooks;
mod ignores;
mod interop;
mod lifecycle;
mod logs;
mod parts;
mod plans;
mod podman;
mod prepared;
mod private;
mod registries;
mod run;
mod scene;
mod settings;
mod shapes;
mod simulation;
mod ssh;
mod table;
mod up;
mod watch;

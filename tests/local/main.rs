//! The local target: plans without an engine, and what becomes of them on a real one.

#[path = "../support/mod.rs"]
mod support;

mod attached;
mod bakes;
mod between;
mod builds;
mod calls;
mod commands;
mod copy;
mod exec;
mod failures;
mod faults;
mod hooks;
mod ignores;
mod interop;
mod lifecycle;
mod logs;
mod plans;
mod prepared;
mod run;
mod scene;
mod shapes;
mod ssh;
mod table;
mod up;
mod watch;

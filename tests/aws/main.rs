//! Deploying to AWS, in the laboratory: each test in an account of its own.

#![allow(unreachable_pub, reason = "a test binary has no outside")]

#[path = "../support/mod.rs"]
mod support;

mod connect;
mod copy;
mod diff;
mod down;
mod events;
mod exec;
mod explain;
mod faults;
mod forward;
mod images;
mod lifecycle;
mod logs;
mod look;
mod permissions;
mod proxy;
mod ps;
mod rollback;
mod run;
mod up;
mod world;

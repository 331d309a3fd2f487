//! Deploying to AWS, in the laboratory: each test in an account of its own.

#[path = "../support/mod.rs"]
mod support;

mod connect;
mod down;
mod faults;
mod logs;
mod proxy;
mod ps;
mod up;
mod world;

//! Deploying to AWS, in the laboratory: each test in an account of its own.

#[path = "../support/mod.rs"]
mod support;

mod connect;
mod down;
mod logs;
mod ps;
mod replay;
mod up;
mod world;

//! What the integration tests share: a place of their own to run `ctx` in, goldens, and the two targets.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

pub mod deadline;
pub mod engine;
pub mod golden;
pub mod http;
pub mod lab;
pub mod lint;
pub mod registry;
pub mod sandbox;
pub mod server;
pub mod skip;
pub mod ssh;
pub mod terminal;

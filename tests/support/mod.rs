//! What the integration tests share: a place of their own to run `ctx` in, and goldens.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

pub mod golden;
pub mod sandbox;

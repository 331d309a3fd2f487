//! CloudFormation templates, as data. Knows nothing of Compose.

pub mod fargate;
pub mod fragment;
pub mod instances;
pub mod limits;
pub mod merge;
pub mod names;
pub mod reference;
pub mod routes;
pub mod split;
mod template;
pub mod value;

pub use template::{LoadBalancerFact, Nested, Origin, Purpose, Template};
pub use value::Value;

//! CloudFormation templates, as data. Knows nothing of Compose.

pub mod fargate;
pub mod fragment;
pub mod instances;
pub mod limits;
pub mod merge;
pub mod names;
mod template;
pub mod value;

pub use template::{Origin, Purpose, Template};
pub use value::Value;

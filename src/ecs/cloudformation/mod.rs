//! CloudFormation templates, as data. Knows nothing of Compose.

mod template;

pub use template::{Origin, Purpose, Template};

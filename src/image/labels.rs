//! The labels by which Docker Compose knows whose an image is; containers, networks and volumes have them too.

pub const PROJECT: &str = "com.docker.compose.project";
pub const SERVICE: &str = "com.docker.compose.service";
pub const VERSION: &str = "com.docker.compose.version";

/// The version of Docker Compose whose labels these are. Docker Compose shows it and decides nothing by it.
pub const COMPOSE_VERSION: &str = "2.40.3";

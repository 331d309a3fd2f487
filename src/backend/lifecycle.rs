//! What is done with containers that are there.

/// Starting and stopping on both targets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Lifecycle {
    Start,
    Stop,
    /// With those that asked to restart with what they depend on, unless `alone`; on ECS, where services do not depend
    /// on each other so, a new deployment.
    Restart {
        alone: bool,
    },
    /// With a signal, or the target's own choice, which is KILL in the end.
    Kill(Option<String>),
}

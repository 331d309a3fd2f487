//! Containers that end with an error again and again.

use super::ended_badly;
use crate::ecs::aws::tasks::StoppedTask;

/// How many tasks of a service that shall have so many end before nobody waits for them any longer: each has been tried
/// twice, and the circuit breaker, which needs three failures in a small service, has had its turn.
#[must_use]
pub fn enough(desired: i32) -> usize {
    3 + 2 * usize::try_from(desired).unwrap_or_default()
}

/// The container with which most of these tasks ended by itself, if it did that often enough, and how often it did.
#[must_use]
pub fn loops(stopped: &[StoppedTask], desired: i32) -> Option<(String, usize)> {
    const ASKED_TO: [i32; 2] = [128 + 9, 128 + 15];
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for task in stopped.iter().filter(|task| !task.is_wanted()) {
        let asked = |code: Option<i32>| code.is_some_and(|code| ASKED_TO.contains(&code));
        let bad = ended_badly(&task.containers);
        let Some(first) = bad
            .first()
            .filter(|first| !asked(first.exit_code) || first.reason.is_some())
        else {
            continue;
        };
        match counts.iter_mut().find(|(name, _)| *name == first.name) {
            Some((_, count)) => *count += 1,
            None => counts.push((&first.name, 1)),
        }
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.filter(|(_, count)| *count >= enough(desired))
        .map(|(name, count)| (name.to_owned(), count))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::TaskStopCode;

    use super::*;
    use crate::ecs::aws::tasks::StoppedContainer;

    fn ended(name: &str, code: i32, stop: TaskStopCode) -> StoppedTask {
        StoppedTask {
            id: "4711".into(),
            reason: Some("Essential container in task exited".into()),
            containers: vec![StoppedContainer {
                name: name.into(),
                exit_code: Some(code),
                ..StoppedContainer::default()
            }],
            definition: String::new(),
            code: Some(stop),
            at: None,
        }
    }

    fn looping(name: &str, code: i32, stop: &TaskStopCode, times: usize) -> Option<(String, usize)> {
        let tasks = vec![ended(name, code, stop.clone()); times];
        loops(&tasks, 1)
    }

    #[test]
    fn a_container_that_ended_five_times_goes_on_like_that() {
        let own = TaskStopCode::EssentialContainerExited;
        assert_eq!(looping("web", 3, &own, 4), None);
        assert_eq!(looping("web", 3, &own, 5), Some(("web".to_owned(), 5)));
        assert_eq!(enough(10), 23, "each of ten has been tried twice");
    }

    #[test]
    fn what_somebody_wanted_to_end_and_what_is_done_is_no_crash() {
        let own = TaskStopCode::EssentialContainerExited;
        assert_eq!(looping("web", 3, &TaskStopCode::UserInitiated, 9), None);
        assert_eq!(looping("web", 0, &own, 9), None);
        assert_eq!(looping("web", 137, &TaskStopCode::ServiceSchedulerInitiated, 9), None);
    }
}

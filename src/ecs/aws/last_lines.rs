//! What a container wrote last, to explain its end.

use super::{Account, log_groups, services};

/// How many lines of a container explain its end.
const LAST: i32 = 10;

/// What a service of a project wrote last before it was rolled back, of which only its name in the template is known.
pub async fn of_service(account: &Account, project: &str, is_it: impl Fn(&str) -> bool) -> Vec<String> {
    let Ok(Some((group, prefixes))) = log_groups::left_behind(account, project, &[]).await else {
        return Vec::new();
    };
    let Some((prefix, _)) = prefixes.iter().find(|(_, service)| is_it(service)) else {
        return Vec::new();
    };
    match log_groups::newest_stream(account, &group, prefix).await {
        Some(stream) => end_of_stream(account, &group, &stream).await,
        None => Vec::new(),
    }
}

/// The last lines that a container of a task wrote; none if they cannot be had.
pub async fn of_task(account: &Account, definition: &str, task: &str, container: &str) -> Vec<String> {
    let Ok(definition) = services::definition(account, definition.to_owned()).await else {
        return Vec::new();
    };
    let mut containers = definition.container_definitions().iter();
    let options = containers
        .find(|defined| defined.name() == Some(container))
        .and_then(|defined| defined.log_configuration()?.options());
    let option = |name: &str| options.and_then(|options| options.get(name));
    let (Some(group), Some(prefix)) = (option("awslogs-group"), option("awslogs-stream-prefix")) else {
        return Vec::new();
    };
    end_of_stream(account, group, &format!("{prefix}/{container}/{task}")).await
}

async fn end_of_stream(account: &Account, group: &str, stream: &str) -> Vec<String> {
    let request = account.logs.get_log_events().log_group_name(group);
    let page = request.log_stream_name(stream).limit(LAST).send().await;
    let events = page.ok().and_then(|page| page.events).unwrap_or_default();
    let texts = events.into_iter().filter_map(|event| event.message);
    texts.map(|text| text.trim_end().to_owned()).collect()
}

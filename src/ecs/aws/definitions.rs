//! Task definitions that `ctx` registers itself, beside those of stacks.

use aws_sdk_ecs::types::{Tag, TaskDefinition};

use super::Account;
use crate::error::{Error, Result};

/// Registers a definition like this one; its ARN.
pub async fn register(account: &Account, definition: TaskDefinition, tags: Vec<Tag>) -> Result<String> {
    let family = definition.family.unwrap_or_default();
    let request = account
        .ecs
        .register_task_definition()
        .family(&family)
        .set_task_role_arn(definition.task_role_arn.filter(|role| !role.is_empty()))
        .set_execution_role_arn(definition.execution_role_arn.filter(|role| !role.is_empty()))
        .set_network_mode(definition.network_mode)
        .set_container_definitions(definition.container_definitions)
        .set_volumes(definition.volumes)
        .set_placement_constraints(definition.placement_constraints)
        .set_requires_compatibilities(definition.requires_compatibilities)
        .set_cpu(definition.cpu)
        .set_memory(definition.memory)
        .set_pid_mode(definition.pid_mode.filter(|mode| !mode.as_str().is_empty()))
        .set_ipc_mode(definition.ipc_mode.filter(|mode| !mode.as_str().is_empty()))
        .set_proxy_configuration(definition.proxy_configuration)
        .set_ephemeral_storage(definition.ephemeral_storage)
        .set_runtime_platform(definition.runtime_platform)
        .set_enable_fault_injection(definition.enable_fault_injection)
        .set_tags(Some(tags).filter(|tags| !tags.is_empty()));
    let failed = || format!("cannot register a task definition of family `{family}`");
    let answer = request.send().await;
    let answer = answer.map_err(|error| account.access.failed(failed(), &error))?;
    let arn = answer
        .task_definition
        .and_then(|definition| definition.task_definition_arn);
    arn.ok_or_else(|| Error::new(format!("{}: ECS gives it no name", failed())))
}

/// Takes a definition away from those that can be started; what runs of it goes on.
pub async fn deregister(account: &Account, arn: &str) -> Result<()> {
    let request = account.ecs.deregister_task_definition().task_definition(arn);
    let answer = request.send().await;
    answer.map_err(|error| {
        let id = arn.rsplit('/').next().unwrap_or(arn);
        account
            .access
            .failed(format!("cannot deregister task definition `{id}`"), &error)
    })?;
    Ok(())
}

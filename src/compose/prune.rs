//! Leaves out what nobody uses: services that take no part, and resources that no service names.

use std::collections::HashSet;

use super::{Project, Value};

/// Prunes the model, and the tree with it; with `all_resources` of services alone.
pub(super) fn prune(project: &mut Project, all_resources: bool) {
    let mut networks = HashSet::new();
    let mut volumes = HashSet::new();
    let mut secrets = HashSet::new();
    let mut configs = HashSet::new();
    let mut models = HashSet::new();
    for service in project.services.values() {
        networks.extend(service.networks.keys().cloned());
        models.extend(service.models.keys().cloned());
        for mount in service
            .volumes
            .iter()
            .filter(|mount| mount.mount_type.value == "volume")
        {
            volumes.extend(mount.source.as_ref().map(|source| source.value.clone()));
        }
        secrets.extend(service.secrets.iter().map(|reference| reference.source.value.clone()));
        configs.extend(service.configs.iter().map(|reference| reference.source.value.clone()));
        if let Some(build) = &service.build {
            secrets.extend(build.secrets.iter().map(|reference| reference.source.value.clone()));
        }
        if let Some(config) = service.credential_spec.as_ref().and_then(|spec| spec.config.as_ref()) {
            configs.insert(config.value.clone());
        }
    }
    if all_resources {
        networks.extend(project.networks.keys().cloned());
        volumes.extend(project.volumes.keys().cloned());
        secrets.extend(project.secrets.keys().cloned());
        configs.extend(project.configs.keys().cloned());
        models.extend(project.models.keys().cloned());
    }
    project.networks.retain(|name, _| networks.contains(name));
    project.volumes.retain(|name, _| volumes.contains(name));
    project.secrets.retain(|name, _| secrets.contains(name));
    project.configs.retain(|name, _| configs.contains(name));
    project.models.retain(|name, _| models.contains(name));

    let services = project.services.keys().cloned().collect();
    let Value::Map(root) = &mut project.tree.value else {
        return;
    };
    for (section, used) in [
        ("services", &services),
        ("networks", &networks),
        ("volumes", &volumes),
        ("secrets", &secrets),
        ("configs", &configs),
        ("models", &models),
    ] {
        if let Some(entry) = root.get_mut(section)
            && let Value::Map(map) = &mut entry.node.value
        {
            map.retain(|name, _| used.contains(name));
        }
    }
}

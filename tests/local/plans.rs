//! Plans: a Compose file and what an engine has, and what is to be done. `plans/*.yaml` hold the two as two documents,
//! `plans/*.plan` the expected plan.

use std::collections::BTreeMap;
use std::path::Path;

use ctx::backend::UpOptions;
use ctx::compose::{LoadOptions, Project, load};
use ctx::local::{
    Container, Mounted, Network, Observed, Status, Volume, network_hashes, reconcile, service_hashes, volume_hashes,
};
use serde::Deserialize;

use crate::support::golden::assert_golden;

/// What an engine has, as a fixture writes it. `current` stands for the hash that the file gives.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct There {
    options: Options,
    containers: Vec<ThereContainer>,
    /// Name → hash; an id is the name with `id-` before it.
    networks: BTreeMap<String, String>,
    volumes: BTreeMap<String, String>,
    images: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Options {
    force_recreate: bool,
    no_recreate: bool,
    remove_orphans: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThereContainer {
    service: String,
    number: u32,
    name: Option<String>,
    #[serde(default = "running")]
    state: String,
    exit_code: Option<i64>,
    #[serde(default = "current")]
    hash: String,
    #[serde(default)]
    image: String,
    #[serde(default)]
    networks: Vec<String>,
    #[serde(default)]
    volumes: Vec<String>,
}

fn running() -> String {
    "running".to_owned()
}

fn current() -> String {
    "current".to_owned()
}

#[test]
fn plans() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/local/plans");
    let mut fixtures: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    fixtures.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    fixtures.sort();
    assert!(fixtures.len() > 5);
    for fixture in fixtures {
        let text = std::fs::read_to_string(&fixture).unwrap();
        let (compose, there) = text.split_once("\n---\n").expect("two documents");
        let project = project(compose);
        let there: There = serde_yaml::from_str(there).unwrap_or_else(|error| panic!("{}: {error}", fixture.display()));
        let options = UpOptions {
            force_recreate: there.options.force_recreate,
            no_recreate: there.options.no_recreate,
            remove_orphans: there.options.remove_orphans,
            ..UpOptions::default()
        };
        let observed = observed(&project, there);
        let plan = reconcile(&project, &observed, &options);
        for (place, step) in plan.steps.iter().enumerate() {
            assert!(
                step.after.iter().all(|before| *before < place),
                "{}: step {place} waits for a later one",
                fixture.display()
            );
        }
        assert_golden(&fixture.with_extension("plan"), &plan.to_string());
    }
}

fn project(compose: &str) -> Project {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("compose.yaml"), compose).unwrap();
    let options = LoadOptions {
        current_dir: directory.path().to_owned(),
        project_name: Some("shop".to_owned()),
        ..LoadOptions::default()
    };
    load(&options).expect("a good file").project
}

fn observed(project: &Project, there: There) -> Observed {
    let hash = |text: String, current: &dyn Fn() -> String| if text == "current" { current() } else { text };
    let containers = there
        .containers
        .into_iter()
        .zip(0xc0_ffee_0000_01_u64..)
        .map(|(container, id)| {
            let name = container
                .name
                .unwrap_or_else(|| format!("shop-{}-{}", container.service, container.number));
            let service = project.services.get(&container.service);
            Container {
                id: format!("{id:x}"),
                hash: hash(container.hash, &|| {
                    service.map_or_else(String::new, |service| service_hashes(service).swap_remove(0))
                }),
                name,
                service: container.service,
                number: container.number,
                state: container.state,
                status: Status {
                    health: None,
                    exit_code: container.exit_code,
                },
                image_id: container.image,
                networks: container
                    .networks
                    .into_iter()
                    .map(|name| format!("id-{name}"))
                    .collect(),
                mounts: container
                    .volumes
                    .into_iter()
                    .map(|name| Mounted {
                        kind: "volume".to_owned(),
                        name,
                        target: String::new(),
                        writable: true,
                    })
                    .collect(),
                ..Container::default()
            }
        });
    let network = |(name, text): (String, String)| {
        let found = project.networks.values().find(|network| network.name.value == name);
        let hash = hash(text, &|| {
            found.map_or_else(String::new, |network| network_hashes(network).swap_remove(0))
        });
        let id = format!("id-{name}");
        (
            name,
            Network {
                id,
                project: project.name.clone(),
                hash,
            },
        )
    };
    let volume = |(name, text): (String, String)| {
        let found = project.volumes.values().find(|volume| volume.name.value == name);
        let hash = hash(text, &|| {
            found.map_or_else(String::new, |volume| volume_hashes(volume).swap_remove(0))
        });
        (
            name,
            Volume {
                project: project.name.clone(),
                hash,
            },
        )
    };
    Observed {
        containers: containers.collect(),
        networks: there.networks.into_iter().map(network).collect(),
        volumes: there.volumes.into_iter().map(volume).collect(),
        images: there.images,
    }
}

//! What there is of projects on an engine: lists of projects, images, volumes and processes.

use jiff::Timestamp;
use serde_json::json;

use super::listing::{Format, Json, Listing};
use super::{output, replicas};
use crate::backend::{Image, OwnVolume, Processes, ProjectSummary};
use crate::error::Result;

pub fn print_projects(projects: &[ProjectSummary], format: &Format, quiet: bool) -> Result<()> {
    if quiet {
        return output::document(&output::lines(projects.iter().map(|project| &project.name)), None);
    }
    let status = |project: &ProjectSummary| {
        let states: Vec<_> = project
            .states
            .iter()
            .map(|(state, count)| format!("{state}({count})"))
            .collect();
        states.join(", ")
    };
    let listing = Listing {
        columns: &["NAME", "STATUS", "CONFIG FILES"],
        rows: projects
            .iter()
            .map(|project| vec![project.name.clone(), status(project), project.files.clone()])
            .collect(),
        objects: projects
            .iter()
            .map(|project| json!({"Name": project.name, "Status": status(project), "ConfigFiles": project.files}))
            .collect(),
        json: Json::Array,
    };
    listing.print(format)
}

pub fn print_images(images: &[Image], format: &Format, quiet: bool) -> Result<()> {
    if quiet {
        let mut ids: Vec<_> = images
            .iter()
            .map(|image| image.id.trim_start_matches("sha256:"))
            // ECS does not tell what a tag has meant.
            .filter(|id| !id.is_empty())
            .collect();
        ids.dedup();
        return output::document(&output::lines(ids), None);
    }
    let now = Timestamp::now();
    let or_none = |text: &str| if text.is_empty() { "<none>" } else { text }.to_owned();
    let short = |image: &Image| {
        image
            .id
            .trim_start_matches("sha256:")
            .chars()
            .take(12)
            .collect::<String>()
    };
    let row = |image: &Image| {
        vec![
            image.container.clone(),
            or_none(&image.repository),
            or_none(&image.tag),
            image.platform.clone(),
            short(image),
            image.size.map(replicas::size).unwrap_or_default(),
            replicas::age(image.created, now),
        ]
    };
    let object = |image: &Image| {
        json!({
            "ID": image.id,
            "ContainerName": image.container,
            "Repository": or_none(&image.repository),
            "Tag": or_none(&image.tag),
            "Platform": image.platform,
            "Size": image.size,
            "Created": image.created.map(|created| created.to_string()),
        })
    };
    let listing = Listing {
        columns: &[
            "CONTAINER",
            "REPOSITORY",
            "TAG",
            "PLATFORM",
            "IMAGE ID",
            "SIZE",
            "CREATED",
        ],
        rows: images.iter().map(row).collect(),
        objects: images.iter().map(object).collect(),
        json: Json::Array,
    };
    listing.print(format)
}

pub fn print_volumes(volumes: &[OwnVolume], format: &Format, quiet: bool) -> Result<()> {
    if quiet {
        return output::document(&output::lines(volumes.iter().map(|volume| &volume.name)), None);
    }
    let listing = Listing {
        columns: &["DRIVER", "VOLUME NAME"],
        rows: volumes
            .iter()
            .map(|volume| vec![volume.driver.clone(), volume.name.clone()])
            .collect(),
        objects: volumes.iter().map(volume).collect(),
        json: Json::Lines,
    };
    listing.print(format)
}

/// The docker CLI's keys; what nobody has asked the engine for is `N/A`, as there.
fn volume(volume: &OwnVolume) -> serde_json::Value {
    let labels: Vec<_> = volume
        .labels
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    json!({
        "Availability": "N/A",
        "Driver": volume.driver,
        "Group": "N/A",
        "Labels": labels.join(","),
        "Links": "N/A",
        "Mountpoint": volume.mountpoint,
        "Name": volume.name,
        "Scope": volume.scope,
        "Size": "N/A",
        "Status": "N/A",
    })
}

/// One table for all containers: engines may know other columns for each, and then a cell stays empty.
pub fn print_processes(containers: &[Processes]) -> Result<()> {
    let mut titles: Vec<&str> = Vec::new();
    for title in containers.iter().flat_map(|container| &container.titles) {
        if !titles.contains(&title.as_str()) {
            titles.push(title);
        }
    }
    let columns: Vec<_> = ["SERVICE", "#"].into_iter().chain(titles.iter().copied()).collect();
    let mut rows = Vec::new();
    for container in containers {
        for process in &container.rows {
            let cell = |title: &&str| {
                let place = container.titles.iter().position(|other| other == title);
                place.and_then(|place| process.get(place)).cloned().unwrap_or_default()
            };
            let mut row = vec![container.service.clone(), container.number.to_string()];
            row.extend(titles.iter().map(cell));
            rows.push(row);
        }
    }
    let listing = Listing {
        columns: &columns,
        rows,
        objects: Vec::new(),
        json: Json::Lines,
    };
    listing.print(&Format::Table)
}

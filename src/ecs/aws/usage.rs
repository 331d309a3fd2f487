//! What tasks use, as Container Insights measures it once a minute. On Fargate nobody else can tell.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::DesiredStatus;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::failure::is;
use super::services::{self, Service};
use super::{Account, tasks};
use crate::backend::Processes;
use crate::error::{Error, Result};

/// How old a measurement may be: they come once a minute, and late.
const OLDEST: SignedDuration = SignedDuration::from_mins(5);

const TITLES: [&str; 4] = ["TASK", "CPU", "MEMORY", "MEASURED"];

/// The newest measurement of each task that runs.
pub async fn of_project(account: &Account, project: &str, wanted: &[String], now: Timestamp) -> Result<Vec<Processes>> {
    let services = Box::pin(services::of_project(account, project, wanted)).await?;
    let mut measured: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    let mut found = Vec::new();
    for service in &services {
        let cluster = &service.name.cluster;
        if !measured.contains_key(cluster) {
            measured.insert(cluster.clone(), of_cluster(account, cluster, now).await?);
        }
        let mut running = service.tasks(account, DesiredStatus::Running).await?;
        running.sort_by_key(|task| (tasks::time(task.created_at()), task.task_arn.clone()));
        let ids = running
            .iter()
            .map(|task| tasks::id(task.task_arn().unwrap_or_default()));
        found.extend(
            ids.zip(1..)
                .map(|(id, number)| row(service, number, id, measured[cluster].get(id))),
        );
    }
    Ok(found)
}

/// The newest measurement of each task of a cluster, by the task's id.
async fn of_cluster(account: &Account, cluster: &str, now: Timestamp) -> Result<BTreeMap<String, Value>> {
    let group = format!("/aws/ecs/containerinsights/{cluster}/performance");
    let start = now.checked_sub(OLDEST).unwrap_or(now).as_millisecond();
    let request = account.logs.filter_log_events().log_group_name(group).start_time(start);
    let mut pages = request.into_paginator().send();
    let mut newest = BTreeMap::new();
    while let Some(page) = pages.next().await {
        let page = match page {
            Ok(page) => page,
            Err(error) if is(&error, "ResourceNotFoundException") => {
                let message = format!("nobody measures the tasks of cluster `{cluster}`: Container Insights is off");
                return Err(
                    Error::new(message).hint("`x-aws-insights: true` in the Compose file turns it on, at a price")
                );
            }
            Err(error) => {
                return Err(account
                    .access
                    .failed("cannot read what Container Insights has measured", &error));
            }
        };
        let texts = page.events().iter().filter_map(|event| event.message());
        for measurement in texts.filter_map(|text| serde_json::from_str::<Value>(text).ok()) {
            // They come in the order of time.
            if let ("Task", Some(id)) = (
                measurement["Type"].as_str().unwrap_or_default(),
                measurement["TaskId"].as_str(),
            ) {
                newest.insert(id.to_owned(), measurement.clone());
            }
        }
    }
    Ok(newest)
}

fn row(service: &Service, number: u32, id: &str, measured: Option<&Value>) -> Processes {
    let of = |used: &str, reserved: &str, unit: f64, digits: usize, name: &str| {
        let value = |field: &str| measured.and_then(|measured| measured[field].as_f64());
        match (value(used), value(reserved)) {
            (Some(used), Some(reserved)) => format!("{:.digits$} of {:.digits$}{name}", used / unit, reserved / unit),
            (Some(used), None) => format!("{:.digits$}{name}", used / unit),
            _ => "not measured yet".to_owned(),
        }
    };
    let time = measured.and_then(|measured| measured["Timestamp"].as_i64());
    let time = time.and_then(|time| Timestamp::from_millisecond(time).ok());
    Processes {
        service: service.key.clone(),
        number,
        titles: TITLES.map(str::to_owned).to_vec(),
        rows: vec![vec![
            id.to_owned(),
            of("CpuUtilized", "CpuReserved", 1024.0, 2, " vCPU"),
            of("MemoryUtilized", "MemoryReserved", 1.0, 0, " MiB"),
            time.map(|time| time.to_string()).unwrap_or_default(),
        ]],
    }
}

//! What tasks use, as Container Insights measures it once a minute. On Fargate nobody else can tell.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ecs::types::{DesiredStatus, Task};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::failure::is;
use super::services;
use super::{Account, tasks};
use crate::backend::{Measured, Processes, Show, StatsOptions, Usage};
use crate::error::{Error, Result};

/// How old a measurement may be: they come once a minute, and late.
const OLDEST: SignedDuration = SignedDuration::from_mins(5);

/// ECS counts processors in these.
const CPU: f64 = 1024.0;
/// And memory in these.
const MEBIBYTE: f64 = 1024.0 * 1024.0;

const TITLES: [&str; 4] = ["TASK", "CPU", "MEMORY", "MEASURED"];

/// Between two looks for new ones.
const PAUSE: Duration = Duration::from_secs(15);

/// A task of a service, and its newest measurement.
struct Found {
    service: String,
    /// Counted by age, as `ctx ps` lists those that run.
    number: u32,
    id: String,
    measured: Option<Value>,
}

/// What each task that runs uses.
pub async fn of_project(account: &Account, project: &str, wanted: &[String], now: Timestamp) -> Result<Vec<Processes>> {
    let found = find(account, project, wanted, false, now).await?;
    Ok(found.iter().map(row).collect())
}

/// Shows what tasks use whenever there are new measurements, or other tasks.
pub async fn show(
    account: &Account,
    project: &str,
    options: &StatsOptions,
    now: fn() -> Timestamp,
    show: &Show,
) -> Result<()> {
    let mut shown = None;
    loop {
        let found = find(account, project, &options.services, options.all, now()).await?;
        let usages: Vec<Usage> = found.iter().map(usage).collect();
        if shown.as_ref() != Some(&usages) {
            show(&usages)?;
        }
        if options.once || usages.is_empty() {
            return Ok(());
        }
        shown = Some(usages);
        tokio::time::sleep(PAUSE).await;
    }
}

/// The tasks that run, and after each service's those that have stopped if `all`.
async fn find(account: &Account, project: &str, wanted: &[String], all: bool, now: Timestamp) -> Result<Vec<Found>> {
    let services = Box::pin(services::of_project(account, project, wanted)).await?;
    let mut measured: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    let mut found = Vec::new();
    for service in &services {
        let cluster = &service.name.cluster;
        if !measured.contains_key(cluster) {
            measured.insert(cluster.clone(), of_cluster(account, cluster, now).await?);
        }
        let sorted = |mut tasks: Vec<Task>| {
            tasks.sort_by_key(|task| (tasks::time(task.created_at()), task.task_arn.clone()));
            tasks
        };
        let running = sorted(service.tasks(account, DesiredStatus::Running).await?);
        let count = running.len();
        let stopped = if all {
            sorted(service.tasks(account, DesiredStatus::Stopped).await?)
        } else {
            Vec::new()
        };
        for ((at, number), task) in (0..).zip(1..).zip(running.iter().chain(&stopped)) {
            let id = tasks::id(task.task_arn().unwrap_or_default());
            found.push(Found {
                service: service.key.clone(),
                number,
                id: id.to_owned(),
                // What was measured of a task that has stopped since, it does not use any more.
                measured: measured[cluster].get(id).filter(|_| at < count).cloned(),
            });
        }
    }
    Ok(found)
}

/// The newest measurement of each task of a cluster, by the task's id.
async fn of_cluster(account: &Account, cluster: &str, now: Timestamp) -> Result<BTreeMap<String, Value>> {
    let group = format!("/aws/ecs/containerinsights/{cluster}/performance");
    let start = now.checked_sub(OLDEST).unwrap_or(now).as_millisecond();
    let request = account.logs.filter_log_events().log_group_name(group).start_time(start);
    let mut pages = request.into_paginator().send();
    let (mut newest, mut is_on) = (BTreeMap::new(), false);
    while let Some(page) = pages.next().await {
        let page = match page {
            Ok(page) => page,
            // The group comes with the first measurement, and stays when no more come.
            Err(error) if is(&error, "ResourceNotFoundException") => break,
            Err(error) => {
                return Err(account
                    .access
                    .failed("cannot read what Container Insights has measured", &error));
            }
        };
        is_on |= !page.events().is_empty();
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
    if is_on {
        return Ok(newest);
    }
    let message =
        format!("nobody measures the tasks of cluster `{cluster}`: Container Insights is off, or just turned on");
    Err(Error::new(message).hint(
        "`x-aws-insights: true` in the Compose file turns it on, at a price; the first measurements come minutes later",
    ))
}

fn row(found: &Found) -> Processes {
    let of = |used: &str, reserved: &str, unit: f64, digits: usize, name: &str| {
        let value = |field: &str| found.value(field).map(|value| value / unit);
        match (value(used), value(reserved)) {
            (Some(used), Some(reserved)) => format!("{used:.digits$} of {reserved:.digits$}{name}"),
            (Some(used), None) => format!("{used:.digits$}{name}"),
            _ => "not measured yet".to_owned(),
        }
    };
    Processes {
        service: found.service.clone(),
        number: found.number,
        titles: TITLES.map(str::to_owned).to_vec(),
        rows: vec![vec![
            found.id.clone(),
            of("CpuUtilized", "CpuReserved", CPU, 2, " vCPU"),
            of("MemoryUtilized", "MemoryReserved", 1.0, 0, " MiB"),
            found.time().map(|time| time.to_string()).unwrap_or_default(),
        ]],
    }
}

fn usage(found: &Found) -> Usage {
    let bytes = |field: &str, unit: f64| {
        let value = found.value(field).map(|value| value * unit);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "no task has that many"
        )]
        value.map(|value| value as u64)
    };
    let both = |one: &str, other: &str| Some((bytes(one, 1.0)?, bytes(other, 1.0)?));
    let share = |used: &str, of: &str| {
        let whole = found.value(of).filter(|whole| *whole > 0.0)?;
        Some(found.value(used)? / whole * 100.0)
    };
    Usage {
        id: found.id.clone(),
        name: format!("{}/{}", found.service, tasks::short(&found.id)),
        measured: found.measured.as_ref().map(|_| Measured {
            time: found.time(),
            cpu: found.value("CpuUtilized").unwrap_or_default() / CPU * 100.0,
            memory: bytes("MemoryUtilized", MEBIBYTE).unwrap_or_default(),
            memory_limit: bytes("MemoryReserved", MEBIBYTE).unwrap_or_default(),
            memory_share: share("MemoryUtilized", "MemoryReserved").unwrap_or_default(),
            network: both("NetworkRxBytes", "NetworkTxBytes"),
            per_second: true,
            blocks: both("StorageReadBytes", "StorageWriteBytes"),
            // Nobody counts them.
            processes: None,
        }),
    }
}

impl Found {
    fn value(&self, field: &str) -> Option<f64> {
        self.measured.as_ref()?[field].as_f64()
    }

    fn time(&self) -> Option<Timestamp> {
        let time = self.measured.as_ref()?["Timestamp"].as_i64()?;
        Timestamp::from_millisecond(time).ok()
    }
}

//! What containers use.

use std::io::IsTerminal;

use serde_json::json;

use super::listing::{Format, Json, Listing};
use super::{output, replicas};
use crate::backend::{Measured, Usage};
use crate::error::Result;

/// Prints a table anew in the place of the one before, where somebody looks; elsewhere below it.
pub fn print(usages: &[Usage], format: &Format, whole_ids: bool, again: bool) -> Result<()> {
    let text = listing(usages, whole_ids).render(format)?;
    let refresh = again && *format == Format::Table && std::io::stdout().is_terminal();
    let home = if refresh { "\u{1b}[H\u{1b}[J" } else { "" };
    output::next(&format!("{home}{text}"))
}

fn listing(usages: &[Usage], whole_ids: bool) -> Listing<'static> {
    let id = |usage: &Usage| {
        let length = if whole_ids { usage.id.len() } else { 12 };
        usage.id.chars().take(length).collect::<String>()
    };
    let times = usages.iter().any(|usage| time(usage).is_some());
    let row = |usage: &Usage| {
        let mut row = vec![id(usage), usage.name.clone()];
        row.extend(cells(usage.measured.as_ref()));
        if times {
            row.push(time(usage).unwrap_or_else(unknown));
        }
        row
    };
    let object = |usage: &Usage| {
        let [cpu, memory, share, network, blocks, processes] = cells(usage.measured.as_ref());
        let mut object = json!({
            "BlockIO": blocks, "CPUPerc": cpu, "Container": usage.id, "ID": id(usage), "MemPerc": share,
            "MemUsage": memory, "Name": usage.name, "NetIO": network, "PIDs": processes,
        });
        if usage.measured.is_none() || time(usage).is_some() {
            object["Measured"] = time(usage).unwrap_or_else(unknown).into();
        }
        object
    };
    Listing {
        columns: if times { &COLUMNS } else { &COLUMNS[..COLUMNS.len() - 1] },
        rows: usages.iter().map(row).collect(),
        objects: usages.iter().map(object).collect(),
        json: Json::Lines,
    }
}

/// The last one only where somebody else has measured, and earlier.
const COLUMNS: [&str; 9] = [
    "CONTAINER ID",
    "NAME",
    "CPU %",
    "MEM USAGE / LIMIT",
    "MEM %",
    "NET I/O",
    "BLOCK I/O",
    "PIDS",
    "MEASURED",
];

fn time(usage: &Usage) -> Option<String> {
    usage.measured.as_ref()?.time.map(|time| time.to_string())
}

/// What the docker CLI shows in the place of what it does not know.
fn unknown() -> String {
    "--".to_owned()
}

fn cells(measured: Option<&Measured>) -> [String; 6] {
    let Some(measured) = measured else {
        return [
            unknown(),
            "-- / --".to_owned(),
            unknown(),
            unknown(),
            unknown(),
            unknown(),
        ];
    };
    let size = |bytes: u64| replicas::size(i64::try_from(bytes).unwrap_or(i64::MAX));
    let moved = |moved: Option<(u64, u64)>, unit: &str| {
        let told = moved.map(|(one, other)| format!("{}{unit} / {}{unit}", size(one), size(other)));
        told.unwrap_or_else(unknown)
    };
    let unit = if measured.per_second { "/s" } else { "" };
    [
        format!("{:.2}%", measured.cpu),
        format!("{} / {}", binary(measured.memory), binary(measured.memory_limit)),
        format!("{:.2}%", measured.memory_share),
        moved(measured.network, unit),
        moved(measured.blocks, ""),
        measured
            .processes
            .map_or_else(unknown, |processes| processes.to_string()),
    ]
}

/// `1.953MiB`: four digits, in steps of 1024, as the docker CLI shows memory.
fn binary(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "four digits are shown")]
    let mut size = bytes as f64;
    let mut units = ["B", "KiB", "MiB", "GiB", "TiB"].into_iter();
    let mut unit = "B";
    for next in &mut units {
        unit = next;
        if size < 1024.0 {
            break;
        }
        if unit != "TiB" {
            size /= 1024.0;
        }
    }
    let digits = match size {
        1000.0.. => 0,
        100.0.. => 1,
        10.0.. => 2,
        _ => 3,
    };
    let number = format!("{size:.digits$}");
    let number = if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        &number
    };
    format!("{number}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_four_digits() {
        let told = [0, 1023, 1024, 2_048_000, 16_000_000_000].map(binary);
        assert_eq!(told, ["0B", "1023B", "1KiB", "1.953MiB", "14.9GiB"]);
    }
}

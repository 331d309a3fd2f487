//! What containers use.

use std::io::IsTerminal;

use serde_json::json;

use super::listing::{Format, Json, Listing};
use super::{output, replicas};
use crate::backend::Usage;
use crate::error::Result;

/// Prints a table anew in the place of the one before, where somebody looks; elsewhere below it.
pub fn print(usages: &[Usage], format: &Format, whole_ids: bool, again: bool) -> Result<()> {
    let text = listing(usages, whole_ids).render(format)?;
    let refresh = again && *format == Format::Table && std::io::stdout().is_terminal();
    let home = if refresh { "\u{1b}[H\u{1b}[J" } else { "" };
    output::document(&format!("{home}{text}"), None)
}

fn listing(usages: &[Usage], whole_ids: bool) -> Listing<'static> {
    let id = |usage: &Usage| {
        let length = if whole_ids { usage.id.len() } else { 12 };
        usage.id.chars().take(length).collect::<String>()
    };
    let moved = |one: u64, other: u64| {
        let size = |bytes: u64| replicas::size(i64::try_from(bytes).unwrap_or(i64::MAX));
        format!("{} / {}", size(one), size(other))
    };
    let cells = |usage: &Usage| {
        [
            id(usage),
            usage.name.clone(),
            format!("{:.2}%", usage.cpu),
            format!("{} / {}", binary(usage.memory), binary(usage.memory_limit)),
            format!("{:.2}%", usage.memory_share),
            moved(usage.received, usage.sent),
            moved(usage.read, usage.written),
            usage.processes.to_string(),
        ]
    };
    let object = |usage: &Usage| {
        let [id, name, cpu, memory, share, network, blocks, processes] = cells(usage);
        json!({
            "BlockIO": blocks, "CPUPerc": cpu, "Container": id, "ID": id, "MemPerc": share, "MemUsage": memory,
            "Name": name, "NetIO": network, "PIDs": processes,
        })
    };
    Listing {
        columns: &[
            "CONTAINER ID",
            "NAME",
            "CPU %",
            "MEM USAGE / LIMIT",
            "MEM %",
            "NET I/O",
            "BLOCK I/O",
            "PIDS",
        ],
        rows: usages.iter().map(|usage| cells(usage).to_vec()).collect(),
        objects: usages.iter().map(object).collect(),
        json: Json::Lines,
    }
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

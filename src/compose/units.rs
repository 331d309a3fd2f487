//! Byte sizes and durations as Compose writes them.

use std::fmt;

/// A number of bytes. Negative only where the specification gives −1 a meaning (`memswap_limit`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ByteSize(pub i64);

/// A span of time, printed as Go prints it (`1m30s`), which is how Docker Compose prints it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Duration(pub std::time::Duration);

impl Duration {
    /// Whole seconds, rounded up: AWS knows no smaller unit.
    #[must_use]
    pub fn as_secs_rounded_up(self) -> u64 {
        self.0.as_secs() + u64::from(self.0.subsec_nanos() > 0)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let fraction = |f: &mut fmt::Formatter<'_>, unit: u128, name: &str| {
            let digits = unit.ilog10() as usize;
            let text = format!("{}.{:0digits$}", nanos / unit, nanos % unit);
            let text = if digits == 0 {
                text.trim_end_matches(".0")
            } else {
                text.trim_end_matches('0').trim_end_matches('.')
            };
            write!(f, "{text}{name}")
        };
        match nanos {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => fraction(f, 1_000, "µs"),
            1_000_000..1_000_000_000 => fraction(f, 1_000_000, "ms"),
            _ => {
                let seconds = self.0.as_secs();
                if seconds >= 3600 {
                    write!(f, "{}h", seconds / 3600)?;
                }
                if seconds >= 60 {
                    write!(f, "{}m", seconds / 60 % 60)?;
                }
                let rest = std::time::Duration::new(seconds % 60, self.0.subsec_nanos()).as_nanos();
                let text = format!("{}.{:09}", rest / 1_000_000_000, rest % 1_000_000_000);
                write!(f, "{}s", text.trim_end_matches('0').trim_end_matches('.'))
            }
        }
    }
}

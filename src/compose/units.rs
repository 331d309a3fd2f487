//! Byte sizes and durations as Compose writes them, and numbers as Go prints them.

use std::fmt;

use serde::{Serialize, Serializer};

/// A number of bytes. Negative only where the specification gives −1 a meaning (`memswap_limit`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ByteSize(pub i64);

/// A span of time, printed as Go prints it (`1m30s`), which is how Docker Compose prints it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Duration(pub std::time::Duration);

impl ByteSize {
    /// Reads `512m`, `1.5GiB`, `64`: a number, and a unit that counts in steps of 1024.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let end = text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ')? + 1;
        let (number, unit) = text.split_at(end);
        // One blank may stand between the number and its unit.
        let number = number.strip_suffix(' ').unwrap_or(number);
        // Without the words that stand for numbers, such as `inf`.
        let plain = number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
        let number: f64 = if plain { number.parse().ok()? } else { return None };
        let unit = unit.to_ascii_lowercase();
        let power = match unit.strip_suffix("ib").or(unit.strip_suffix('b')).unwrap_or(&unit) {
            "" if unit != "ib" => 0,
            "k" => 1,
            "m" => 2,
            "g" => 3,
            "t" => 4,
            "p" => 5,
            _ => return None,
        };
        let bytes = number * f64::from(1024_i32).powi(power);
        #[allow(
            clippy::cast_possible_truncation,
            reason = "fractions of a byte are dropped, and the range is checked"
        )]
        (0.0..9.2e18).contains(&bytes).then_some(Self(bytes as i64))
    }
}

impl Serialize for ByteSize {
    /// Docker Compose writes bytes as a quoted decimal.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl Duration {
    /// Reads `1m30s`, `1.5h`, `2d`: numbers with their units, or `0`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('+').unwrap_or(text);
        if rest == "0" {
            return Some(Self(std::time::Duration::ZERO));
        }
        let mut nanos: f64 = 0.0;
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let number: f64 = rest[..digits].parse().ok()?;
            let after = &rest[digits..];
            let end = after
                .find(|c: char| c.is_ascii_digit() || c == '.')
                .unwrap_or(after.len());
            let unit = match &after[..end] {
                "ns" => 1.0,
                "us" | "µs" | "μs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 60e9,
                "h" => 3600e9,
                "d" => 86_400e9,
                "w" => 7.0 * 86_400e9,
                _ => return None,
            };
            nanos += number * unit;
            rest = &after[end..];
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "never negative, and the range is checked"
        )]
        (nanos < 9.2e18).then(|| Self(std::time::Duration::from_nanos(nanos.round() as u64)))
    }

    /// Whole seconds, rounded up: AWS knows no smaller unit.
    #[must_use]
    pub fn as_secs_rounded_up(self) -> u64 {
        self.0.as_secs() + u64::from(self.0.subsec_nanos() > 0)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let nanos = u64::from(self.0.subsec_nanos());
        if seconds == 0 {
            return match nanos {
                0 => f.write_str("0s"),
                1..1_000 => write!(f, "{nanos}ns"),
                1_000..1_000_000 => write!(f, "{}µs", decimal(nanos / 1_000, nanos % 1_000, 3)),
                _ => write!(f, "{}ms", decimal(nanos / 1_000_000, nanos % 1_000_000, 6)),
            };
        }
        if seconds >= 3600 {
            write!(f, "{}h", seconds / 3600)?;
        }
        if seconds >= 60 {
            write!(f, "{}m", seconds / 60 % 60)?;
        }
        write!(f, "{}s", decimal(seconds % 60, nanos, 9))
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A number with a fraction of so many digits, without zeros at its end.
fn decimal(whole: u64, fraction: u64, digits: usize) -> String {
    let text = format!("{whole}.{fraction:0digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number as Go's `%v` prints it: `1.1`, `1000`, `1e+06`.
pub(super) fn float_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    format!("{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("64", 64),
            ("1k", 1024),
            ("1.5g", 1_610_612_736),
            ("2GiB", 2 << 30),
            ("10 MB", 10 << 20),
            ("1b", 1),
            ("1e3k", 1_024_000),
            ("+5", 5),
        ] {
            assert_eq!(ByteSize::parse(text), Some(ByteSize(bytes)), "{text}");
        }
        for text in ["", "1Gi", "m", "1x", "-1", "1 2m", "ib", "1ib", "-1k", "e1", "inf1"] {
            assert_eq!(ByteSize::parse(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_printed_as_go_prints_them() {
        for (text, printed) in [
            ("0", "0s"),
            ("90s", "1m30s"),
            ("1h", "1h0m0s"),
            ("1.5s", "1.5s"),
            ("1d", "24h0m0s"),
            ("1500ms", "1.5s"),
            ("20ms", "20ms"),
            ("1500us", "1.5ms"),
            ("5ns", "5ns"),
        ] {
            assert_eq!(Duration::parse(text).unwrap().to_string(), printed, "{text}");
        }
        for text in ["", "10", "s", "1x", "1s2"] {
            assert_eq!(Duration::parse(text), None, "{text}");
        }
    }

    #[test]
    fn floats_are_printed_as_go_prints_them() {
        for (number, text) in [
            (1.0, "1"),
            (1.1, "1.1"),
            (1e6, "1e+06"),
            (1e3, "1000"),
            (1e-5, "1e-05"),
            (1_234_567.5, "1.2345675e+06"),
            (-0.0, "-0"),
        ] {
            assert_eq!(float_text(number), text);
        }
    }
}

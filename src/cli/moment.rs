//! Points in time as the docker CLI takes them: `10m` ago, `2026-01-02`, `2026-01-02T03:04:05Z`, seconds since 1970.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::compose::Duration as Span;

pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    at(text, Timestamp::now(), &TimeZone::system())
}

fn at(text: &str, now: Timestamp, here: &TimeZone) -> Result<Timestamp, String> {
    let ago = |Span(span)| now.checked_sub(span).ok();
    let since_1970 = |seconds: f64| {
        let span = Duration::try_from_secs_f64(seconds).ok()?;
        Timestamp::UNIX_EPOCH.checked_add(span).ok()
    };
    let local = |time: DateTime| time.to_zoned(here.clone()).ok().map(|time| time.timestamp());
    let number = || text.parse().ok().and_then(since_1970);
    number()
        .or_else(|| Span::parse(text).and_then(ago))
        .or_else(|| text.parse().ok())
        .or_else(|| text.parse().ok().and_then(local))
        .ok_or_else(|| "it is a time span such as `10m`, or a time such as `2026-01-02T03:04:05Z`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_many_ways() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let here = TimeZone::fixed(jiff::tz::offset(1));
        for (text, expected) in [
            ("10m", "2026-01-02T02:54:05Z"),
            ("1h30m", "2026-01-02T01:34:05Z"),
            ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
            ("2026-01-01T02:00:00+02:00", "2026-01-01T00:00:00Z"),
            ("2026-01-01T00:00:00", "2025-12-31T23:00:00Z"),
            ("2026-01-01", "2025-12-31T23:00:00Z"),
            ("1700000000", "2023-11-14T22:13:20Z"),
            ("1700000000.5", "2023-11-14T22:13:20.5Z"),
        ] {
            assert_eq!(at(text, now, &here), Ok(expected.parse().unwrap()), "{text}");
        }
        assert!(at("yesterday", now, &here).is_err());
    }
}

//! Lines of container output, each behind the coloured name of its container.

use super::progress::Display;
use crate::backend::LogSink;

/// Where backends send lines; they are written to standard output without disturbing a live display.
#[must_use]
pub fn sink(_display: &Display) -> LogSink {
    LogSink::new(|line| println!("{} | {}", line.replica, line.text))
}

//! Images on their way between an engine and a registry: how far they are, and when they are sent again.

use std::collections::HashMap;
use std::time::Duration;

use bollard::errors::Error;

use super::message;
use crate::progress::{Event, Progress, State};

/// How often a registry is asked that cannot answer now.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MEGABYTE: i64 = 1_000_000;

/// What lets an engine try again with a registry; by itself it tries again with layers alone.
pub(crate) struct Persistence<'a> {
    object: &'a str,
    progress: &'a Progress,
    attempt: u32,
    pause: Duration,
}

impl<'a> Persistence<'a> {
    pub(crate) fn new(object: &'a str, progress: &'a Progress) -> Self {
        Self {
            object,
            progress,
            attempt: 1,
            pause: FIRST_PAUSE,
        }
    }

    /// Whether it may help to try again after this error; if so, not before some time has passed.
    pub(crate) async fn helps(&mut self, error: &Error) -> bool {
        let why = message(error);
        if self.attempt == ATTEMPTS || !passes(&why) {
            return false;
        }
        self.attempt += 1;
        self.progress.event(Event {
            id: self.object.to_owned(),
            state: State::Working,
            text: format!("Attempt {} of {ATTEMPTS}", self.attempt),
            detail: Some(why),
        });
        tokio::time::sleep(self.pause).await;
        self.pause *= 2;
        true
    }
}

/// Whether a registry that is spoken of so may answer in a moment.
fn passes(said: &str) -> bool {
    let said = said.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    // Docker Hub's limit ends after hours.
    !says(&["pull rate limit"])
        && says(&[
            "toomanyrequests",
            "too many requests",
            "500 internal server error",
            "502 bad gateway",
            "503 service unavailable",
            "504 gateway time",
            "received unexpected http status: 5",
            "connection reset by peer",
            "broken pipe",
            "tls handshake timeout",
            "i/o timeout",
            "unexpected eof",
            ": eof",
            "temporary failure in name resolution",
        ])
}

/// How much of an image's layers has been brought over, in megabytes.
#[derive(Default)]
pub(crate) struct Layers {
    /// What has been brought and what there is, by layer.
    layers: HashMap<String, (i64, i64)>,
    told: i64,
}

impl Layers {
    /// What is to be told of it, a word for every megabyte: that is enough for anyone who watches.
    pub(crate) fn note(&mut self, layer: &str, current: i64, total: i64) -> Option<String> {
        self.layers.insert(layer.to_owned(), (current, total.max(current)));
        let of_all = |of: fn(&(i64, i64)) -> i64| self.layers.values().map(of).sum::<i64>();
        let (current, total) = (of_all(|layer| layer.0) / MEGABYTE, of_all(|layer| layer.1));
        if current == self.told {
            return None;
        }
        self.told = current;
        Some(format!("{current} of {} MB", (total + MEGABYTE - 1) / MEGABYTE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_stays() {
        for (said, expected) in [
            ("received unexpected HTTP status: 503 Service Unavailable", true),
            ("toomanyrequests: slow down", true),
            (
                "toomanyrequests: You have reached your pull rate limit. You may increase it",
                false,
            ),
            ("Get \"https://r.example/v2/\": EOF", true),
            ("read tcp 10.0.0.1:5: read: connection reset by peer", true),
            ("pull access denied for x, repository does not exist", false),
            ("manifest for x:1 not found: manifest unknown", false),
            ("dial tcp 127.0.0.1:1: connect: connection refused", false),
        ] {
            assert_eq!(passes(said), expected, "{said}");
        }
    }

    #[test]
    fn all_layers_count_and_each_megabyte_is_told_once() {
        let mut layers = Layers::default();
        assert_eq!(layers.note("a", 400_000, 2_000_000), None);
        assert_eq!(layers.note("b", 700_000, 1_500_000).as_deref(), Some("1 of 4 MB"));
        assert_eq!(layers.note("b", 800_000, 1_500_000), None);
        assert_eq!(layers.note("a", 2_000_000, 2_000_000).as_deref(), Some("2 of 4 MB"));
        // Some sizes are only known in the end.
        assert_eq!(layers.note("c", 5_000_000, 0).as_deref(), Some("7 of 9 MB"));
    }
}

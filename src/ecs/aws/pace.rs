//! How long to wait between two looks at something that changes: briefly while it does, longer while it does not.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(100);
/// The end of a deployment is seen within this time.
const LONGEST: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Pace {
    next: Duration,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { next: SHORTEST }
    }

    /// Something has changed: look again soon.
    pub(super) fn hurry(&mut self) {
        self.next = SHORTEST;
    }

    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.step()).await;
    }

    fn step(&mut self) -> Duration {
        let now = self.next;
        self.next = (now * 3 / 2).min(LONGEST);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slows_down_to_a_second_and_hurries_again() {
        let mut pace = Pace::new();
        assert_eq!(pace.step(), SHORTEST);
        assert!(pace.step() > SHORTEST);
        for _ in 0..20 {
            pace.step();
        }
        assert_eq!(pace.step(), LONGEST);
        pace.hurry();
        assert_eq!(pace.step(), SHORTEST);
    }
}

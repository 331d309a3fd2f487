//! How long to wait between two looks at something that changes: briefly while it does, longer while it does not, and
//! longer still while AWS asks for patience.

use std::time::Duration;

use tokio::time::Instant;

const SHORTEST: Duration = Duration::from_millis(100);
/// The end of a deployment is seen within this time.
const LONGEST: Duration = Duration::from_secs(1);
/// Where AWS throttles.
const PATIENT: Duration = Duration::from_secs(16);
/// For how long AWS may not answer at all.
const PATIENCE: Duration = Duration::from_mins(3);

#[derive(Debug)]
pub(super) struct Pace {
    next: Duration,
    shortest: Duration,
    /// The longest wait as things are, and when all is well.
    longest: Duration,
    usual: Duration,
    /// Since when AWS has not answered.
    unanswered: Option<Instant>,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self::up_to(LONGEST)
    }

    /// One that slows down to a wait of its own: what costs several requests is asked for less often.
    pub(super) fn up_to(usual: Duration) -> Self {
        Self::between(SHORTEST.max(usual / 10), usual)
    }

    pub(super) fn between(shortest: Duration, usual: Duration) -> Self {
        Self {
            next: shortest,
            shortest,
            longest: usual,
            usual,
            unanswered: None,
        }
    }

    /// Something has changed: look again soon.
    pub(super) fn hurry(&mut self) {
        self.next = self.shortest.max(self.longest / 10);
    }

    /// AWS has not answered, or asks not to be asked so often; whether to ask again.
    pub(super) fn back_off(&mut self) -> bool {
        self.longest = (self.longest * 2).clamp(self.usual, PATIENT.max(self.usual));
        self.next = self.longest;
        self.unanswered.get_or_insert_with(Instant::now).elapsed() <= PATIENCE
    }

    /// AWS has answered: little by little all is as usual again.
    pub(super) fn answered(&mut self) {
        self.unanswered = None;
        self.longest = (self.longest * 3 / 4).max(self.usual);
    }

    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.step()).await;
    }

    pub(super) fn step(&mut self) -> Duration {
        let now = self.next.min(self.longest);
        self.next = (now * 3 / 2).min(self.longest);
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

    #[test]
    fn backs_off_while_aws_throttles_and_comes_back() {
        let mut pace = Pace::new();
        for seconds in [2, 4, 8, 16, 16] {
            assert!(pace.back_off());
            assert_eq!(pace.step().as_secs(), seconds);
        }
        pace.hurry();
        assert!(pace.step() > SHORTEST, "{pace:?}");
        for _ in 0..20 {
            pace.answered();
        }
        assert!((0..20).all(|_| pace.step() <= LONGEST));
    }
}

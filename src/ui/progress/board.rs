//! What a live display shows: the newest word about each object. Pure: events and times in, lines out.

use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indexmap::IndexMap;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::progress::{Event, State};

#[derive(Debug)]
pub(super) struct Board {
    objects: IndexMap<String, Object>,
    /// The last thing that happened.
    touched: u64,
}

#[derive(Debug)]
struct Object {
    event: Event,
    begun: Instant,
    ended: Option<Instant>,
    touched: u64,
}

/// How much room there is, and whether in colours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    pub width: usize,
    pub height: usize,
    pub colored: bool,
    /// Whether it will be drawn again.
    pub moving: bool,
}

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/// What is wider is a sentence and no state.
const WORDS: usize = 24;
const SPINNER_STEP: Duration = Duration::from_millis(100);

impl Board {
    pub(super) fn new() -> Self {
        Self {
            objects: IndexMap::new(),
            touched: 0,
        }
    }

    /// Takes in an event; `false` when it says nothing new.
    pub(super) fn apply(&mut self, event: Event, now: Instant) -> bool {
        self.touched += 1;
        let ended = (event.state != State::Working).then_some(now);
        match self.objects.get_mut(&event.id) {
            Some(object) if object.event == event => false,
            Some(object) => {
                // What begins again is timed anew: a container that was created is now started.
                if object.ended.is_some() && ended.is_none() {
                    object.begun = now;
                }
                object.event = event;
                object.ended = ended;
                object.touched = self.touched;
                true
            }
            None => {
                let object = Object {
                    event,
                    begun: now,
                    ended,
                    touched: self.touched,
                };
                self.objects.insert(object.event.id.clone(), object);
                true
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Whether nothing is being worked on.
    pub(super) fn is_settled(&self) -> bool {
        self.objects.values().all(|object| object.ended.is_some())
    }

    /// What fits on the screen: everything, or else what is in flight or failed, and a summary of the rest.
    pub(super) fn live(&self, now: Instant, screen: Screen) -> Vec<String> {
        let room = screen.height.saturating_sub(2).max(1);
        if self.objects.len() <= room {
            return self.lines(self.objects.values(), now, screen);
        }
        let mut shown: Vec<_> = self.objects.values().enumerate().collect();
        shown.sort_by_key(|(_, object)| {
            let urgency = match object.event.state {
                State::Failed => 0,
                State::Working => 1,
                State::Warning => 2,
                State::Done => 3,
            };
            (urgency, u64::MAX - object.touched)
        });
        shown.truncate(room - 1);
        shown.retain(|(_, object)| object.event.state != State::Done);
        shown.sort_by_key(|(place, _)| *place);
        let shown: Vec<_> = shown.into_iter().map(|(_, object)| object).collect();
        let rest = self.objects.len() - shown.len();
        let mut lines = self.lines(shown.iter().copied(), now, screen);
        lines.push(self.rest(rest, &shown));
        lines
    }

    /// All of it, however long and wide: what stays on the screen.
    pub(super) fn last(&self, now: Instant, screen: Screen) -> Vec<String> {
        let boundless = Screen {
            width: usize::from(u16::MAX),
            moving: false,
            ..screen
        };
        self.lines(self.objects.values(), now, boundless)
    }

    fn lines<'a>(
        &self,
        objects: impl Iterator<Item = &'a Object> + Clone,
        now: Instant,
        screen: Screen,
    ) -> Vec<String> {
        let widths = |text: fn(&Object) -> &str| objects.clone().map(move |object| text(object).width());
        // Long names must leave room for what happens to them.
        let id_width = widths(|object| &object.event.id)
            .max()
            .unwrap_or(0)
            .min(screen.width / 2);
        // A sentence among words does not push all times to the right.
        let words = widths(|object| &object.event.text).filter(|width| *width <= WORDS);
        let text_width = words.max().unwrap_or(0);
        let ended = self.objects.values().filter(|object| object.ended.is_some()).count();
        let header = format!("[+] Running {ended}/{}", self.objects.len());
        std::iter::once(header)
            .chain(objects.map(|object| object.line(now, screen, id_width, text_width)))
            .collect()
    }

    fn rest(&self, rest: usize, shown: &[&Object]) -> String {
        let count = |state| {
            let all = self
                .objects
                .values()
                .filter(|object| object.event.state == state)
                .count();
            all - shown.iter().filter(|object| object.event.state == state).count()
        };
        let done = count(State::Done);
        match rest - done {
            0 => format!(" and {done} done"),
            others => format!(" and {done} done, {others} others"),
        }
    }
}

impl Object {
    /// ` ✔ Container web-1  Started   0.5s`, within the screen's width.
    fn line(&self, now: Instant, screen: Screen, id_width: usize, text_width: usize) -> String {
        let elapsed = self.ended.unwrap_or(now).saturating_duration_since(self.begun);
        let (sign, color) = match self.event.state {
            State::Working if !screen.moving => ("-", AnsiColor::Blue),
            State::Working => {
                let step = elapsed.as_millis() / SPINNER_STEP.as_millis();
                (
                    SPINNER[usize::try_from(step).unwrap_or(0) % SPINNER.len()],
                    AnsiColor::Blue,
                )
            }
            State::Done => ("✔", AnsiColor::Green),
            State::Warning => ("!", AnsiColor::Yellow),
            State::Failed => ("✘", AnsiColor::Red),
        };
        let style = if screen.colored {
            color.on_default()
        } else {
            Style::new()
        };
        let time = seconds(elapsed);
        let id = fitted(&self.event.id, id_width);
        let start = 3 + id_width + 2;
        // Behind the time there is room for the `^C` that a terminal echoes.
        let room = screen.width.saturating_sub(start + time.len() + 4);
        let text = match &self.event.detail {
            Some(detail) => fitted(&format!("{}  {}", self.event.text, detail.replace('\n', " ")), room),
            None => fitted(&self.event.text, room),
        };
        let padding = text_width.min(room).saturating_sub(text.width());
        format!(
            " {style}{sign}{style:#} {id}{}  {style}{text}{style:#}{} {time}",
            " ".repeat(id_width - id.width()),
            " ".repeat(padding)
        )
    }
}

/// The beginning of a text that is not wider than `width`; control characters would move the cursor.
fn fitted(text: &str, width: usize) -> String {
    let text: String = text.chars().filter(|character| !character.is_control()).collect();
    if text.width() <= width {
        return text;
    }
    let mut left = width.saturating_sub(1);
    let fits = |character: &char| {
        let fits = character.width().unwrap_or(0) <= left;
        left = left.saturating_sub(character.width().unwrap_or(0));
        fits
    };
    let beginning: String = text.chars().take_while(fits).collect();
    if width == 0 { beginning } else { beginning + "…" }
}

/// `0.5s`, `1m05s`
fn seconds(elapsed: Duration) -> String {
    match elapsed.as_secs() {
        0..60 => format!("{}.{}s", elapsed.as_secs(), elapsed.subsec_millis() / 100),
        seconds => format!("{}m{:02}s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: Screen = Screen {
        width: 60,
        height: 24,
        colored: false,
        moving: true,
    };

    fn event(id: &str, state: State, text: &str) -> Event {
        Event {
            id: id.to_owned(),
            state,
            text: text.to_owned(),
            detail: None,
        }
    }

    fn board(events: &[(&str, State, &str)], begun: Instant) -> Board {
        let mut board = Board::new();
        for (id, state, text) in events {
            board.apply(event(id, *state, text), begun);
        }
        board
    }

    #[test]
    fn shows_a_line_for_each_object_with_its_newest_word() {
        let begun = Instant::now();
        let mut board = board(&[("Network shop_default", State::Working, "Creating")], begun);
        let later = begun + Duration::from_millis(500);
        board.apply(event("Network shop_default", State::Done, "Created"), later);
        board.apply(event("Container shop-web-1", State::Working, "Starting"), later);
        board.apply(event("Container shop-db-1", State::Failed, "Error"), later);
        let expected = [
            "[+] Running 2/3",
            " ✔ Network shop_default  Created  0.5s",
            " ⠙ Container shop-web-1  Starting 0.1s",
            " ✘ Container shop-db-1   Error    0.0s",
        ];
        let now = later + Duration::from_millis(100);
        assert_eq!(board.live(now, SCREEN), expected);
    }

    #[test]
    fn an_event_that_says_nothing_new_changes_nothing() {
        let begun = Instant::now();
        let mut board = board(&[("a", State::Done, "Created")], begun);
        assert!(!board.apply(event("a", State::Done, "Created"), begun));
        assert!(board.apply(event("a", State::Working, "Starting"), begun));
        assert!(!board.is_settled());
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let begun = Instant::now();
        let mut board = Board::new();
        for number in 0..20 {
            board.apply(event(&format!("done {number}"), State::Done, "Created"), begun);
        }
        for number in 0..10 {
            board.apply(event(&format!("busy {number}"), State::Working, "Creating"), begun);
        }
        board.apply(event("done 7", State::Failed, "Failed"), begun);
        let lines = board.live(begun, Screen { height: 8, ..SCREEN });
        let expected = [
            "[+] Running 20/30",
            " ✘ done 7  Failed   0.0s",
            " ⠋ busy 6  Creating 0.0s",
            " ⠋ busy 7  Creating 0.0s",
            " ⠋ busy 8  Creating 0.0s",
            " ⠋ busy 9  Creating 0.0s",
            " and 19 done, 6 others",
        ];
        assert_eq!(lines, expected);
        assert_eq!(board.last(begun, Screen { height: 8, ..SCREEN }).len(), 31);
    }

    #[test]
    fn no_line_is_wider_than_the_screen() {
        let begun = Instant::now();
        let mut board = Board::new();
        let long = Event {
            detail: Some("the task stopped\nbecause 容器 exited\u{1b}[2J".repeat(9)),
            ..event(&"名前".repeat(30), State::Failed, "CREATE_FAILED")
        };
        board.apply(long, begun);
        for width in [1, 10, 26, 40, 80, 200] {
            for line in board.live(begun, Screen { width, ..SCREEN }).iter().skip(1) {
                assert!(!line.contains(['\n', '\u{1b}']), "{line}");
                assert!(width < 26 || line.width() + 2 < width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn what_stays_is_not_cut() {
        let begun = Instant::now();
        let mut board = board(
            &[("short", State::Done, "Created"), ("begun", State::Working, "Creating")],
            begun,
        );
        let reason = "no such image in any registry that is known here";
        board.apply(
            Event {
                detail: Some(reason.to_owned()),
                ..event("an object with a long name", State::Failed, "Error")
            },
            begun,
        );
        let narrow = Screen { width: 30, ..SCREEN };
        let expected = [
            "[+] Running 2/3".to_owned(),
            " ✔ short                       Created  0.0s".to_owned(),
            " - begun                       Creating 0.0s".to_owned(),
            format!(" ✘ an object with a long name  Error  {reason} 0.0s"),
        ];
        assert_eq!(board.last(begun, narrow), expected);
    }

    #[test]
    fn long_times_are_told_in_minutes() {
        assert_eq!(seconds(Duration::from_millis(59_940)), "59.9s");
        assert_eq!(seconds(Duration::from_secs(65)), "1m05s");
    }
}

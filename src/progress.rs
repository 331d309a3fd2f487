//! What a long command is doing, told while it happens. Backends tell it, `ui::progress` shows it.

use std::fmt;
use std::sync::Arc;

/// How far one object (a container, a stack resource, an image) has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Working,
    Done,
    Warning,
    Failed,
}

/// The newest word about one object. A later event with the same `id` replaces it on a live display.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// What is worked on, as in `Container web-1` or `Stack shop`: unique in one command.
    pub id: String,
    pub state: State,
    /// What happens or happened to it: `Creating`, `Started`, `CREATE_FAILED`.
    pub text: String,
    /// Why, when there is a reason to give.
    pub detail: Option<String>,
}

/// Where backends send [`Event`]s. Cheap to clone.
#[derive(Clone)]
pub struct Progress {
    show: Arc<dyn Fn(Event) + Send + Sync>,
    rest: Arc<dyn Fn() + Send + Sync>,
}

impl Progress {
    #[must_use]
    pub fn new(show: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self {
            show: Arc::new(show),
            rest: Arc::new(|| {}),
        }
    }

    /// The same, which can also be told to leave the terminal alone.
    #[must_use]
    pub fn resting(self, rest: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            rest: Arc::new(rest),
            ..self
        }
    }

    /// Leaves what is shown as it is, for good: the terminal is somebody else's now.
    pub fn rest(&self) {
        (self.rest)();
    }

    /// The same, where details are kept back.
    #[must_use]
    pub fn without_details(&self) -> Self {
        let whole = self.clone();
        Self::new(move |event| {
            if event.detail.is_none() {
                whole.event(event);
            }
        })
    }

    pub fn event(&self, event: Event) {
        (self.show)(event);
    }

    pub fn working(&self, id: impl Into<String>, text: impl Into<String>) {
        self.tell(id, State::Working, text);
    }

    pub fn done(&self, id: impl Into<String>, text: impl Into<String>) {
        self.tell(id, State::Done, text);
    }

    pub fn warning(&self, id: impl Into<String>, text: impl Into<String>) {
        self.tell(id, State::Warning, text);
    }

    pub fn failed(&self, id: impl Into<String>, text: impl Into<String>) {
        self.tell(id, State::Failed, text);
    }

    fn tell(&self, id: impl Into<String>, state: State, text: impl Into<String>) {
        self.event(Event {
            id: id.into(),
            state,
            text: text.into(),
            detail: None,
        });
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

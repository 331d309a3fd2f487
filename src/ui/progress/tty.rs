//! The live display: a board that is drawn again and again at the bottom of the terminal.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::board::{Board, Screen};
use crate::progress::Event;
use crate::ui::output;

/// The cursor stays visible and the terminal in its mode, so that there is nothing to restore if we are killed.
pub(super) struct Live {
    state: Mutex<State>,
}

struct State {
    board: Arc<Mutex<Board>>,
    /// Draws the board while there is something to draw.
    bar: Option<ProgressBar>,
}

const TICK: Duration = Duration::from_millis(100);

impl Live {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                board: Arc::new(Mutex::new(Board::new())),
                bar: None,
            }),
        }
    }

    pub(super) fn event(&self, event: Event) {
        let mut state = locked(&self.state);
        if locked(&state.board).apply(event, Instant::now()) {
            let board = Arc::clone(&state.board);
            state.bar.get_or_insert_with(|| bar(board)).tick();
        }
    }

    /// Writes something else than the board to the terminal.
    ///
    /// A board on which nothing moves any more is left above it for good: what follows is another phase.
    pub(super) fn print(&self, write: impl FnOnce()) {
        let mut state = locked(&self.state);
        if locked(&state.board).is_settled() {
            state.leave();
        }
        match &state.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Leaves the whole board on the screen.
    pub(super) fn finish(&self) {
        locked(&self.state).leave();
    }
}

impl State {
    fn leave(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let board = std::mem::replace(&mut *locked(&self.board), Board::new());
        if !board.is_empty() {
            output::remark(&output::lines(board.last(Instant::now(), screen())));
        }
    }
}

fn bar(board: Arc<Mutex<Board>>) -> ProgressBar {
    let draw = move |_: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
        // The board's own colours: it knows whether they are wanted.
        let lines = locked(&board).live(Instant::now(), screen());
        let _ = out.write_str(&lines.join("\n"));
    };
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{board}") {
        bar.set_style(style.with_key("board", draw));
    }
    bar.enable_steady_tick(TICK);
    bar
}

fn screen() -> Screen {
    let (width, height) = output::size();
    Screen {
        width,
        height,
        colored: anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never,
    }
}

/// A thread that panicked while it held the lock left nothing half done that matters here.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

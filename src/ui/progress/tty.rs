//! The live display: a board that is drawn again and again at the bottom of the terminal.
//!
//! Written by hand because the crates for it leave the cursor at the right edge, where the `^C` that a terminal echoes
//! begins a line of its own and leaves half a board behind. The cursor stays visible and the terminal in its mode, so
//! that there is nothing to restore if we are killed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::board::{Board, Screen};
use crate::progress::Event;
use crate::ui::output;

pub(super) struct Live(Arc<Mutex<State>>);

struct State {
    board: Board,
    /// How many lines of it are on the screen, the cursor at the end of the last.
    drawn: usize,
    /// A thread draws it.
    ticking: bool,
}

const TICK: Duration = Duration::from_millis(100);

impl Live {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            board: Board::new(),
            drawn: 0,
            ticking: false,
        })))
    }

    pub(super) fn event(&self, event: Event) {
        let mut state = locked(&self.0);
        if state.board.apply(event, Instant::now()) && !state.ticking {
            let shared = Arc::clone(&self.0);
            state.ticking = thread::Builder::new().spawn(move || tick(&shared)).is_ok();
        }
    }

    /// Writes something else than the board to the terminal.
    ///
    /// A board on which nothing moves any more is left above it for good: what follows is another phase.
    pub(super) fn print(&self, write: impl FnOnce()) {
        let mut state = locked(&self.0);
        if state.board.is_settled() {
            state.leave();
            write();
        } else {
            state.erase();
            write();
            state.draw();
        }
    }

    /// Leaves the whole board on the screen.
    pub(super) fn finish(&self) {
        locked(&self.0).leave();
    }
}

impl State {
    fn draw(&mut self) {
        let lines = self.board.live(Instant::now(), screen());
        // Each line is written over the old one, so that nothing flickers.
        let text = format!("{}{CLEAR_LINE}{CLEAR_BELOW}", lines.join(&format!("{CLEAR_LINE}\n")));
        output::draw(&(self.to_top() + &text));
        self.drawn = lines.len();
    }

    fn erase(&mut self) {
        if self.drawn > 0 {
            output::draw(&(self.to_top() + CLEAR_BELOW));
            self.drawn = 0;
        }
    }

    fn leave(&mut self) {
        self.erase();
        let board = std::mem::replace(&mut self.board, Board::new());
        if !board.is_empty() {
            output::remark(&output::lines(board.last(Instant::now(), screen())));
        }
    }

    /// Moves the cursor to where the board begins.
    fn to_top(&self) -> String {
        match self.drawn {
            0 | 1 => "\r".to_owned(),
            drawn => format!("\r\u{1b}[{}A", drawn - 1),
        }
    }
}

const CLEAR_LINE: &str = "\u{1b}[K";
const CLEAR_BELOW: &str = "\u{1b}[J";

/// Draws as long as there is something to draw.
fn tick(shared: &Mutex<State>) {
    loop {
        let mut state = locked(shared);
        if state.board.is_empty() {
            state.ticking = false;
            return;
        }
        state.draw();
        drop(state);
        thread::sleep(TICK);
    }
}

fn screen() -> Screen {
    let (width, height) = output::size();
    Screen {
        width,
        height,
        colored: anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never,
        moving: true,
    }
}

/// A thread that panicked while it held the lock left nothing half done that matters here.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

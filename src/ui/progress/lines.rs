//! Progress as lines, one for each change: for logs and for other programs.

use std::time::Instant;

use serde_json::json;

use super::board::Board;
use crate::progress::{Event, State};

/// What no terminal shows, as text for people. `None` when the event says nothing new.
pub(super) fn plain(board: &mut Board, event: &Event) -> Option<String> {
    let detail = event
        .detail
        .iter()
        .map(|detail| format!("  {}", detail.replace('\n', " ")));
    let line = format!("{}  {}{}", event.id, event.text, detail.collect::<String>());
    board.apply(event.clone(), Instant::now()).then_some(line)
}

/// A JSON object. `None` when the event says nothing new.
pub(super) fn json(board: &mut Board, event: &Event) -> Option<String> {
    let state = match event.state {
        State::Working => "working",
        State::Done => "done",
        State::Warning => "warning",
        State::Failed => "failed",
    };
    let line = json!({"id": event.id, "state": state, "text": event.text, "detail": event.detail});
    board.apply(event.clone(), Instant::now()).then(|| line.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(state: State, text: &str, detail: Option<&str>) -> Event {
        Event {
            id: "Container web-1".to_owned(),
            state,
            text: text.to_owned(),
            detail: detail.map(str::to_owned),
        }
    }

    #[test]
    fn plain_lines_tell_each_change_once() {
        let mut board = Board::new();
        let events = [
            event(State::Working, "Creating", None),
            event(State::Working, "Creating", None),
            event(State::Failed, "Error", Some("no such image\nanywhere")),
        ];
        let lines: Vec<_> = events.iter().filter_map(|event| plain(&mut board, event)).collect();
        assert_eq!(
            lines,
            [
                "Container web-1  Creating",
                "Container web-1  Error  no such image anywhere"
            ]
        );
    }

    #[test]
    fn json_lines_tell_each_change_once() {
        let mut board = Board::new();
        let events = [event(State::Done, "Created", None), event(State::Done, "Created", None)];
        let lines: Vec<_> = events.iter().filter_map(|event| json(&mut board, event)).collect();
        assert_eq!(
            lines,
            [r#"{"id":"Container web-1","state":"done","text":"Created","detail":null}"#]
        );
    }
}

//! Questions to the person at the terminal.

use std::fmt::Display;
use std::io::{IsTerminal, stderr, stdin};

use inquire::validator::{Validation, ValueRequiredValidator};
use inquire::{Confirm, InquireError, Password, PasswordDisplayMode, Select, Text};

use super::{output, progress};
use crate::error::{Error, Result};

/// Whether somebody is there to answer: questions are shown on standard error.
#[must_use]
pub fn is_possible() -> bool {
    stdin().is_terminal() && stderr().is_terminal()
}

pub fn choose<T: Display>(question: &str, options: Vec<T>) -> Result<T> {
    Select::new(question, options).prompt().map_err(unanswered)
}

/// Asks whether to do something; without an answer nothing is done.
pub fn confirm(question: &str) -> Result<bool> {
    Confirm::new(question).with_default(false).prompt().map_err(unanswered)
}

/// Asks between two drawings of a display; there is no answer where nobody is there to give one.
pub fn asker(display: &progress::Display) -> impl Fn(&str) -> Result<Option<bool>> + Send + Sync + 'static {
    let printer = display.printer();
    move |question| {
        if !is_possible() {
            return Ok(None);
        }
        let mut answer = Ok(false);
        printer(&mut || answer = confirm(question));
        answer.map(Some)
    }
}

/// As [`asker`], which of several.
pub fn chooser(display: &progress::Display) -> impl Fn(&str, &[&str]) -> Result<Option<usize>> + Send + Sync + 'static {
    let printer = display.printer();
    move |question, options| {
        if !is_possible() {
            return Ok(None);
        }
        let mut answer = Ok(0);
        printer(&mut || {
            let chosen = Select::new(question, options.to_vec()).raw_prompt();
            answer = chosen.map(|chosen| chosen.index).map_err(unanswered);
        });
        answer.map(Some)
    }
}

/// Asks for a text; an empty answer means `default`, or is refused where that is empty too.
pub fn text(question: &str, default: &str) -> Result<String> {
    checked_text(question, default, |text| Ok::<_, String>(text.to_owned()))
}

/// Asks for a text until `check` accepts it.
pub fn checked_text(
    question: &str,
    default: &str,
    check: impl Fn(&str) -> Result<String, String> + Clone + 'static,
) -> Result<String> {
    let check = move |text: &str| {
        Ok(match check(text.trim()) {
            Ok(_) => Validation::Valid,
            Err(why) => Validation::Invalid(why.into()),
        })
    };
    let mut prompt = Text::new(question)
        .with_validator(ValueRequiredValidator::new("an answer is needed"))
        .with_validator(check);
    if !default.is_empty() {
        prompt = prompt.with_default(default);
    }
    Ok(prompt.prompt().map_err(unanswered)?.trim().to_owned())
}

/// Asks for a text that nobody should see.
pub fn secret(question: &str) -> Result<String> {
    let answer = Password::new(question)
        .with_display_mode(PasswordDisplayMode::Masked)
        .with_validator(ValueRequiredValidator::new("an answer is needed"))
        .without_confirmation()
        .prompt();
    Ok(answer.map_err(unanswered)?.trim().to_owned())
}

/// Asks for a code that is good for a minute.
pub fn code(question: &str) -> Result<String> {
    if !is_possible() {
        return Err(
            Error::new("a code of a device is needed, and there is no terminal to ask for it").hint(
                "begin the session elsewhere: any `aws` command with the same profile asks, and `ctx` uses its session",
            ),
        );
    }
    text(question, "")
}

fn unanswered(error: InquireError) -> Error {
    match error {
        InquireError::OperationInterrupted | InquireError::OperationCanceled => {
            // The question stays; the shell goes on below it.
            output::say("");
            Error::INTERRUPTED
        }
        error => Error::new("cannot ask on this terminal").because(&error),
    }
}

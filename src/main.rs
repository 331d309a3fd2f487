use std::process::ExitCode;

fn main() -> ExitCode {
    match ctx::cli::run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            ctx::ui::diagnostics::show_error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

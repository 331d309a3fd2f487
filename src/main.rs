use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(ctx::cli::run())
}

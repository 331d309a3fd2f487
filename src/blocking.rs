//! Waiting for asynchronous work from code that is not asynchronous.

use std::io::Result;

/// Runs a future to its end on a thread of its own, whether or not this one belongs to a runtime already.
pub fn wait<T: Send>(work: impl Future<Output = T> + Send) -> Result<T> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(work))
    };
    std::thread::scope(|scope| match scope.spawn(run).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

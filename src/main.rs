//! Arguments in, exit status out: a thin shell over the library.
use std::process::ExitCode;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return trailpulse::cli::report(&error.into()).into(),
    };
    let exit = runtime.block_on(trailpulse::cli::main());
    // A thread that is blocked in a read must not keep an interrupted process alive.
    runtime.shutdown_background();
    exit.into()
}

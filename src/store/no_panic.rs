//! A call into a library that panics on damaged input -> its result, or the panic's message. Prints nothing.
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; a panic on this thread becomes an error with the panic's message, without the usual report.
///
/// Only for readers whose state is thrown away afterwards.
pub(super) fn no_panic<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                usual(panic);
            }
        }));
    });
    QUIET.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(false);
    outcome.map_err(|panic| {
        let text =
            panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        text.unwrap_or("damaged").lines().next().unwrap_or_default().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::no_panic;

    #[test]
    fn a_panic_becomes_its_message() {
        let fails = |fail: bool| no_panic(|| if fail { panic!("page {} is damaged\nmore", 7) } else { 1 });
        assert_eq!((fails(false), fails(true)), (Ok(1), Err("page 7 is damaged".to_owned())));
    }
}

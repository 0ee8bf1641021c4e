//! Why something on a disk cannot be read -> whether trying again later may help.
use std::io;

/// Whether what cannot be read on a disk may be readable the next time: the disk, the network or the machine failed, not the path.
#[must_use]
pub fn may_pass(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    /// Of Linux and macOS, which the standard library has no kind for: EIO, ENXIO, ENFILE and EMFILE.
    const FAILURES: [i32; 4] = [5, 6, 23, 24];
    /// Of Linux alone: ENOLINK, ECOMM, EHOSTDOWN and EREMOTEIO.
    const OF_LINUX: [i32; 4] = [67, 70, 112, 121];
    let has = |codes: &[i32]| error.raw_os_error().is_some_and(|code| codes.contains(&code));
    has(&FAILURES)
        || cfg!(target_os = "linux") && has(&OF_LINUX)
        || matches!(
            error.kind(),
            Kind::Interrupted
                | Kind::TimedOut
                | Kind::WouldBlock
                | Kind::ResourceBusy
                | Kind::OutOfMemory
                | Kind::StaleNetworkFileHandle
                | Kind::NotConnected
                | Kind::ConnectionRefused
                | Kind::ConnectionReset
                | Kind::ConnectionAborted
                | Kind::HostUnreachable
                | Kind::NetworkUnreachable
                | Kind::NetworkDown
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_the_path_may_pass() {
        // EINTR, EIO, ENOMEM, EBUSY, ENFILE and EMFILE.
        let errors = [4, 5, 12, 16, 23, 24].map(io::Error::from_raw_os_error);
        let kinds = [io::ErrorKind::TimedOut, io::ErrorKind::StaleNetworkFileHandle];
        for error in errors.into_iter().chain(kinds.map(io::Error::from)) {
            assert!(may_pass(&error), "{error}");
        }
        let root = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(root.path().join("file"), "").expect("writable");
        std::os::unix::fs::symlink("loop", root.path().join("loop")).expect("links");
        for name in ["nowhere", "file/below", "loop", "loop/below", &"long".repeat(1000)] {
            let error = std::fs::File::open(root.path().join(name)).expect_err(name);
            assert!(!may_pass(&error), "{error}");
        }
        assert!(!may_pass(&io::ErrorKind::PermissionDenied.into()));
    }
}

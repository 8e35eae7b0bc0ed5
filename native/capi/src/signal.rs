//! A file descriptor that is readable while it is set.

use keepstate_core::error::Result;

#[cfg(target_os = "linux")]
mod system {
    use std::io::{Read, Write};
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

    use keepstate_core::error::{Code, Error, Result};

    /// An eventfd.
    pub struct Signal(std::fs::File);

    impl Signal {
        pub fn new() -> Result<Signal> {
            // SAFETY: no pointers; the result is checked.
            let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
            if fd < 0 {
                let message = "No file descriptor is left; close some or raise the limit.";
                let cause = std::io::Error::last_os_error();
                return Err(Error::new(Code::Io, message).caused_by(cause));
            }
            // SAFETY: just opened, and owned by nobody else.
            Ok(Signal(unsafe { OwnedFd::from_raw_fd(fd) }.into()))
        }

        pub fn set(&self) {
            // It can only fail because it is set to the brim, and then it is set.
            let _ = (&self.0).write(&1u64.to_ne_bytes());
        }

        pub fn clear(&self) {
            // It can only fail because it is not set.
            let _ = (&self.0).read(&mut [0; 8]);
        }

        pub fn fd(&self) -> i32 {
            self.0.as_raw_fd()
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use keepstate_core::error::{fail, Code, Result};

    /// There is none.
    pub struct Signal(std::convert::Infallible);

    impl Signal {
        pub fn new() -> Result<Signal> {
            let message = "There are no queue descriptors here; wait by ks_queue_wait instead.";
            fail(Code::Unsupported, message)
        }

        pub fn set(&self) {}

        pub fn clear(&self) {}

        pub fn fd(&self) -> i32 {
            match self.0 {}
        }
    }
}

/// A file descriptor that is readable while it is set.
pub struct Signal(system::Signal);

impl Signal {
    /// One that is not set.
    pub fn new() -> Result<Signal> {
        system::Signal::new().map(Signal)
    }

    /// Makes it readable.
    pub fn set(&self) {
        self.0.set();
    }

    /// Makes it not readable.
    pub fn clear(&self) {
        self.0.clear();
    }

    /// Its number.
    pub fn fd(&self) -> i32 {
        self.0.fd()
    }
}

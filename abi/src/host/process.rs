//! What a driver-host process needs and safe Rust does not offer. They are here because `unsafe` may not
//! be anywhere else.

use std::{
    collections::BTreeSet,
    io,
    os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd},
    sync::{Mutex, PoisonError},
};

use nix::{
    fcntl::{FcntlArg, FdFlag, fcntl},
    libc,
};

static TAKEN: Mutex<BTreeSet<RawFd>> = Mutex::new(BTreeSet::new());

/// Takes ownership of a file descriptor that the parent process has put at this number, and sees to it that no process
/// started from here inherits it.
///
/// To be called at the start of the process, before anything else opens files: a number that the parent did not fill
/// could otherwise be somebody else's by then.
///
/// # Errors
/// No such descriptor, or it has been taken already.
pub fn take_inherited_fd(number: RawFd) -> io::Result<OwnedFd> {
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    if number < 3 || taken.contains(&number) {
        return Err(io::Error::other(format!("file descriptor {number} cannot be taken")));
    }
    #[expect(unsafe_code, reason = "an inherited descriptor is known by its number only")]
    // SAFETY: borrowed for one fcntl, which fails with EBADF when the number is not open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    taken.insert(number);
    #[expect(unsafe_code, reason = "an inherited descriptor is known by its number only")]
    // SAFETY: it is open, and `TAKEN` sees to it that it gets one owner here.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Closes every file descriptor from this number on. For a process that has opened none of them: they are its parent's,
/// which forgot to keep them to itself.
///
/// To be called before [`take_inherited_fd`], and before anything else opens files.
///
/// # Errors
/// The kernel is older than 5.9.
pub fn close_inherited_fds(first: u32) -> io::Result<()> {
    #[expect(unsafe_code, reason = "descriptors that nobody here knows")]
    // SAFETY: nothing in this process has opened a file yet, so no owner of a descriptor is robbed of it.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0_u32) };
    if closed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Ends the process at once, without exit handlers or destructors: a driver's threads may be anywhere in its code.
pub fn exit_now(status: i32) -> ! {
    #[expect(unsafe_code, reason = "std has no exit without exit handlers")]
    // SAFETY: `_exit` touches no memory of the process.
    unsafe {
        libc::_exit(status)
    }
}

//! System calls that haproxy never needs, and that are a way into the kernel or to other processes. They fail with EPERM.
//!
//! A list of what is refused, not of what is allowed: other versions of haproxy and of its libraries use other calls.

use std::{collections::BTreeMap, env::consts::ARCH};

use nix::libc::{self, c_long};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter, sock_filter,
};

use super::Role;

/// By what it is for.
pub(super) const REFUSED: &[c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Other views of the machine.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_mknodat,
    libc::SYS_fanotify_init,
    libc::SYS_quotactl,
    // Programs: it is executed by its name, once.
    libc::SYS_execveat,
    // Much of the kernel for little.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // What all on the machine share: memory, queues and semaphores of System V and POSIX.
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    // The machine itself.
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
];

/// Calls that other machines do not have.
#[cfg(target_arch = "x86_64")]
pub(super) const OF_THE_PROCESSOR: &[c_long] =
    &[libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt, libc::SYS_mknod, libc::SYS_uselib];
#[cfg(not(target_arch = "x86_64"))]
pub(super) const OF_THE_PROCESSOR: &[c_long] = &[];
/// From here on the numbers are of the ABI of x86-64 with pointers of 32 bits, which has every call again. No other has so many.
pub(super) const X32: u32 = 0x4000_0000;

/// Sockets are of these families.
const FAMILIES: [libc::c_int; 3] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];
/// Of a socket's type: the rest are flags.
const TYPE: u64 = 0xf;
/// A process in namespaces of its own has every capability in them.
const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// What CAP_SYS_ADMIN would open besides, and haproxy has no use for: attributes of files, quotas, the order of reads and
/// writes, and kernel's old and newest ways to the above.
pub(super) const REFUSED_TO_AN_ADMIN: &[c_long] = &[
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    libc::SYS_ioprio_set,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_pidfd_open,
    libc::SYS_fanotify_mark,
    QUOTACTL_FD,
    SETXATTRAT,
    REMOVEXATTRAT,
    OPEN_TREE_ATTR,
];
/// The same numbers on every processor.
const QUOTACTL_FD: c_long = 443;
const SETXATTRAT: c_long = 463;
const REMOVEXATTRAT: c_long = 466;
const OPEN_TREE_ATTR: c_long = 467;
/// Controls of sockets and terminals, `FIONREAD` and `FIONBIO` among them, begin and end here. Those of file systems (which
/// freeze them), of block devices and of namespaces are elsewhere.
const CONTROLS: (u64, u64) = (0x5400, 0x54ff);
/// Of `madvise`: they take memory of the machine out of use.
pub(super) const POISON: [libc::c_int; 2] = [libc::MADV_HWPOISON, MADV_SOFT_OFFLINE];
const MADV_SOFT_OFFLINE: libc::c_int = 101;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// A filter that refuses, ready to be applied.
#[derive(Debug)]
pub(super) struct Refused(BpfProgram);

impl Refused {
    /// # Errors
    /// In words: there is none for this processor.
    pub(super) fn compile(role: Role) -> Result<Self, String> {
        let compiled = || -> Result<BpfProgram, BackendError> {
            let filter = SeccompFilter::new(rules(role)?, SeccompAction::Allow, REFUSE, ARCH.try_into()?)?;
            Ok(first().into_iter().chain(BpfProgram::try_from(filter)?).collect())
        };
        compiled().map(Self).map_err(|error| error.to_string())
    }

    /// To the calling thread, and to what it starts.
    pub(super) fn apply(&self) -> Result<(), String> {
        apply_filter(&self.0).map_err(|error| error.to_string())
    }
}

const REFUSE: SeccompAction = SeccompAction::Errno(libc::EPERM.unsigned_abs());
/// The flags of `clone3` are in memory, which no filter sees. Where it is not there libraries use `clone`.
const ABSENT: SeccompAction = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());

/// The same number on every processor.
const CLONE3: u32 = 435;
/// Where a filter finds the call's number.
const NUMBER: u32 = 0;

/// What the compiler of rules has no words for: a range of numbers, and another error. The kernel tries a filter with every
/// number when it is applied, so a short one makes haproxy start sooner.
fn first() -> [sock_filter; 5] {
    // The codes of filter.h: load a word, compare with a constant, return a constant.
    const LOAD: u16 = 0x20;
    const IS: u16 = 0x15;
    const IS_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    let statement = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    [
        statement(LOAD, 0, 0, NUMBER),
        statement(IS, 0, 1, CLONE3),
        statement(RETURN, 0, 0, ABSENT.into()),
        statement(IS_AT_LEAST, 0, 1, X32),
        statement(RETURN, 0, 0, REFUSE.into()),
    ]
}

fn rules(role: Role) -> Result<Rules, BackendError> {
    let mut rules: Rules = REFUSED.iter().chain(OF_THE_PROCESSOR).map(|call| (*call, Vec::new())).collect();
    let strange = FAMILIES.iter().map(|family| argument(0, SeccompCmpOp::Ne, *family));
    let raw = argument(1, SeccompCmpOp::MaskedEq(TYPE), libc::SOCK_RAW);
    let sockets = [SeccompRule::new(strange.collect::<Result<_, _>>()?)?, SeccompRule::new(vec![raw?])?];
    let namespaces = NAMESPACES.iter().map(|flag| {
        let set = SeccompCmpOp::MaskedEq(flag.unsigned_abs().into());
        SeccompRule::new(vec![argument(0, set, *flag)?])
    });
    let namespaces = namespaces.collect::<Result<Vec<_>, _>>()?;
    rules.insert(libc::SYS_socket, sockets.to_vec());
    rules.insert(libc::SYS_clone, namespaces);
    match role {
        Role::One => {}
        Role::Project => rules.append(&mut of_an_admin()?),
    }
    Ok(rules)
}

/// For who has CAP_SYS_ADMIN, to enter network namespaces and for nothing else.
fn of_an_admin() -> Result<Rules, BackendError> {
    let mut rules: Rules = REFUSED_TO_AN_ADMIN.iter().map(|call| (*call, Vec::new())).collect();
    let rule = |argument: SeccompCondition| SeccompRule::new(vec![argument]);
    let other = rule(argument(1, SeccompCmpOp::Ne, libc::CLONE_NEWNET)?)?;
    rules.insert(libc::SYS_setns, vec![other]);
    let (first, last) = CONTROLS;
    let control = |is, value| SeccompCondition::new(1, SeccompCmpArgLen::Dword, is, value);
    let controls = [rule(control(SeccompCmpOp::Lt, first)?)?, rule(control(SeccompCmpOp::Gt, last)?)?];
    rules.insert(libc::SYS_ioctl, controls.to_vec());
    let poison = POISON.iter().map(|advice| rule(argument(2, SeccompCmpOp::Eq, *advice)?));
    rules.insert(libc::SYS_madvise, poison.collect::<Result<_, _>>()?);
    Ok(rules)
}

/// An argument of 32 bits.
fn argument(index: u8, is: SeccompCmpOp, value: libc::c_int) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(index, SeccompCmpArgLen::Dword, is, value.unsigned_abs().into())
}

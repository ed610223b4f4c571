//! System calls that haproxy never needs, and that are a way into the kernel or to other processes. They fail with EPERM.
//!
//! A list of what is refused, not of what is allowed: other versions of haproxy and of its libraries use other calls.

use std::{collections::BTreeMap, env::consts::ARCH};

use nix::libc::{self, c_long};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

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

/// Calls that other machines do not have; the last five are numbers of what is refused above in the ABI of x86-64 with
/// pointers of 32 bits, where others have the same number with a bit set.
#[cfg(target_arch = "x86_64")]
pub(super) const OF_THE_PROCESSOR: &[c_long] = &[
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_mknod,
    libc::SYS_uselib,
    X32 | 521,
    X32 | 528,
    X32 | 539,
    X32 | 540,
    X32 | 545,
];
#[cfg(target_arch = "x86_64")]
pub(super) const X32: c_long = 0x4000_0000;
#[cfg(not(target_arch = "x86_64"))]
pub(super) const OF_THE_PROCESSOR: &[c_long] = &[];
/// No such ABI: no other number.
#[cfg(not(target_arch = "x86_64"))]
pub(super) const X32: c_long = 0;

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

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Filters that refuse, ready to be applied.
#[derive(Debug)]
pub(super) struct Refused([BpfProgram; 2]);

impl Refused {
    /// # Errors
    /// In words: there are none for this processor.
    pub(super) fn compile() -> Result<Self, String> {
        let compiled = || -> Result<Self, BackendError> {
            // Its flags are in memory, which a filter does not see. Without it libraries use `clone`.
            let absent = numbers(libc::SYS_clone3).into_iter().map(|number| (number, Vec::new())).collect();
            Ok(Self([program(rules()?, libc::EPERM)?, program(absent, libc::ENOSYS)?]))
        };
        compiled().map_err(|error| error.to_string())
    }

    /// To the calling thread, and to what it starts.
    pub(super) fn apply(&self) -> Result<(), String> {
        self.0.iter().try_for_each(|program| apply_filter(program)).map_err(|error| error.to_string())
    }
}

fn program(rules: Rules, errno: libc::c_int) -> Result<BpfProgram, BackendError> {
    let refuse = SeccompAction::Errno(errno.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, ARCH.try_into()?)?.try_into()
}

fn rules() -> Result<Rules, BackendError> {
    let all = REFUSED.iter().chain(OF_THE_PROCESSOR).flat_map(|call| numbers(*call));
    let mut rules: Rules = all.map(|number| (number, Vec::new())).collect();
    let strange = FAMILIES.iter().map(|family| argument(0, SeccompCmpOp::Ne, *family));
    let raw = argument(1, SeccompCmpOp::MaskedEq(TYPE), libc::SOCK_RAW);
    let sockets = [SeccompRule::new(strange.collect::<Result<_, _>>()?)?, SeccompRule::new(vec![raw?])?];
    let namespaces = NAMESPACES.iter().map(|flag| {
        let set = SeccompCmpOp::MaskedEq(flag.unsigned_abs().into());
        SeccompRule::new(vec![argument(0, set, *flag)?])
    });
    let namespaces = namespaces.collect::<Result<Vec<_>, _>>()?;
    rules.extend(numbers(libc::SYS_socket).map(|number| (number, sockets.to_vec())));
    rules.extend(numbers(libc::SYS_clone).map(|number| (number, namespaces.clone())));
    Ok(rules)
}

/// All by which this processor knows the call.
fn numbers(call: c_long) -> [i64; 2] {
    [call, call | X32]
}

/// An argument of 32 bits.
fn argument(index: u8, is: SeccompCmpOp, value: libc::c_int) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(index, SeccompCmpArgLen::Dword, is, value.unsigned_abs().into())
}

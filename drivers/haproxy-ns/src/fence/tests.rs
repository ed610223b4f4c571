use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use ballast_abi::ErrorCode;
use nix::libc::c_long;

use super::{
    syscalls::{OF_THE_PROCESSOR, POISON, REFUSED, REFUSED_TO_AN_ADMIN, X32},
    *,
};

/// Makes each of these calls with arguments that no call takes, and says its error.
const CALLS: &str = "for (@ARGV) { my ($call, @with) = map { $_ + 0 } split /,/; $! = 0; syscall($call, @with); print $! + 0, \"\\n\" }";
const NOT_PERMITTED: i32 = libc::EPERM;

/// The errors of calls that are made behind these filters, or without any. With all capabilities, as the calls would be
/// refused for lack of one otherwise.
fn errors(calls: &[String], refused: Option<&Refused>) -> Vec<i32> {
    let output = namespace::on_own_thread("calls", || {
        if let Some(refused) = refused {
            refused.apply().unwrap();
        }
        Command::new("perl").args(["-e", CALLS]).args(calls).output().unwrap()
    });
    let output = output.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said.lines().map(|line| line.parse().unwrap()).collect()
}

fn call(number: c_long, arguments: [i64; 6]) -> String {
    [number].iter().chain(&arguments).map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn refused_or_told(test: &str) -> Option<Refused> {
    let refused = Refused::compile(Role::One).unwrap();
    let tried = namespace::on_own_thread("try", || refused.apply()).unwrap();
    match tried {
        Ok(()) => Some(refused),
        Err(why) => {
            ballast_lab::not_run(test, &why);
            None
        }
    }
}

/// With CAP_SYS_ADMIN there is one way more, and only that one.
#[test]
fn who_may_enter_namespaces_of_the_network_may_do_nothing_else_with_that() {
    let test = "who_may_enter_namespaces_of_the_network_may_do_nothing_else";
    if !ballast_lab::require_tool("perl", test) || refused_or_told(test).is_none() {
        return;
    }
    let refused = Refused::compile(Role::Project).unwrap();
    let (freeze, pending, nonblocking, owner, ethtool) = (0xc004_5877, 0x541b, 0x5421, 0xb704, 0x8946);
    let setns = |kind: i32| call(libc::SYS_setns, [-1, kind.into(), 0, 0, 0, 0]);
    let ioctl = |command: i64| call(libc::SYS_ioctl, [-1, command, 0, 0, 0, 0]);
    let madvise = |advice: i32| call(libc::SYS_madvise, [0, 0, advice.into(), 0, 0, 0]);
    let all = REFUSED.iter().filter(|number| ![libc::SYS_vhangup, libc::SYS_setns].contains(number));
    let all = all.chain(OF_THE_PROCESSOR).chain(REFUSED_TO_AN_ADMIN);
    let refusals = all.map(|number| call(*number, [-1; 6])).chain([
        setns(0),
        setns(libc::CLONE_NEWNS),
        setns(libc::CLONE_NEWNET | libc::CLONE_NEWNS),
        setns(libc::CLONE_NEWUSER),
        ioctl(freeze),
        ioctl(owner),
        ioctl(ethtool),
        madvise(POISON[0]),
        madvise(POISON[1]),
    ]);
    let refusals: Vec<String> = refusals.collect();
    let allowed = [
        (setns(libc::CLONE_NEWNET), libc::EBADF),
        (ioctl(pending), libc::EBADF),
        (ioctl(nonblocking), libc::EBADF),
        (madvise(libc::MADV_DONTNEED), 0),
    ];
    ballast_lab::in_lab(|_| {
        for (call, error) in refusals.iter().zip(errors(&refusals, Some(&refused))) {
            assert_eq!(error, NOT_PERMITTED, "{call}");
        }
        let calls: Vec<String> = allowed.iter().map(|(call, _)| call.clone()).collect();
        for ((call, expected), error) in allowed.iter().zip(errors(&calls, Some(&refused))) {
            assert_eq!(error, *expected, "{call}");
        }
        let one = Refused::compile(Role::One).unwrap();
        assert_eq!(errors(&calls[..1], Some(&one)), [NOT_PERMITTED], "nobody else may");
        Ok(())
    });
}

/// By what they fail with: without the filter none of them fails so, as arguments are looked at.
#[test]
fn every_call_of_the_list_is_refused_whatever_its_arguments() {
    let test = "every_call_of_the_list_is_refused_whatever_its_arguments";
    if !ballast_lab::require_tool("perl", test) {
        return;
    }
    let Some(refused) = refused_or_told(test) else { return };
    ballast_lab::in_lab(|_| {
        // `vhangup` takes no arguments, and would do it.
        let safe = REFUSED.iter().chain(OF_THE_PROCESSOR).filter(|number| **number != libc::SYS_vhangup);
        let native: Vec<String> = safe.clone().map(|number| call(*number, [-1; 6])).collect();
        let other: Vec<String> = safe.map(|number| call(*number | c_long::from(X32), [-1; 6])).collect();
        let open = errors(&native, None);
        for (call, _) in native.iter().zip(open).filter(|(_, error)| *error == NOT_PERMITTED) {
            ballast_lab::not_run(
                test,
                &format!("it needs all that root may: without a filter this is refused too: {call}"),
            );
        }
        let all = [native, other].concat();
        for (call, error) in all.iter().zip(errors(&all, Some(&refused))) {
            assert_eq!(error, NOT_PERMITTED, "{call}");
        }
        Ok(())
    });
}

#[test]
fn of_sockets_and_new_processes_only_those_are_refused_that_haproxy_never_has() {
    let test = "of_sockets_and_new_processes_only_those_are_refused";
    if !ballast_lab::require_tool("perl", test) {
        return;
    }
    let Some(refused) = refused_or_told(test) else { return };
    let socket = |family: i32, kind: i32, protocol: i64| {
        (format!("socket {family} {kind}"), call(libc::SYS_socket, [family.into(), kind.into(), protocol, 0, 0, 0]))
    };
    // No thread is without its process' memory: it fails for that, where it is not refused before.
    let clone = |flags: i32| {
        (format!("clone {flags:x}"), call(libc::SYS_clone, [(flags | libc::CLONE_THREAD).into(), 0, 0, 0, 0, 0]))
    };
    let table = [
        (socket(libc::AF_UNIX, libc::SOCK_STREAM, 0), 0),
        (socket(libc::AF_UNIX, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0), 0),
        (socket(libc::AF_INET, libc::SOCK_STREAM, 0), 0),
        (socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_NONBLOCK, 0), 0),
        (socket(libc::AF_INET6, libc::SOCK_STREAM, 0), 0),
        (socket(libc::AF_INET, libc::SOCK_RAW, 1), NOT_PERMITTED),
        (socket(libc::AF_INET6, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 58), NOT_PERMITTED),
        (socket(libc::AF_PACKET, libc::SOCK_RAW, 0), NOT_PERMITTED),
        (socket(libc::AF_PACKET, libc::SOCK_DGRAM, 0), NOT_PERMITTED),
        (socket(libc::AF_NETLINK, libc::SOCK_DGRAM, 0), NOT_PERMITTED),
        (socket(libc::AF_ALG, libc::SOCK_SEQPACKET, 0), NOT_PERMITTED),
        (socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0), NOT_PERMITTED),
        (clone(0), libc::EINVAL),
        (clone(libc::CLONE_NEWUSER), NOT_PERMITTED),
        (clone(libc::CLONE_NEWNET), NOT_PERMITTED),
        (clone(libc::CLONE_NEWNS | libc::CLONE_NEWPID), NOT_PERMITTED),
        (("clone3".to_owned(), call(libc::SYS_clone3, [-1; 6])), libc::ENOSYS),
    ];
    ballast_lab::in_lab(|_| {
        let calls: Vec<String> = table.iter().map(|((_, call), _)| call.clone()).collect();
        for (((what, _), expected), found) in table.iter().zip(errors(&calls, Some(&refused))) {
            assert_eq!(found, *expected, "{what}");
        }
        for (((what, _), expected), found) in table.iter().zip(errors(&calls, None)) {
            assert!(
                found != *expected || [0, libc::EINVAL].contains(expected),
                "not possible without the filter, so this shows nothing: {what}"
            );
        }
        Ok(())
    });
}

#[test]
fn a_program_that_does_not_start_confined_is_refused_with_what_to_do() {
    if Landlock::find().missing().is_some() {
        return ballast_lab::not_run("a_program_that_does_not_start_confined", "this kernel has no Landlock");
    }
    let folder = tempfile::tempdir().unwrap();
    let haproxy = folder.path().join("haproxy");
    fs::write(&haproxy, "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(&haproxy, fs::Permissions::from_mode(0o755)).unwrap();
    let script = Config { haproxy, ..Config::default() };
    let refused = Fence::find(&script, false, Role::One).unwrap_err();
    assert_eq!(refused.code, ErrorCode::INVALID_CONFIG);
    assert!(refused.message.contains("/haproxy does not start confined"), "{}", refused.message);
    assert!(refused.message.contains("confine = false"), "{}", refused.message);
    Fence::find(&Config { confine: false, ..script }, false, Role::One).unwrap();
}

fn fence(landlock: Landlock, has_the_rest: bool, shared: bool) -> Fence {
    let refused = if has_the_rest { Refused::compile(Role::One) } else { Err("Function not implemented".to_owned()) };
    let haproxy = Config::default().haproxy;
    let libraries = Libraries::of(&haproxy);
    let role = Role::One;
    let given_up =
        GivenUp { role, haproxy, libraries, landlock, refused, bounded: has_the_rest, limited: has_the_rest };
    Fence { given_up: Some(given_up), shared }
}

const ALL: Landlock = Landlock { files: true, scopes: true };
const NONE: Landlock = Landlock { files: false, scopes: false };

#[test]
fn what_a_kernel_lacks_is_said_and_haproxy_starts_all_the_same() {
    let table: [(Fence, &[&str]); 3] = [
        (fence(ALL, true, false), &[]),
        (fence(Landlock { scopes: false, ..ALL }, true, false), &["older than Linux 6.12"]),
        (fence(NONE, false, false), &["no Landlock", "Function not implemented", "CAP_SETPCAP", "CAP_SYS_RESOURCE"]),
    ];
    for (fence, expected) in table {
        let missing = fence.given_up.as_ref().unwrap().missing();
        assert_eq!(missing.len(), expected.len(), "{missing:?}");
        for (said, expected) in missing.iter().zip(expected) {
            assert!(said.contains(expected), "{said}");
        }
    }
    let old = fence(NONE, false, false);
    let started = namespace::on_own_thread("start", || {
        old.approach(Signals::ToItsUser).unwrap().enter(None, None, None).unwrap();
        Command::new("/usr/sbin/haproxy").arg("-v").output().unwrap()
    });
    assert!(started.unwrap().status.success());
    assert!(old.holds(Some(u64::MAX)), "what cannot be seen is not mended");
}

#[test]
fn signals_are_kept_where_all_run_as_one_user_and_there_is_nothing_to_hand_over() {
    for (scopes, shared, sticky) in
        [(true, true, true), (true, false, false), (false, true, false), (true, false, true), (false, false, false)]
    {
        let fence = fence(Landlock { files: true, scopes }, true, shared);
        assert_eq!(fence.signals(sticky), Signals::ToItsUser, "{scopes} {shared} {sticky}");
    }
    assert_eq!(fence(ALL, true, true).signals(false), Signals::ToItself);
}

#[test]
fn a_process_that_has_ended_is_not_limited_and_that_is_no_fault() {
    let mut child = Command::new("true").spawn().unwrap();
    let pid = child.id().cast_signed();
    child.wait().unwrap();
    fence(ALL, true, false).limit(pid).unwrap();
    let error = limits::set(pid).unwrap_err();
    assert!(has_ended(&error), "{error}");
    assert!(!has_ended(&io::Error::from_raw_os_error(libc::EPERM)));
}

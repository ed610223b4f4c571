//! What holds for a haproxy of one load balancer holds for one that a project shares.

use std::{env, process::Command};

use crate::{
    tenants::one_user_only,
    world::{PER_PROJECT, PROCESS_MODEL},
};

/// Of the other modules.
const TESTS: [&str; 24] = [
    "crash::a_driver_that_is_killed_at_any_moment_leaves_nothing_that_the_next_one_cannot_mend",
    "first_check::who_served_serves_until_a_check_fails_and_who_is_new_or_comes_back_waits_until_one_passes",
    "host::a_deploy_serves_at_once_and_an_undeploy_leaves_nothing",
    "host::a_strict_umask_and_users_of_their_own_do_not_keep_haproxy_from_its_files",
    "host::another_port_of_the_vip_moves_the_load_balancer_to_another_link",
    "host::many_threads_deploy_and_undeploy_at_once",
    "host::the_same_again_touches_nothing_also_after_a_restart_of_the_driver",
    "host::whatever_was_lost_or_half_made_the_next_pass_finishes_or_removes",
    "host::without_a_vip_there_is_a_load_balancer_and_nothing_on_the_host",
    "listeners::each_listener_counts_for_itself_over_reloads_and_those_that_are_down_are_not_told",
    "lost::a_process_a_namespace_or_a_file_that_was_lost_is_put_back",
    "lost::processes_that_finish_their_connections_are_noted_and_go_with_their_load_balancer",
    "lost::what_somebody_set_by_hand_in_haproxy_is_set_back",
    "moving::a_clients_address_has_the_same_member_after_a_reload_a_change_of_members_and_a_move",
    "moving::bytes_and_connections_are_what_a_client_counted_over_reloads_restarts_and_a_move",
    "planes::tcp_and_udp_by_the_kernel_have_no_haproxy_at_all",
    "planes::the_other_data_plane_is_reached_from_each_and_what_was_counted_stays_counted",
    "refused::what_haproxy_refuses_is_said_of_the_object_in_its_words_and_what_ran_goes_on",
    "tls::hidden::a_private_key_is_in_its_load_balancers_folder_in_memory_and_nowhere_else",
    "tls::members::another_ca_of_members_that_are_shown_a_certificate_counts_without_another_process",
    "tls::rotation::a_certificate_that_haproxy_refuses_leaves_the_one_before_and_is_its_listeners_fault",
    "tls::rotation::a_driver_that_has_restarted_serves_on_and_takes_the_next_certificate_and_names_what_it_was_not_told",
    "traffic::a_ping_monitor_sends_real_echoes",
    "traffic::an_ipv6_vip_serves_at_once",
];

#[test]
fn what_holds_for_one_of_its_own_holds_for_one_that_is_shared() {
    let test = "what_holds_for_one_of_its_own_holds_for_one_that_is_shared";
    if one_user_only() {
        return ballast_lab::not_run(test, "it needs root");
    }
    if env::var_os(PROCESS_MODEL).is_some() {
        return ballast_lab::not_run(test, "all tests run so");
    }
    let run = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--test-threads=2"])
        .args(TESTS)
        .env(PROCESS_MODEL, PER_PROJECT)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    assert!(said.contains(&format!("{} passed", TESTS.len())), "some of them are not there: {said}");
}

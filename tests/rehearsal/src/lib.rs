//! What every driver for a vendor's device has to pass, against the simulator of that device: the same rules and faults
//! for all of them.
//!
//! A vendor is [`Played`] by its simulator. [`tests!`] makes a test of each rule; what only one vendor has is in its
//! driver's own tests, on the same [`Stage`].

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod assumptions;
pub mod faults;
pub mod features;
pub mod foresight;
pub mod plans;
pub mod rules;
pub mod samples;
pub mod secrets;
mod stage;
pub mod tenants;
pub mod tls;

pub use stage::{Assumed, PASSWORD, Played, Role, Stage, USER, strays, writes};

/// A test of each rule, for a vendor that is [`Played`].
#[macro_export]
macro_rules! tests {
    ($played:ty) => {
        $crate::tests! { $played:
            plans::planning_twice_is_planning_nothing,
            plans::what_is_of_others_stays_as_it_is,
            plans::a_deploy_that_was_cut_short_is_finished_by_the_next,
            plans::what_is_foreseen_is_what_the_plan_does,
            plans::the_marker_says_the_generation_only_when_all_is_done,
            rules::a_second_deploy_writes_nothing,
            foresight::a_preview_writes_nothing_and_what_it_says_is_what_is_made,
            rules::each_tenant_has_a_partition_and_every_write_is_in_it,
            rules::a_partition_that_cannot_be_selected_is_not_written_around,
            rules::one_partition_for_all_can_be_configured,
            rules::a_load_balancer_moves_when_the_configured_partition_changes,
            rules::servers_are_shared_and_go_with_the_last_pool_that_has_them,
            rules::a_change_behind_our_back_and_a_reboot_are_seen_and_cured,
            rules::a_save_that_fails_is_said_and_made_up_for,
            rules::what_is_not_saved_yet_is_saved_before_the_process_ends,
            rules::busy_is_waited_for_but_not_for_ever,
            rules::a_secondary_is_told_nothing_and_that_is_said,
            rules::a_session_that_ends_in_the_middle_is_followed_by_one_in_the_same_partition,
            rules::neither_logs_nor_errors_have_the_password,
            rules::the_devices_certificate_is_verified,
            rules::sessions_that_a_crash_left_open_do_not_lock_the_driver_out_for_ever,
            rules::a_session_that_was_left_open_is_ended_by_the_next_one,
            tenants::a_partition_that_does_not_answer_costs_its_own_tenant_only,
            tenants::changes_that_hang_in_one_partition_end_and_hold_up_no_other,
            tenants::a_change_that_waits_for_another_is_busy_and_not_for_ever,
            rules::no_more_sessions_are_open_than_are_configured,
            features::protocols_methods_persistences_and_monitors_of_every_kind_can_be_had,
            features::what_is_declared_beyond_v1_is_made_and_taken_back,
            features::a_pool_without_a_vip_is_deployed_and_nothing_listens,
            features::a_device_is_not_asked_each_time_for_what_was_seen_just_now,
            features::two_hundred_members_are_deployed_in_one_call,
            features::what_the_device_cannot_have_is_said_before_and_all_else_is_made,
            features::a_read_that_is_refused_is_not_told_as_a_change,
            features::a_thousand_members_take_a_tenth_of_the_requests,
            features::one_of_a_list_that_is_refused_keeps_no_other_away,
            features::a_member_that_is_the_vip_itself_is_a_fault_of_that_member,
            features::statistics_and_health_are_read_and_counters_never_go_back,
            features::what_the_device_refuses_is_said_of_the_object_and_the_rest_is_made,
            rules::what_is_gone_is_gone_and_what_was_never_there_is_not_found,
            rules::what_another_host_deployed_is_found_and_can_be_taken_away,
            faults::a_session_that_is_led_astray_writes_nothing_where_it_is,
            assumptions::a_device_may_behave_either_way_where_nobody_knows,
            assumptions::errors_are_known_by_their_number_whatever_the_status,
            faults::a_deploy_survives_every_fault_at_every_request,
            faults::a_change_survives_every_fault_at_every_request,
            faults::an_undeploy_survives_every_fault_at_every_request,
            faults::tls_survives_faults_at_every_write,
            tls::all_of_tls_is_made_and_taken_back_and_nothing_is_sent_twice,
            tls::a_renewed_certificate_takes_the_place_of_the_old_one_and_nothing_else_is_touched,
            tls::certificates_come_and_go_with_what_names_them,
            tls::a_device_that_has_lost_a_file_gets_it_again,
            tls::no_private_key_is_anywhere_but_in_its_upload,
            tls::what_was_not_told_is_not_deployed_and_the_device_is_not_asked,
            tls::what_tls_cannot_have_is_a_fault_of_that_object_and_all_else_is_made,
            tls::a_preview_needs_no_secrets_and_says_what_will_be_made,
        }
    };
    ($played:ty: $($module:ident::$rule:ident,)*) => {
        $(
            #[test]
            fn $rule() {
                $crate::$module::$rule::<$played>();
            }
        )*
    };
}

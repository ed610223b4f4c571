//! The routes as a table: what is served is what the policy is tested by.

use axum::routing::{MethodRouter, get, post};

use crate::{Dashboard, files, forms, live, login, pages, projects, session};

/// One method of one path.
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    pub path: &'static str,
    /// What it does, unique.
    pub action: &'static str,
    pub(crate) serve: fn() -> MethodRouter<Dashboard>,
}

const fn page(path: &'static str, action: &'static str) -> Route {
    Route { method: "GET", path, action, serve: || get(pages::show) }
}

/// A form as it is shown.
const fn form(path: &'static str, action: &'static str) -> Route {
    Route { method: "GET", path, action, serve: || get(forms::show) }
}

/// A form as it is sent.
const fn sent(path: &'static str, action: &'static str) -> Route {
    Route { method: "POST", path, action, serve: || post(forms::take) }
}

/// Every method of every path.
pub const ROUTES: &[Route] = &[
    Route { method: "GET", path: "/", action: "ui_door", serve: || get(pages::door) },
    Route { method: "GET", path: "/ui", action: "ui_door_without_slash", serve: || get(pages::door) },
    page("/ui/", "ui_overview"),
    page("/ui/load-balancers", "ui_load_balancers"),
    page("/ui/load-balancers/{id}", "ui_load_balancer"),
    page("/ui/load-balancers/{id}/listeners", "ui_load_balancer_listeners"),
    page("/ui/load-balancers/{id}/monitors", "ui_load_balancer_monitors"),
    page("/ui/load-balancers/{id}/traffic", "ui_load_balancer_traffic"),
    page("/ui/load-balancers/{id}/events", "ui_load_balancer_events"),
    page("/ui/load-balancers/{id}/history", "ui_load_balancer_history"),
    page("/ui/load-balancers/{id}/config", "ui_load_balancer_config"),
    page("/ui/load-balancers/{id}/copy", "ui_load_balancer_copy"),
    form("/ui/new", "ui_form_new"),
    sent("/ui/new", "ui_form_new_sent"),
    form("/ui/load-balancers/{id}/edit", "ui_form_edit"),
    sent("/ui/load-balancers/{id}/edit", "ui_form_edit_sent"),
    form("/ui/load-balancers/{id}/delete", "ui_form_delete"),
    sent("/ui/load-balancers/{id}/delete", "ui_form_delete_sent"),
    form("/ui/load-balancers/{id}/history/{part}/rollback", "ui_form_rollback"),
    sent("/ui/load-balancers/{id}/history/{part}/rollback", "ui_form_rollback_sent"),
    form("/ui/load-balancers/{id}/listeners/new", "ui_form_new_listener"),
    sent("/ui/load-balancers/{id}/listeners/new", "ui_form_new_listener_sent"),
    form("/ui/load-balancers/{id}/listeners/{part}/edit", "ui_form_listener"),
    sent("/ui/load-balancers/{id}/listeners/{part}/edit", "ui_form_listener_sent"),
    form("/ui/load-balancers/{id}/listeners/{part}/delete", "ui_form_delete_listener"),
    sent("/ui/load-balancers/{id}/listeners/{part}/delete", "ui_form_delete_listener_sent"),
    form("/ui/load-balancers/{id}/listeners/{part}/policies/new", "ui_form_new_policy"),
    sent("/ui/load-balancers/{id}/listeners/{part}/policies/new", "ui_form_new_policy_sent"),
    form("/ui/load-balancers/{id}/pools/new", "ui_form_new_pool"),
    sent("/ui/load-balancers/{id}/pools/new", "ui_form_new_pool_sent"),
    form("/ui/load-balancers/{id}/pools/{part}/edit", "ui_form_pool"),
    sent("/ui/load-balancers/{id}/pools/{part}/edit", "ui_form_pool_sent"),
    form("/ui/load-balancers/{id}/pools/{part}/delete", "ui_form_delete_pool"),
    sent("/ui/load-balancers/{id}/pools/{part}/delete", "ui_form_delete_pool_sent"),
    form("/ui/load-balancers/{id}/pools/{part}/members/new", "ui_form_add_members"),
    sent("/ui/load-balancers/{id}/pools/{part}/members/new", "ui_form_add_members_sent"),
    form("/ui/load-balancers/{id}/pools/{part}/members/change", "ui_form_change_members"),
    sent("/ui/load-balancers/{id}/pools/{part}/members/change", "ui_form_change_members_sent"),
    form("/ui/load-balancers/{id}/pools/{part}/monitors/new", "ui_form_new_monitor"),
    sent("/ui/load-balancers/{id}/pools/{part}/monitors/new", "ui_form_new_monitor_sent"),
    form("/ui/load-balancers/{id}/monitors/{part}/edit", "ui_form_monitor"),
    sent("/ui/load-balancers/{id}/monitors/{part}/edit", "ui_form_monitor_sent"),
    form("/ui/load-balancers/{id}/monitors/{part}/delete", "ui_form_delete_monitor"),
    sent("/ui/load-balancers/{id}/monitors/{part}/delete", "ui_form_delete_monitor_sent"),
    form("/ui/load-balancers/{id}/policies/{part}/edit", "ui_form_policy"),
    sent("/ui/load-balancers/{id}/policies/{part}/edit", "ui_form_policy_sent"),
    form("/ui/load-balancers/{id}/policies/{part}/delete", "ui_form_delete_policy"),
    sent("/ui/load-balancers/{id}/policies/{part}/delete", "ui_form_delete_policy_sent"),
    form("/ui/load-balancers/{id}/policies/{part}/rules/new", "ui_form_new_rule"),
    sent("/ui/load-balancers/{id}/policies/{part}/rules/new", "ui_form_new_rule_sent"),
    form("/ui/load-balancers/{id}/policies/{part}/rules/{rule}/edit", "ui_form_rule"),
    sent("/ui/load-balancers/{id}/policies/{part}/rules/{rule}/edit", "ui_form_rule_sent"),
    form("/ui/load-balancers/{id}/policies/{part}/rules/{rule}/delete", "ui_form_delete_rule"),
    sent("/ui/load-balancers/{id}/policies/{part}/rules/{rule}/delete", "ui_form_delete_rule_sent"),
    page("/ui/certificates", "ui_certificates"),
    page("/ui/certificates/secret", "ui_secret"),
    page("/ui/certificates/{id}", "ui_certificate"),
    form("/ui/certificates/new", "ui_form_new_certificate"),
    sent("/ui/certificates/new", "ui_form_new_certificate_sent"),
    form("/ui/certificates/order", "ui_form_order_certificate"),
    sent("/ui/certificates/order", "ui_form_order_certificate_sent"),
    form("/ui/certificates/{id}/edit", "ui_form_certificate"),
    sent("/ui/certificates/{id}/edit", "ui_form_certificate_sent"),
    form("/ui/certificates/{id}/rotate", "ui_form_rotate_certificate"),
    sent("/ui/certificates/{id}/rotate", "ui_form_rotate_certificate_sent"),
    form("/ui/certificates/{id}/delete", "ui_form_delete_certificate"),
    sent("/ui/certificates/{id}/delete", "ui_form_delete_certificate_sent"),
    page("/ui/monitors", "ui_monitors"),
    page("/ui/networks", "ui_networks"),
    page("/ui/quotas", "ui_quotas"),
    page("/ui/agents", "ui_agents"),
    page("/ui/agents/{id}", "ui_agent"),
    page("/ui/schedulers", "ui_schedulers"),
    page("/ui/events", "ui_events"),
    page("/ui/explain", "ui_explain_all"),
    page("/ui/explain/{status}", "ui_explain"),
    Route { method: "POST", path: "/ui/certificates/look", action: "ui_look_at_secrets", serve: || post(forms::look) },
    Route { method: "GET", path: "/ui/projects", action: "ui_projects", serve: || get(projects::show) },
    Route { method: "POST", path: "/ui/project", action: "ui_choose_project", serve: || post(projects::choose) },
    Route { method: "POST", path: "/ui/theme", action: "ui_theme", serve: || post(session::choose_theme) },
    Route { method: "GET", path: "/ui/login", action: "ui_login_form", serve: || get(login::form) },
    Route { method: "POST", path: "/ui/login", action: "ui_login", serve: || post(login::log_in) },
    Route { method: "POST", path: "/ui/logout", action: "ui_logout", serve: || post(login::log_out) },
    Route { method: "GET", path: "/ui/static/{file}", action: "ui_static", serve: || get(files::serve) },
    Route { method: "GET", path: "/ui/live", action: "ui_live", serve: || get(live::stream) },
];

//! The policy, as a table: `.` is what does not exist, `seen` and `hidden` are an object's in a list, and a number is the
//! status of the answer. An object that is another's is 404 for all but admins, and a reader changes nothing.

/// What a caller gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    Status(u16),
    /// 200, and the object is in the list.
    Seen,
    /// 200, and it is not.
    Hidden,
}

/// A line of a table.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) nobody: u16,
    /// Of objects that are own, foreign, shared: what reader, member, admin get.
    pub(super) cells: Vec<Vec<Option<Cell>>>,
}

pub(super) fn rows(table: &'static str) -> impl Iterator<Item = Row> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with("--")).map(|line| {
        let mut parts = line.split('|').map(str::split_whitespace);
        let mut head = parts.next().into_iter().flatten();
        let name = head.next().expect("a name");
        let nobody =
            head.next().and_then(|cell| cell.parse().ok()).unwrap_or_else(|| panic!("nobody's status: {line}"));
        let cells: Vec<Vec<_>> = parts.map(|part| part.map(cell).collect()).collect();
        assert!(cells.len() == 3 && cells.iter().all(|part| part.len() == 3), "three times three cells: {line}");
        Row { name, nobody, cells }
    })
}

fn cell(text: &str) -> Option<Cell> {
    match text {
        "." => None,
        "seen" => Some(Cell::Seen),
        "hidden" => Some(Cell::Hidden),
        status => Some(Cell::Status(status.parse().unwrap_or_else(|_| panic!("what is '{text}'?")))),
    }
}

/// For `create_*`, foreign is in another's network or pool, and shared is in a shared network; an admin says for whom.
pub(super) const TABLE: &str = "
-- action                nobody | own: reader member admin | foreign              | shared
get_openapi                 200 | 200    200    200    | .      .      .      | .    .    .
get_resources               401 | 200    200    200    | .      .      .      | .    .    .
get_resources_of_version    401 | 200    200    200    | .      .      .      | .    .    .
get_extensions              401 | 200    200    200    | .      .      .      | .    .    .
get_extension               401 | 200    200    200    | .      .      .      | .    .    .
get_service_providers       401 | 200    200    200    | .      .      .      | .    .    .
create_service_provider     401 | 400    400    400    | .      .      .      | .    .    .

get_pools                   401 | seen   seen   seen   | hidden hidden seen   | .    .    .
create_pool                 401 | 403    201    201    | 403    404    201    | 403  201  201
get_pool                    401 | 200    200    200    | 404    404    200    | .    .    .
update_pool                 401 | 403    200    200    | 403    404    200    | .    .    .
delete_pool                 401 | 403    204    204    | 403    404    204    | .    .    .
get_pool_stats              401 | 200    200    200    | 404    404    200    | .    .    .
get_loadbalancer-agent      401 | 403    403    200    | 403    403    200    | .    .    .
get_pool_health_monitors    401 | 200    200    200    | 404    404    200    | .    .    .
create_pool_health_monitor  401 | 403    201    201    | 403    404    201    | .    .    .
get_pool_health_monitor     401 | 200    200    200    | 404    404    200    | .    .    .
delete_pool_health_monitor  401 | 403    204    204    | 403    404    204    | .    .    .

get_vips                    401 | seen   seen   seen   | hidden hidden seen   | .    .    .
create_vip                  401 | 403    201    201    | 403    404    201    | 403  201  201
get_vip                     401 | 200    200    200    | 404    404    200    | .    .    .
update_vip                  401 | 403    200    200    | 403    404    200    | .    .    .
delete_vip                  401 | 403    204    204    | 403    404    204    | .    .    .

get_members                 401 | seen   seen   seen   | hidden hidden seen   | .    .    .
create_member               401 | 403    201    201    | 403    404    201    | .    .    .
get_member                  401 | 200    200    200    | 404    404    200    | .    .    .
update_member               401 | 403    200    200    | 403    404    200    | .    .    .
delete_member               401 | 403    204    204    | 403    404    204    | .    .    .

get_health_monitors         401 | seen   seen   seen   | hidden hidden seen   | .    .    .
create_health_monitor       401 | 403    201    201    | .      .      .      | .    .    .
get_health_monitor          401 | 200    200    200    | 404    404    200    | .    .    .
update_health_monitor       401 | 403    200    200    | 403    404    200    | .    .    .
delete_health_monitor       401 | 403    204    204    | 403    404    204    | .    .    .

get_networks                401 | seen   seen   seen   | hidden hidden seen   | seen seen seen
create_network              401 | 403    201    201    | .      .      .      | 403  403  201
get_network                 401 | 200    200    200    | 404    404    200    | 200  200  200
update_network              401 | 403    200    200    | 403    404    200    | 403  404  200
delete_network              401 | 403    204    204    | 403    404    204    | 403  404  204

get_subnets                 401 | seen   seen   seen   | hidden hidden seen   | seen seen seen
create_subnet               401 | 403    201    201    | 403    404    201    | 403  404  201
get_subnet                  401 | 200    200    200    | 404    404    200    | 200  200  200
update_subnet               401 | 403    200    200    | 403    404    200    | 403  404  200
delete_subnet               401 | 403    204    204    | 403    404    204    | 403  404  204

get_ports                   401 | seen   seen   seen   | hidden hidden seen   | .    .    .
create_port                 401 | 403    201    201    | 403    404    201    | 403  201  201
get_port                    401 | 200    200    200    | 404    404    200    | .    .    .
update_port                 401 | 403    200    200    | 403    404    200    | .    .    .
delete_port                 401 | 403    204    204    | 403    404    204    | .    .    .

get_quotas                  401 | 403    403    200    | .      .      .      | .    .    .
create_quota                401 | 501    501    501    | .      .      .      | .    .    .
get_quota_tenant            401 | 200    200    200    | .      .      .      | .    .    .
get_quota                   401 | 200    200    200    | 403    403    200    | .    .    .
get_quota_default           401 | 200    200    200    | 403    403    200    | .    .    .
update_quota                401 | 403    403    200    | 403    403    200    | .    .    .
delete_quota                401 | 403    403    204    | 403    403    204    | .    .    .

get_agents                  401 | .      .      .      | hidden hidden seen   | .    .    .
create_agent                401 | 400    400    400    | .      .      .      | .    .    .
get_agent                   401 | .      .      .      | 404    404    200    | .    .    .
update_agent                401 | .      .      .      | 403    404    200    | .    .    .
delete_agent                401 | .      .      .      | 403    404    204    | .    .    .
get_loadbalancer-pools      401 | .      .      .      | 403    403    200    | .    .    .
";

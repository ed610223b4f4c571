"""openstacksdk's load balancers against a server: what a program does that makes, waits, changes, finds and deletes.

usage: openstack_sdk.py URL SUBNET_ID

It says `done`, or ends with what was not as it should be.
"""

import sys

import openstack
from openstack import exceptions


def connect(url):
    return openstack.connect(auth_type="none", endpoint=url).load_balancer


def same(found, expected):
    if found != expected:
        sys.exit(f"{found!r} is not {expected!r}")


def gone(call, *arguments):
    try:
        call(*arguments)
    except exceptions.NotFoundException:
        return
    sys.exit(f"{call.__name__}{arguments} found something")


def make(lb, subnet):
    made = lb.create_load_balancer(name="sdk", vip_subnet_id=subnet, tags=["a", "b"])
    made = lb.wait_for_load_balancer(made.id)
    same((made.provisioning_status, made.is_admin_state_up, sorted(made.tags)), ("ACTIVE", True, ["a", "b"]))
    same(lb.wait_for_load_balancer("sdk").id, made.id)
    return made


def children(lb, made):
    """One of each, and each with its ways to be found and changed."""
    listener = lb.create_listener(
        name="front", load_balancer_id=made.id, protocol="HTTP", protocol_port=80,
        insert_headers={"X-Forwarded-For": "true"}, allowed_cidrs=["10.0.0.0/8"],
    )
    pool = lb.create_pool(name="servers", listener_id=listener.id, protocol="HTTP", lb_algorithm="ROUND_ROBIN")
    member = lb.create_member(pool, name="one", address="10.0.0.11", protocol_port=80)
    monitor = lb.create_health_monitor(
        pool_id=pool.id, name="check", type="HTTP", delay=5, timeout=3, max_retries=2, url_path="/ok",
    )
    policy = lb.create_l7_policy(listener_id=listener.id, name="no", action="REJECT")
    rule = lb.create_l7_rule(policy, type="PATH", compare_type="STARTS_WITH", value="/admin")
    lb.wait_for_load_balancer(made.id, interval=0.2)

    same(lb.find_listener("front").default_pool_id, pool.id)
    same(lb.find_pool("servers").health_monitor_id, monitor.id)
    same(lb.find_member("one", pool).weight, 1)
    same(lb.find_health_monitor("check").url_path, "/ok")
    same(lb.find_l7_policy("no").position, 1)
    same(lb.get_l7_rule(rule, policy).rule_value, "/admin")
    same([found.id for found in lb.pools(load_balancer_id=made.id)], [pool.id])

    same(lb.update_listener(listener, connection_limit=5).connection_limit, 5)
    same(lb.update_pool(pool, lb_algorithm="LEAST_CONNECTIONS").lb_algorithm, "LEAST_CONNECTIONS")
    same(lb.update_member(member, pool, weight=3).weight, 3)
    same(lb.update_health_monitor(monitor, delay=9).delay, 9)
    same(lb.update_l7_policy(policy, name="never").name, "never")
    same(lb.update_l7_rule(rule, policy, rule_value="/x").rule_value, "/x")
    lb.wait_for_load_balancer(made.id, interval=0.2)
    same([found.provisioning_status for found in lb.members(pool)], ["ACTIVE"])
    return listener, pool, member, monitor, policy, rule


def pages(lb, subnet):
    """More than a page holds, by their names in order."""
    names = [f"page-{n}" for n in range(5)]
    for name in names:
        lb.create_load_balancer(name=name, vip_subnet_id=subnet, description="paged")
    found = [one.name for one in lb.load_balancers(description="paged", limit=2)]
    same(sorted(found), names)
    for name in names:
        lb.delete_load_balancer(lb.find_load_balancer(name), cascade=True)


def end(lb, made, parts):
    listener, pool, member, monitor, policy, rule = parts
    lb.delete_l7_rule(rule, policy)
    gone(lb.get_l7_rule, rule, policy)
    lb.delete_l7_policy(policy)
    lb.delete_health_monitor(monitor)
    lb.delete_member(member, pool)
    gone(lb.get_member, member, pool)
    lb.delete_pool(pool)
    lb.delete_listener(listener)
    lb.wait_for_load_balancer(made.id, interval=0.2)
    lb.delete_load_balancer(made)
    lb.wait_for_delete(made, interval=0.2, wait=30)
    gone(lb.get_load_balancer, made.id)
    # What is not there is deleted already.
    lb.delete_load_balancer(made.id)
    same(lb.find_load_balancer("sdk"), None)


def main(url, subnet):
    lb = connect(url)
    made = make(lb, subnet)
    made = lb.update_load_balancer(made, description="changed", admin_state_up=True)
    same(made.description, "changed")
    parts = children(lb, made)
    same(lb.get_load_balancer_statistics(made.id).bytes_in, 0)
    same(lb.get_listener_statistics(parts[0].id).total_connections, 0)
    lb.failover_load_balancer(made.id)
    lb.wait_for_load_balancer(made.id, interval=0.2)
    end(lb, made, parts)
    pages(lb, subnet)
    same(lb.get_quota_default().load_balancers, -1)
    same(any(one.name for one in lb.providers()), True)
    print("done")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A load balancer's life with A10's own client, acos-client 2.10.0, at the device whose address is the argument.

usage: acos_lifecycle.py HOST PORT

What the client sends is compared with a recording by the test that runs this. An answer that the client should not get
ends it with a traceback.
"""
import sys

import acos_client
from acos_client import errors

MONITOR = "hm-11111111-aaaa-bbbb-cccc-00"
POOL = "pool-11111111-aaaa-bbbb-cccc-000000000001"
VIP = "vip-11111111-aaaa-bbbb-cccc-000000000001"


def refused(error, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error:
        return
    raise AssertionError(f"{call} was not refused with {error}")


def connect(password):
    return acos_client.Client(sys.argv[1], acos_client.AXAPI_30, "admin", password, port=int(sys.argv[2]), protocol="http")


def deploy(client):
    slb = client.slb
    slb.hm.create(MONITOR, slb.hm.HTTP, 5, 3, 3, method="GET", url="/healthz", expect_code="200", port=8080)
    for n in (1, 2, 3):
        slb.server.create(f"srv{n}", f"10.0.0.{n}")
    slb.service_group.create(POOL, slb.service_group.TCP, slb.service_group.ROUND_ROBIN, hm_name=MONITOR)
    for n in (1, 2, 3):
        slb.server.port.create(f"srv{n}", 8080, "tcp")
        slb.service_group.member.create(POOL, f"srv{n}", 8080)
    slb.template.cookie_persistence.create(POOL, cookie_name="JSESSIONID")
    slb.virtual_server.create(VIP, "192.0.2.10")
    slb.virtual_server.vport.create(
        VIP, f"{VIP}_80", protocol="http", protocol_port=80, service_group_name=POOL, c_pers_name=POOL, autosnat=True,
        conn_limit=1000)
    client.system.action.write_memory()


def deploy_again(client):
    slb = client.slb
    refused(errors.Exists, slb.server.create, "srv1", "10.0.0.1")
    refused(errors.Exists, slb.service_group.create, POOL, slb.service_group.TCP, slb.service_group.ROUND_ROBIN)
    refused(errors.NotFound, slb.server.get, "nope")
    # The client does not say that nothing was there.
    slb.server.delete("nope")
    refused(errors.InUse, slb.hm.delete, MONITOR)


def change(client):
    slb = client.slb
    slb.server.port.update("srv2", 8080, "tcp", weight=5)
    slb.service_group.member.update(POOL, "srv3", 8080, member_state=False)


def look(client):
    slb = client.slb
    member = slb.service_group.member.get_oper(POOL, "srv3", 8080)
    assert member["member"]["oper"]["state"] == "DIS-UP", member
    group = slb.service_group.oper(POOL)
    assert group["service-group"]["oper"]["servers-up"] == 2, group
    vip = slb.virtual_server.oper(VIP)
    assert vip["virtual-server"]["oper"]["state"] == "Functional Up", vip
    slb.service_group.oper(POOL)
    stats = slb.virtual_server.stats(VIP)
    assert stats["port-list"][0]["stats"]["total_conn"] == 0, stats
    slb.service_group.stats(POOL)


def choose(client):
    group = client.slb.service_group
    group.update(POOL, lb_method=group.LEAST_CONNECTION, hm_name=MONITOR)
    assert group.get(POOL)["service-group"]["lc-method"] == "least-connection"
    group.update(POOL, lb_method=group.SOURCE_IP_HASH_ONLY, hm_name=MONITOR)


def undeploy(client):
    slb = client.slb
    slb.service_group.member.delete(POOL, "srv3", 8080)
    slb.server.delete("srv3")
    slb.virtual_server.vport.delete(VIP, f"{VIP}_80", "HTTP", 80)
    slb.virtual_server.delete(VIP)
    slb.service_group.delete(POOL)
    slb.template.cookie_persistence.delete(POOL)
    for n in (1, 2):
        slb.server.delete(f"srv{n}")
    slb.hm.delete(MONITOR)
    client.system.action.write_memory()
    client.session.close()


def main():
    client = connect("a10")
    for step in (deploy, deploy_again, change, look, choose, undeploy):
        step(client)
    refused(errors.AuthenticationFailure, connect("wrong").session.authenticate, "admin", "wrong")


if __name__ == "__main__":
    main()

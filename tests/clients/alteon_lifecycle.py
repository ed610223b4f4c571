"""A load balancer's life with Radware's own client, alteon-sdk 0.16b2, at the device whose address is the argument.

usage: alteon_lifecycle.py HOST PORT CERTIFICATE KEY

CERTIFICATE and KEY are files of PEM. An answer that the client should not get ends it with a traceback. It speaks TLS only.
"""
import sys
import time

from radware.alteon.client import AlteonClient
from radware.alteon.exceptions import AlteonRequestError
from radware.alteon.sdk.configurators.content_rule import ContentRuleParameters
from radware.alteon.sdk.configurators.group_real_server import GroupRealServerParameters
from radware.alteon.sdk.configurators.health_check_http import HealthCheckHTTPParameters
from radware.alteon.sdk.configurators.health_check_logexp import HealthCheckLogExpParameters
from radware.alteon.sdk.configurators.health_check_tcp import HealthCheckTCPParameters
from radware.alteon.sdk.configurators.l7_content_class import L7ContentClassParameters
from radware.alteon.sdk.configurators.l7_content_class_path import L7ContentClassPathParameters
from radware.alteon.sdk.configurators.server import ServerParameters
from radware.alteon.sdk.configurators.server_group import ServerGroupParameters
from radware.alteon.sdk.configurators.ssl_cert import SSLCertParameters
from radware.alteon.sdk.configurators.ssl_key import SSLKeyParameters
from radware.alteon.sdk.configurators.ssl_policy import SSLPolicyParameters
from radware.alteon.sdk.configurators.virtual_server import VirtualServerParameters
from radware.alteon.sdk.configurators.virtual_service import VirtualServiceParameters
from radware.sdk.exceptions import DeviceFunctionError

# The client rests five seconds before it looks at an apply for the first time.
time.sleep = lambda seconds: None


def made(kind, *index, **fields):
    parameters = kind(*index)
    for name, value in fields.items():
        assert hasattr(parameters, name), (kind, name)
        setattr(parameters, name, value)
    return parameters


class Life:
    def __init__(self, password):
        host, port = sys.argv[1], int(sys.argv[2])
        details = {"server": host, "user": "admin", "password": password, "https_port": port, "validate_certs": False}
        self.api = AlteonClient(**details).api
        self.config = self.api.mgmt.config

    def update(self, kind, *index, **fields):
        return self.api.conf.execute("update", made(kind, *index, **fields)).content_raw

    def read(self, kind, *index):
        return self.api.conf.execute("read", made(kind, *index)).content_raw

    def delete(self, kind, *index):
        return self.api.conf.execute("delete", made(kind, *index))

    def commit(self):
        assert self.config.commit_save() == "complete"
        assert not self.config.pending_apply() and not self.config.pending_save()


def deploy(life):
    life.update(HealthCheckHTTPParameters, "hc1", interval_second=5, response_timeout_second=3, http_path="/healthz",
                expected_return_codes="200,202")
    for n in (1, 2, 3):
        life.update(ServerParameters, f"s{n}", ip_address=f"10.0.0.{n}", state="enabled", server_ports=[8080])
    life.update(ServerGroupParameters, "g1", slb_metric="roundRobin", health_check_id="hc1", server_names=["s1", "s2", "s3"])
    life.update(VirtualServerParameters, "v1", ip_address="192.0.2.10", state="enabled")
    life.update(VirtualServiceParameters, "v1", 1, service_port=80, server_port=0, protocol="tcp", application_type="http",
                server_group_name="g1", persistent_mode="cookie", cookie_mode="insert", cookie_id="SRV")
    assert life.config.pending_apply()
    life.commit()


def look(life):
    server = life.read(ServerParameters, "s1")
    assert (server.ip_address, server.server_ports, server.state.name) == ("10.0.0.1", [8080], "enabled"), server
    group = life.read(ServerGroupParameters, "g1")
    assert sorted(group.server_names) == ["s1", "s2", "s3"], group
    service = life.read(VirtualServiceParameters, "v1", 1)
    shown = (service.service_port, service.application_type.name, service.server_group_name, service.cookie_id)
    assert shown == (80, "http", "g1", "SRV"), service
    for kind in (ServerParameters, ServerGroupParameters, VirtualServerParameters):
        assert life.read(kind, "nope") is None, kind


def change(life):
    life.update(ServerParameters, "s2", weight=5)
    life.update(ServerParameters, "s3", state="disabled")
    life.update(GroupRealServerParameters, "g1", "s2", real_server_status="disabled")
    differences = life.config.diff()
    assert any("s2" in line for line in differences), differences
    life.commit()
    assert life.read(ServerParameters, "s2").weight == 5


def encrypt(life):
    certificate, key = (open(file).read() for file in sys.argv[3:5])
    life.update(SSLKeyParameters, "c1", content=key, passphrase="s3cret")
    life.update(SSLCertParameters, "c1", "serverCertificate", content=certificate)
    shown = life.read(SSLCertParameters, "c1", "serverCertificate").content
    assert shown == certificate, shown
    life.update(SSLPolicyParameters, "p1", state="enabled", fe_ssl_encryption="enabled", fe_ssl_tls1_0="disabled")
    life.update(VirtualServiceParameters, "v1", 2, service_port=443, server_port=0, protocol="tcp", application_type="https",
                server_group_name="g1", ssl_policy_name="p1", server_cert_name="c1", server_cert_type="cert")
    life.commit()


def choose(life):
    life.update(L7ContentClassParameters, "cc1", name="api", content_class_type="http")
    life.update(L7ContentClassPathParameters, "cc1", "1", url_path="/api", match_type="prefx")
    life.update(ContentRuleParameters, "v1", 1, 10, content_class="cc1", action="group", group_id="g1", state="enabled")
    life.update(HealthCheckTCPParameters, "t1", interval_second=5, response_timeout_second=3)
    life.update(HealthCheckLogExpParameters, "l1", logical_expression="hc1&t1")
    life.update(ServerGroupParameters, "g1", health_check_id="l1")
    life.commit()


def fail(life):
    """What it does when an apply fails: everybody's staged changes are gone."""
    life.update(VirtualServiceParameters, "v1", 1, server_group_name="nope")
    try:
        life.config.commit()
    except DeviceFunctionError as error:
        assert "nope" in str(error), error
    else:
        raise AssertionError("the apply did not fail")
    assert not life.config.pending_apply()


def undeploy(life):
    life.delete(ContentRuleParameters, "v1", 1, 10)
    for service in (2, 1):
        life.delete(VirtualServiceParameters, "v1", service)
    life.delete(VirtualServerParameters, "v1")
    life.delete(ServerGroupParameters, "g1")
    for n in (1, 2, 3):
        life.delete(ServerParameters, f"s{n}")
    life.delete(L7ContentClassPathParameters, "cc1", "1")
    life.delete(L7ContentClassParameters, "cc1")
    for kind, name in ((HealthCheckLogExpParameters, "l1"), (HealthCheckTCPParameters, "t1"), (HealthCheckHTTPParameters, "hc1")):
        life.delete(kind, name)
    life.delete(SSLPolicyParameters, "p1")
    life.delete(SSLCertParameters, "c1", "serverCertificate")
    life.delete(SSLKeyParameters, "c1")
    # The client does not say that nothing was there.
    life.delete(ServerParameters, "nope")
    life.commit()


def main():
    life = Life("admin")
    for step in (deploy, look, change, encrypt, choose, fail, undeploy):
        step(life)
    try:
        Life("wrong").config.pending_apply()
    except AlteonRequestError:
        return
    raise AssertionError("a wrong password was taken")


if __name__ == "__main__":
    main()

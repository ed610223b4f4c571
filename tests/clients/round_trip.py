"""A client of lbaas.v1 in Python, generated from the .proto files: the whole way of a pool, watched.

usage: round_trip.py TARGET SUBNET_ID                  (TARGET as gRPC writes it: unix:/path or host:port)
       round_trip.py TARGET SUBNET_ID CA CERT KEY     (over TLS, with these files)

It says what it does. A line that is not so ends it with a traceback and status 1.
"""

import pathlib
import sys
import threading
import uuid

import grpc
from google.protobuf import field_mask_pb2
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

from lbaas.driver.v1 import driver_pb2
from lbaas.v1 import lbaas_pb2 as lbaas
from lbaas.v1 import lbaas_pb2_grpc

PATIENCE = 30


class Watcher(threading.Thread):
    """What is there, from events alone."""

    def __init__(self, events, cursor=""):
        super().__init__(daemon=True)
        self.objects, self.cursor, self.has_snapshot = {}, cursor, bool(cursor)
        self.changed = threading.Condition()
        self.call = events.Watch(lbaas.WatchRequest(cursor=cursor))

    def run(self):
        try:
            for answer in self.call:
                with self.changed:
                    self.cursor = answer.cursor or self.cursor
                    if answer.WhichOneof("message") == "snapshot_done":
                        self.has_snapshot = True
                    elif answer.WhichOneof("message") == "event":
                        self.take(answer.event)
                    self.changed.notify_all()
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.CANCELLED:
                raise

    def take(self, event):
        what = event.WhichOneof("object")
        self.objects[event.kind, event.id] = None if what == "deleted" else getattr(event, what)

    def wait(self, what, is_so):
        with self.changed:
            assert self.changed.wait_for(is_so, PATIENCE), f"not told: {what}; known: {self.objects}"
        print("told:", what)

    def get(self, kind, of):
        return self.objects.get((kind, of))


def details(error, of):
    """The one detail of this type."""
    for packed in rpc_status.from_call(error).details:
        found = of()
        if packed.Unpack(found):
            return found
    raise AssertionError(f"{error} has no {of.DESCRIPTOR.full_name}")


def refused(code, call):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code, error
        return error
    raise AssertionError(f"not refused with {code}")


def services(channel):
    health = health_pb2_grpc.HealthStub(channel)
    for name in ("", "lbaas.v1.Pools", "lbaas.v1.Events"):
        answer = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=PATIENCE)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING, (name, answer)
    names = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert {"lbaas.v1.Pools", "lbaas.v1.Events", "grpc.health.v1.Health"} <= set(names), names
    print("health and reflection answer")


def create(channel, subnet_id):
    pools = lbaas_pb2_grpc.PoolsStub(channel)
    pool = lbaas.Pool(
        project_id="demo",
        name="python",
        subnet_id=subnet_id,
        protocol=driver_pb2.PROTOCOL_HTTP,
        lb_method=driver_pb2.LB_METHOD_ROUND_ROBIN,
    )
    request = lbaas.CreatePoolRequest(pool=pool, request_id=str(uuid.uuid4()))
    made = pools.Create(request, timeout=PATIENCE)
    assert made.status == lbaas.PENDING_CREATE and made.admin_state_up, made
    assert pools.Create(request, timeout=PATIENCE).id == made.id
    members = lbaas_pb2_grpc.MembersStub(channel)
    for last in (11, 12, 13):
        member = lbaas.Member(project_id="demo", pool_id=made.id, address=f"10.20.0.{last}", protocol_port=80)
        members.Create(lbaas.CreateMemberRequest(member=member), timeout=PATIENCE)
    vip = lbaas.Vip(
        project_id="demo", pool_id=made.id, subnet_id=subnet_id, protocol=driver_pb2.PROTOCOL_HTTP, protocol_port=80
    )
    vip = lbaas_pb2_grpc.VipsStub(channel).Create(lbaas.CreateVipRequest(vip=vip), timeout=PATIENCE)
    assert vip.address and vip.connection_limit == -1, vip
    print("made a pool with three members and a vip at", vip.address)
    return made, vip


def lists(channel, pool):
    members = lbaas_pb2_grpc.MembersStub(channel)
    only = lbaas.Filter(field="address", values=["10.20.0.11", "10.20.0.13"])
    newest_first = lbaas.Sort(field="address", descending=True)
    found = members.List(lbaas.ListRequest(filters=[only], sorts=[newest_first]), timeout=PATIENCE).members
    assert [member.address for member in found] == ["10.20.0.13", "10.20.0.11"], found
    seen, token = [], ""
    while True:
        page = members.List(lbaas.ListRequest(page_size=2, page_token=token), timeout=PATIENCE)
        seen += [member.id for member in page.members]
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == len(set(seen)) == 3, seen
    print("lists are filtered, sorted and paged")


def update(channel, pool):
    pools = lbaas_pb2_grpc.PoolsStub(channel)
    change = lbaas.Pool(id=pool.id, name="ignored", description="by Python", lb_method=driver_pb2.LB_METHOD_SOURCE_IP)
    mask = field_mask_pb2.FieldMask(paths=["description", "lb_method"])
    changed = pools.Update(lbaas.UpdatePoolRequest(pool=change, update_mask=mask), timeout=PATIENCE)
    assert (changed.name, changed.description) == ("python", "by Python"), changed
    assert changed.lb_method == driver_pb2.LB_METHOD_SOURCE_IP, changed
    print("an update changes what its mask names")


def errors(channel, pool):
    pools = lbaas_pb2_grpc.PoolsStub(channel)
    mask = field_mask_pb2.FieldMask(paths=["nonsense"])
    bad = lbaas.UpdatePoolRequest(pool=lbaas.Pool(id=pool.id), update_mask=mask)
    error = refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: pools.Update(bad, timeout=PATIENCE))
    assert "nonsense" in error.details(), error
    info = details(error, error_details_pb2.ErrorInfo)
    assert (info.domain, info.reason) == ("ballast", "INVALID_FIELD"), info
    assert details(error, error_details_pb2.BadRequest).field_violations[0].field == "update_mask"
    in_use = lambda: pools.Delete(lbaas.DeleteRequest(id=pool.id), timeout=PATIENCE)
    error = refused(grpc.StatusCode.FAILED_PRECONDITION, in_use)
    assert details(error, error_details_pb2.ErrorInfo).reason == "POOL_IN_USE"
    events = lbaas_pb2_grpc.EventsStub(channel)
    nowhere = lambda: next(events.Watch(lbaas.WatchRequest(cursor="nonsense"), timeout=PATIENCE))
    refused(grpc.StatusCode.INVALID_ARGUMENT, nowhere)
    print("errors say what is wrong and where")


def remove(channel, pool, vip):
    lbaas_pb2_grpc.VipsStub(channel).Delete(lbaas.DeleteRequest(id=vip.id), timeout=PATIENCE)
    pools = lbaas_pb2_grpc.PoolsStub(channel)
    pools.Delete(lbaas.DeleteRequest(id=pool.id), timeout=PATIENCE)
    refused(grpc.StatusCode.NOT_FOUND, lambda: pools.Get(lbaas.GetRequest(id=pool.id), timeout=PATIENCE))
    print("removed them")


def connect(target, files):
    if files:
        ca, cert, key = (pathlib.Path(file).read_bytes() for file in files)
        return grpc.secure_channel(target, grpc.ssl_channel_credentials(ca, key, cert))
    # Of a Unix socket gRPC would make the authority of its path, which is none: docs/grpc.md.
    return grpc.insecure_channel(target, options=[("grpc.default_authority", "localhost")])


def main(target, subnet_id, *files):
    with connect(target, files) as channel:
        services(channel)
        events = lbaas_pb2_grpc.EventsStub(channel)
        watcher = Watcher(events)
        watcher.start()
        watcher.wait("the snapshot", lambda: watcher.has_snapshot and watcher.get(lbaas.SUBNET, subnet_id))
        pool, vip = create(channel, subnet_id)

        def is_active():
            made, at = watcher.get(lbaas.POOL, pool.id), watcher.get(lbaas.VIP, vip.id)
            return made and at and (made.status, at.status, len(made.member_ids)) == (lbaas.ACTIVE, lbaas.ACTIVE, 3)

        watcher.wait("pool and vip are ACTIVE", is_active)
        lists(channel, pool)
        update(channel, pool)
        errors(channel, pool)
        watcher.call.cancel()
        remove(channel, pool, vip)
        again = Watcher(events, watcher.cursor)
        again.start()
        gone = lambda: {(lbaas.POOL, pool.id), (lbaas.VIP, vip.id)} <= {
            key for key, known in again.objects.items() if known is None
        }
        again.wait("pool and vip are gone, from the cursor on", gone)
        again.call.cancel()


if __name__ == "__main__":
    main(*sys.argv[1:])

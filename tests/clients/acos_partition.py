"""A load balancer in a partition of its own with A10's own client, acos-client 2.10.0, whose session ends in the middle.

usage: acos_partition.py HOST PORT

The test that runs this ends the session when the client makes its fourth server: the client logs in again and makes it in
the shared partition, which it does not notice.
"""
import acos_lifecycle

PARTITION = "tenant-abcde"


def main():
    client = acos_lifecycle.connect("a10")
    partition = client.system.partition
    assert not partition.exists(PARTITION)
    partition.create(PARTITION, application_type="adc")
    acos_lifecycle.refused(Exception, partition.create, "abcdefghijklmno")
    partition.active(PARTITION)
    acos_lifecycle.deploy(client)
    client.slb.server.create("leaked", "10.9.9.9")
    assert client.current_partition == PARTITION
    client.system.action.write_memory(partition="specified", specified_partition=PARTITION)
    partition.delete(PARTITION)


main()

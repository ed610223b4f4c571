"""A real Neutron of one's own: ML2 with Open vSwitch, SQLite, everything in one directory, served on loopback.

usage: neutron_server.py DIR PORT BUS

BUS is the URL of a RabbitMQ, by which server and agents speak. An agent is started by whoever wants one, with
DIR/neutron.conf, which is written here. With OS_AUTH_URL, OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME in its environment,
it asks that Keystone, as that user, whose tokens it is shown; else nobody is asked, and everyone is admin.

It says `serving` when it does, and serves until it is ended. The API and what agents call are one process here, and in a
deployment they are two.
"""

import os
import pathlib
import socketserver
import sys
import threading
import wsgiref.simple_server

# VLANs, because they are wired alike with any datapath of Open vSwitch. A fresh agent is looked for at each second.
CONFIGURATION = """\
[DEFAULT]
api_paste_config = {etc}/api-paste.ini
auth_strategy = {auth}
core_plugin = ml2
notify_nova_on_port_data_changes = false
notify_nova_on_port_status_changes = false
service_plugins =
state_path = {directory}/state
transport_url = {bus}
use_stderr = true
[agent]
polling_interval = 1
root_helper =
root_helper_daemon =
[database]
connection = sqlite:///{directory}/neutron.db
[ml2]
extension_drivers =
mechanism_drivers = openvswitch
project_network_types = vlan
type_drivers = local,flat,vlan
[ml2_type_vlan]
network_vlan_ranges = physnet1:100:199
[oslo_concurrency]
lock_path = {directory}/locks
[ovs]
bridge_mappings = physnet1:br-physnet1
datapath_type = netdev
[privsep]
helper_command = {bin}/privsep-helper
[privsep_ovs_vsctl]
helper_command = {bin}/privsep-helper
[securitygroup]
enable_security_group = false
firewall_driver = noop
"""

KEYSTONE = """\
[keystone_authtoken]
auth_type = password
auth_url = {OS_AUTH_URL}
password = {OS_PASSWORD}
project_domain_name = Default
project_name = {OS_PROJECT_NAME}
user_domain_name = Default
username = {OS_USERNAME}
www_authenticate_uri = {OS_AUTH_URL}
"""

# SQLite refuses whom another writer has overtaken, and Neutron does not try again then.
TURN = threading.Lock()


class Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True

    def server_bind(self):
        # Not as HTTPServer does it, which asks for the host's name.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address
        self.setup_environ()


class Quiet(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


def one_at_a_time(application):
    def answer(environ, start_response):
        with TURN:
            return list(application(environ, start_response))

    return answer


def calls_of_agents_one_at_a_time():
    from oslo_messaging.rpc import dispatcher

    dispatch = dispatcher.RPCDispatcher.dispatch

    def in_turn(*arguments):
        with TURN:
            return dispatch(*arguments)

    dispatcher.RPCDispatcher.dispatch = in_turn


def make_database():
    """By its models, because its migrations speak no SQLite."""
    from neutron.db.migration.models import head
    from neutron_lib.db import api

    head.get_metadata().create_all(api.get_writer_session().bind)


def boot():
    from neutron.server import api
    from neutron_lib.plugins import directory as plugins

    make_database()
    application = api.api_server()
    calls_of_agents_one_at_a_time()
    plugins.get_plugin().start_rpc_listeners()
    return one_at_a_time(application)


def main(directory, port, bus):
    directory = pathlib.Path(directory)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    configuration = directory / "neutron.conf"
    programs = pathlib.Path(sys.executable).parent
    etc = programs.parent / "etc/neutron"
    keystone = KEYSTONE.format(**os.environ) if "OS_AUTH_URL" in os.environ else ""
    auth = "keystone" if keystone else "noauth"
    text = CONFIGURATION.format(auth=auth, directory=directory, bus=bus, etc=etc, bin=programs)
    configuration.write_text(text + keystone)

    from oslo_service import backend

    # Threads: to be chosen before anything of Neutron is loaded.
    backend.init_backend(backend.BackendType.THREADING)
    from neutron import server

    # It reads them from the environment, and the arguments of the process as its own.
    os.environ["OS_NEUTRON_CONFIG_FILES"] = str(configuration)
    sys.argv[1:] = []
    application = server.boot_server(boot, prog="neutron-api")
    with wsgiref.simple_server.make_server("127.0.0.1", int(port), application, Server, Quiet) as serving:
        print("serving", flush=True)
        serving.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A real Barbican of one's own: SQLite, its simple crypto plugin, everything in one directory, served on loopback.

usage: barbican_server.py DIR PORT

It asks the Keystone of OS_AUTH_URL, as the user OS_USERNAME with OS_PASSWORD in the project OS_PROJECT_NAME, whose tokens it is
shown. The first start in a directory makes the database and the key that secrets are kept by. A later one finds them. It says
`serving` when it does, and serves until it is ended.
"""

import base64
import os
import pathlib
import socketserver
import sys
import threading
import wsgiref.simple_server

# `max_allowed_*` as Barbican itself has it. The key is one of 32 bytes.
CONFIGURATION = """\
[DEFAULT]
db_auto_create = true
host_href = http://127.0.0.1:{port}
transport_url = fake://
use_stderr = true
[crypto]
enabled_crypto_plugins = simple_crypto
[database]
connection = sqlite:///{directory}/barbican.db
[keystone_authtoken]
auth_type = password
auth_url = {OS_AUTH_URL}
cache = none
password = {OS_PASSWORD}
project_domain_name = Default
project_name = {OS_PROJECT_NAME}
token_cache_time = -1
user_domain_name = Default
username = {OS_USERNAME}
www_authenticate_uri = {OS_AUTH_URL}
[secretstore]
enable_multiple_secret_stores = false
enabled_secretstore_plugins = store_crypto
[simple_crypto_plugin]
kek = {key}
"""


def one_at_a_time(application):
    """SQLite refuses whom another writer has overtaken, and Barbican then answers 500."""
    turn = threading.Lock()

    def answer(environ, start_response):
        with turn:
            return list(application(environ, start_response))

    return answer


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


def main(directory, port):
    directory = pathlib.Path(directory)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    configuration = directory / "barbican.conf"
    if not configuration.exists():
        key = base64.b64encode(os.urandom(32)).decode()
        configuration.write_text(CONFIGURATION.format(directory=directory, port=port, key=key, **os.environ))
    # Where it looks for it: it reads no arguments, and its plugins each read their own copy.
    os.environ["HOME"] = str(directory)
    link = directory / ".barbican" / "barbican.conf"
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(configuration)
    sys.argv[1:] = []

    from paste import deploy

    paste = pathlib.Path(sys.executable).parent.parent / "etc/barbican/barbican-api-paste.ini"
    application = one_at_a_time(deploy.loadapp(f"config:{paste}"))
    with wsgiref.simple_server.make_server("127.0.0.1", int(port), application, Server, Quiet) as serving:
        print("serving", flush=True)
        serving.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])

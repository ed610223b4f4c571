"""A real Keystone of one's own: SQLite, fernet tokens, everything in one directory, served on loopback.

usage: keystone_server.py DIR PORT [TLS_PORT CERT KEY]

The password of the user admin is read from standard input, one line. With the other three it serves over TLS, too.

The first start in a directory makes the database, the keys, and the user, project and roles that any Keystone begins
with. A later one finds them. It says `serving` when it does, and serves until it is ended.
"""

import os
import pathlib
import socketserver
import ssl
import subprocess
import sys
import threading
import wsgiref.simple_server

from cryptography import fernet

# Cheap hashes of passwords, because tests log in often, and a cache, without which each request takes half a second of a
# core. It is this one process's own: a revoked token is invalid at once.
CONFIGURATION = """\
[DEFAULT]
use_stderr = true
[cache]
backend = dogpile.cache.memory
enabled = true
[credential]
key_repository = {directory}/credential-keys
[database]
connection = sqlite:///{directory}/keystone.db
[fernet_receipts]
key_repository = {directory}/fernet-keys
[fernet_tokens]
key_repository = {directory}/fernet-keys
[identity]
password_hash_rounds = 4
[token]
provider = fernet
"""


def manage(configuration, *arguments, **environment):
    program = pathlib.Path(sys.executable).with_name("keystone-manage")
    command = [program, "--config-file", configuration, *arguments]
    subprocess.run(command, check=True, env=os.environ | environment)


def make_keys(directory):
    """What `fernet_setup` makes, which wants to know whose they shall be: the staged key and the primary one."""
    directory.mkdir(mode=0o700)
    for number in ("0", "1"):
        (directory / number).write_bytes(fernet.Fernet.generate_key())


def make(directory, configuration, url, password):
    configuration.write_text(CONFIGURATION.format(directory=directory))
    for keys in ("credential-keys", "fernet-keys"):
        make_keys(directory / keys)
    manage(configuration, "db_sync")
    endpoints = [f"--bootstrap-{interface}-url={url}" for interface in ("admin", "internal", "public")]
    manage(configuration, "bootstrap", "--bootstrap-region-id=RegionOne", *endpoints, OS_BOOTSTRAP_PASSWORD=password)


def one_at_a_time(application):
    """SQLite refuses whom another writer has overtaken, and Keystone then answers 500."""
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


def over_tls(application, port, cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server = wsgiref.simple_server.make_server("127.0.0.1", int(port), application, Server, Quiet)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main(directory, port, *tls):
    directory = pathlib.Path(directory)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    configuration = directory / "keystone.conf"
    if not configuration.exists():
        make(directory, configuration, f"http://127.0.0.1:{port}/v3/", sys.stdin.readline().strip())

    from keystone.server import wsgi

    # It reads the arguments of the process as its own.
    sys.argv[1:] = ["--config-file", str(configuration)]
    application = one_at_a_time(wsgi.initialize_public_application())
    if tls:
        over_tls(application, *tls)
    with wsgiref.simple_server.make_server("127.0.0.1", int(port), application, Server, Quiet) as server:
        print("serving", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The unmodified `openstack` command, again and again in one process: to start it takes ten times what it then does.

Each line of standard input is a list of arguments in JSON; each line of the answer is `{"status", "stdout", "stderr"}`. An
empty list is answered by the names of all commands of load balancers.
"""

import contextlib
import importlib.metadata
import io
import json
import sys

# The client calls itself by the name that it finds when it is imported.
sys.argv[0] = "openstack"

from openstackclient import shell  # noqa: E402


def commands():
    points = importlib.metadata.entry_points(group="openstack.load_balancer.v2")
    return "".join(f"{point.name.replace('_', ' ')}\n" for point in points)


def run(arguments):
    """What the command's own program does, with its end as a status."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = shell.main(arguments)
        except SystemExit as end:
            status = end.code
    return {"status": status or 0, "stdout": out.getvalue(), "stderr": err.getvalue()}


def main():
    for line in sys.stdin:
        arguments = json.loads(line)
        answer = run(arguments) if arguments else {"status": 0, "stdout": commands(), "stderr": ""}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

"""The stack's PostgreSQL, asked as its owner or as a service's role."""
import pathlib
import urllib.parse

from bench import ENV, RUN, call

BINARIES = next(iter(sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


def tool(name, role, args, seconds=180):
    """name: pgbench or psql; role: whose file in secrets/. The password is in the environment, where ps does not show it."""
    url = urllib.parse.urlparse((RUN / f"secrets/{role}.pg").read_text().strip())
    env = {**ENV, "PGPASSWORD": urllib.parse.unquote(url.password or ""), "PGHOST": url.hostname, "PGPORT": str(url.port),
           "PGUSER": url.username, "PGDATABASE": url.path[1:]}
    return call([BINARIES / name if BINARIES else name, *args], seconds, env)


def query(role, sql):
    return tool("psql", role, ["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql]).strip()

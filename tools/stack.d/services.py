"""Principals and their keys, and the services that are built: their environment, instances and readiness."""
import http.client
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from process import Process, fingerprint, plain_environment, run_tool, stop_all, wait_for
from run import ROOT, Run, StackError, random_key, write_if_changed

MAX_INSTANCES = 20
READY_SECONDS = 20
TEMPLATE = ROOT / "deploy" / "principals.yaml.in"
# What a caller may set for the services of its stack; everything else in their environment is the stack's.
PASSED_THROUGH = ("HLIDKA_PG_CONNECTIONS", "HLIDKA_KAFKA_", "HLIDKA_LOG_LEVEL", "HLIDKA_AUTHORIZE", "HLIDKA_POLICIES",
                  "HLIDKA_RULES")


@dataclass(frozen=True)
class Kind:
    """What one service is given beyond the bus and its key."""
    admin: int                          # port offset of its first instance's admin listener
    postgres: bool = False
    redis: bool = False
    sign: bool = False                  # its principal signs
    files: tuple = ()                   # (variable, secret file, how it is made)
    paths: tuple = ()                   # (variable, path within the project)
    dirs: tuple = ()                    # (variable, directory within the run directory)


def telegram_token() -> str:
    """Shaped like a bot's token, of a bot that nobody has."""
    return f"7000000001:AA{random_key()[:33].replace('+', '-').replace('/', '_')}"


# In the order in which they start: auth and audit open a data key at crypto.
KINDS = {
    "crypto": Kind(admin=20, postgres=True, dirs=(("HLIDKA_BLOBS", "blobs"),),
                   files=(("HLIDKA_ROOT_KEY_FILE", "root.key", random_key),)),
    "auth": Kind(admin=40, postgres=True,
                 files=(("HLIDKA_TELEGRAM_TOKEN_FILE", "telegram-token", telegram_token),),
                 paths=(("HLIDKA_AUTHORIZE", "config/authorize.yaml"),)),
    "audit": Kind(admin=60, postgres=True, sign=True, paths=(("HLIDKA_RULES", "config/rules"),)),
    "ratelimit": Kind(admin=80, redis=True,
                      files=(("HLIDKA_RATELIMIT_KEY_FILE", "ratelimit.secret", random_key),),
                      paths=(("HLIDKA_POLICIES", "config/ratelimit.yaml"),)),
}


class Principals:
    """deploy/principals.yaml.in with this stack's keys: keys/<name>.key, .sign."""

    def __init__(self, run: Run):
        self.run, self.dir, self.file = run, run.dir / "keys", run.dir / "principals.yaml"

    def make(self) -> None:
        ctl = self.run.need_binary("hlidkactl")
        text = run_tool("hlidkactl keygen", [ctl, "keygen", "--fill", TEMPLATE, "--dir", self.dir])
        write_if_changed(self.file, text)


class Instance:
    def __init__(self, run: Run, service: str, number: int):
        self.service, self.number, self.name = service, number, f"{service}-{number}"
        self.process = Process(run, self.name)
        self.admin_port = run.port(KINDS[service].admin + number - 1)
        self.admin = f"127.0.0.1:{self.admin_port}"

    def readiness(self) -> tuple[int, str]:
        """Status and text of /readyz; status 0 when nobody answers."""
        peer = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=2)
        try:
            peer.request("GET", "/readyz")
            answer = peer.getresponse()
            return answer.status, answer.read(4096).decode(errors="replace").strip()
        except (OSError, http.client.HTTPException) as e:
            return 0, str(e)
        finally:
            peer.close()

    def ready(self) -> bool:
        return self.readiness()[0] == 200


class Services:
    def __init__(self, run: Run, bus, principals: Principals, redis, postgres):
        self.run, self.bus, self.principals, self.redis, self.postgres = run, bus, principals, redis, postgres

    def binary(self, service: str) -> Path:
        return self.run.binary(f"hlidka-{service}")

    def built(self) -> list:
        return [s for s in KINDS if self.binary(s).exists()]

    def instances(self, service: str) -> list:
        """Those that were started and not stopped since, dead ones included, by number."""
        numbers = (int(p.stem.rpartition("-")[2]) for p in (self.run.dir / "pid").glob(f"{service}-*.json"))
        return [Instance(self.run, service, n) for n in sorted(numbers)]

    def all_instances(self) -> list:
        return [i for service in KINDS for i in self.instances(service)]

    def secrets(self) -> None:
        for kind in KINDS.values():
            for _, file, make in kind.files:
                self.run.secret(file, make)
            for _, name in kind.dirs:
                (self.run.dir / name).mkdir(mode=0o700, exist_ok=True)

    def environment(self, instance: Instance) -> dict:
        kind, secrets, keys = KINDS[instance.service], self.run.dir / "secrets", self.principals.dir
        env = {
            "HLIDKA_BROKERS": self.bus.servers(),
            "HLIDKA_TOPIC_PREFIX": self.run.prefix,
            "HLIDKA_PRINCIPALS": self.principals.file,
            "HLIDKA_KEY_FILE": keys / f"{instance.service}.key",
            "HLIDKA_ADMIN": instance.admin,
            "HLIDKA_INSTANCE": instance.name,
            "HLIDKA_LOG_LEVEL": "info",
        } | self.bus.properties
        if kind.sign:
            env["HLIDKA_SIGN_FILE"] = keys / f"{instance.service}.sign"
        if kind.postgres:
            env["HLIDKA_PG_URL_FILE"] = secrets / f"{instance.service}.pg"
        if kind.redis:
            env["HLIDKA_REDIS_URL_FILE"] = secrets / "redis.url"
        env |= {variable: secrets / file for variable, file, _ in kind.files}
        env |= {variable: ROOT / path for variable, path in kind.paths}
        env |= {variable: self.run.dir / name for variable, name in kind.dirs}
        env |= {k: v for k, v in os.environ.items()
                if k.startswith(PASSED_THROUGH) and (k in env or k.startswith("HLIDKA_KAFKA_"))}
        return {k: str(v) for k, v in env.items()}

    def scale(self, service: str, count: int, converge: bool = False) -> list:
        """Instances 1 to count run afterwards and no others; returns those that were started, not yet ready.

        With converge, an instance whose program or settings have changed since is replaced as well.
        """
        if not 0 <= count <= MAX_INSTANCES:
            raise StackError(f"COUNT is 0 to {MAX_INSTANCES}")
        if count > 0:
            self.run.need_binary(f"hlidka-{service}")
        stop_all([i.process for i in self.instances(service) if i.number > count])
        started = []
        for number in range(1, count + 1):
            instance = Instance(self.run, service, number)
            own = self.environment(instance)
            built = self.binary(service).stat()
            spec = fingerprint(str(self.binary(service)), built.st_mtime_ns, built.st_size, own)
            alive = instance.process.pid() is not None
            if alive and converge and instance.process.spec() != spec:
                instance.process.stop()
                alive = False
            if not alive:
                instance.process.spawn([self.binary(service)], plain_environment() | own, spec, where=ROOT)    # its schema is found from there
                started.append(instance)
        return started

    def await_ready(self, instances: list) -> None:
        wait_for(lambda: all(i.ready() or i.process.pid() is None for i in instances), READY_SECONDS, 0.05)
        for instance in instances:
            status, text = instance.readiness()
            if status != 200:
                late = f"not ready after {READY_SECONDS} s ({text})"
                raise instance.process.failure("ended" if instance.process.pid() is None else late)

    def stop(self, instances: list) -> None:
        stop_all([i.process for i in instances])

    def write_env(self) -> None:
        """.run/env, as clients, tests and shells read it."""
        firsts = {i.service: i.admin for i in reversed(self.all_instances())}
        data = [*self.bus.data, self.postgres.data, self.redis.data, self.run.dir / "log"]
        data += [self.run.dir / name for kind in KINDS.values() for _, name in kind.dirs]
        secrets = self.run.dir / "secrets"
        values = {
            "HLIDKA_BUS": self.bus.name,
            "HLIDKA_BROKERS": self.bus.servers(),
            "HLIDKA_TOPIC_PREFIX": self.run.prefix,
            "HLIDKA_PRINCIPALS": self.principals.file,
            "HLIDKA_KEYS": self.principals.dir,
            "HLIDKA_TELEGRAM_TOKEN_FILE": secrets / "telegram-token",
            "HLIDKA_PG_URL_FILE": secrets / "owner.pg",
            "HLIDKA_REDIS_URL": self.redis.url,
            "HLIDKA_DATA": ":".join(str(d) for d in data),
            "HLIDKA_ADMIN": ",".join(f"{s}={firsts[s]}" for s in KINDS if s in firsts),
        }
        text = "".join(f"{name}={shlex.quote(str(value))}\n" for name, value in values.items())
        write_if_changed(self.run.dir / "env", text)

"""The two buses: the embedded one, and Apache Kafka as one node in KRaft mode."""
import base64
import os
import socket
import struct
import uuid
from pathlib import Path

from process import Process, fingerprint, plain_environment, run_tool
from run import ROOT, Run, StackError, write_if_changed
from stores import ask, need_free, need_program


class Devbus:
    """hlidka-devbus. It keeps nothing and chooses new ports whenever it is started."""
    name = "devbus"
    data: list = []
    port = None
    # an empty fetch waits the whole time on this one, whatever arrives meanwhile
    properties = {"HLIDKA_KAFKA_FETCH_WAIT_MAX_MS": "1"}

    def __init__(self, run: Run):
        self.run, self.dir = run, run.dir / "devbus"
        self.process = Process(run, self.name)
        self.bootstrap, self.control = self.dir / "bootstrap", self.dir / "control"

    def servers(self) -> str:
        return self.bootstrap.read_text().strip()

    def start(self, principals_file: Path) -> bool:
        binary = self.run.need_binary("hlidka-devbus")
        argv = [binary, "--bootstrap", self.bootstrap, "--control", self.control]
        listed = run_tool("hlidkactl topics list", [
            self.run.need_binary("hlidkactl"), "topics", "list", "--prefix", self.run.prefix, "--principals", principals_file])
        for name, partitions in (line.split() for line in listed.splitlines()):
            argv += ["--topic", f"{name}:{partitions}"]
        if self.process.pid() is not None:
            return False
        self.dir.mkdir(mode=0o700, exist_ok=True)
        self.bootstrap.unlink(missing_ok=True)
        self.process.spawn(argv, plain_environment())
        self.process.must(self.bootstrap.exists, 30, "listening")
        return True

    def apply_topics(self, principals_file: Path) -> None:
        """It made them itself."""

    def stop(self) -> None:
        self.process.stop()

    def suspend(self) -> None:
        """Out of reach, with all that it holds: ending it would also lose its ports."""
        self.command("down all")

    def resume(self) -> None:
        self.command("up all")

    def command(self, line: str) -> None:
        """A fault-injection command (hlidka-devbus --help)."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
                peer.settimeout(10)
                peer.connect(str(self.control))
                peer.send(line.encode())
                answer = peer.recv(512).decode()
        except OSError as e:
            raise StackError(f"devbus does not answer ({e}); `up` starts it anew") from None
        if answer != "ok":
            raise StackError(f"devbus: {answer}")


class Kafka:
    """Apache Kafka from its published jars (`make setup`), data in kafka/data."""
    name = "kafka"
    properties: dict = {}

    def __init__(self, run: Run):
        self.run, self.dir = run, run.dir / "kafka"
        self.process = Process(run, self.name)
        self.port, self.controller_port = run.port(0), run.port(1)
        self.data = [self.dir / "data"]
        self.config = self.dir / "server.properties"
        self.applied = self.dir / "topics-applied"

    def servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _java(self, main: str, *arguments) -> list:
        libs = ROOT / ".deps" / "kafka" / "libs"
        if not libs.is_dir():
            raise StackError("Kafka's jars are not there (`make setup`)")
        logging = ROOT / "deploy" / "kafka" / "log4j2.yaml"
        return [need_program("java"), "-Xms256m", "-Xmx512m", f"-Dlog4j2.configurationFile={logging}",
                "-cp", f"{libs}/*", main, *arguments]

    def ready(self) -> bool:
        """It answers an ApiVersions request: the socket is bound early, and serves once the node is up."""
        request = struct.pack(">hhih", 18, 0, 1, -1)
        return len(ask(self.port, struct.pack(">i", len(request)) + request, 8)) == 8

    def start(self, principals_file: Path | None = None) -> bool:
        """Topics are applied once it answers (apply_topics)."""
        if self.process.pid() is not None:
            return False
        need_free(self.port, self.name)
        need_free(self.controller_port, self.name)
        self.dir.mkdir(mode=0o700, exist_ok=True)
        text = (ROOT / "deploy" / "kafka" / "server.properties.in").read_text()
        values = {"PORT": self.port, "CONTROLLER_PORT": self.controller_port, "DATA": self.data[0]}
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        write_if_changed(self.config, text)
        if not (self.data[0] / "meta.properties").exists():
            self._format()
        self.process.spawn(self._java("kafka.Kafka", self.config), plain_environment())
        self.process.must(self.ready, 60, "answering")
        return True

    def _format(self) -> None:
        self.applied.unlink(missing_ok=True)
        # a cluster id is a UUID in URL-safe base64, which must not begin like an option
        cluster = "h" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
        run_tool("formatting Kafka's directory", self._java(
            "kafka.tools.StorageTool", "format", "--standalone", "-t", cluster, "-c", self.config))

    def apply_topics(self, principals_file: Path) -> None:
        """Once for each set of principals and each hlidkactl: what is there need not be asked for again."""
        ctl = self.run.need_binary("hlidkactl")
        how_many = os.environ.get("HLIDKA_PARTITIONS")
        mark = fingerprint(principals_file.read_text(), ctl.stat().st_mtime_ns, how_many)
        if self.applied.exists() and self.applied.read_text() == mark:
            return
        run_tool("hlidkactl topics apply", [
            ctl, "topics", "apply", "--run", self.run.dir, "--brokers", self.servers(),
            "--prefix", self.run.prefix, "--principals", principals_file, *(["--partitions", how_many] if how_many else [])])
        write_if_changed(self.applied, mark)

    def stop(self) -> None:
        self.process.stop(seconds=30)

    def suspend(self) -> None:
        self.stop()

    def resume(self) -> None:
        self.start()

    def command(self, line: str) -> None:
        raise StackError("faults are injected into the embedded bus only (up --bus devbus)")


BUSES = {"devbus": Devbus, "kafka": Kafka}

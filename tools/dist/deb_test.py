#!/usr/bin/env python3
"""Installs, upgrades, removes and purges the package in a Debian root, first without and then under a real systemd.

    deb_test.py           (as root; needs debootstrap and systemd-container; about three minutes, the first time more)

The root is made once, in target/dist/debian-root; each run works on a copy. systemd boots in a container (systemd-nspawn) that
shares this machine's network, so port 3850 must be free. Everything that is looked at is printed.
"""
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import build
import deb
import dist
import parts

SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
PACKAGES = "systemd-sysv,dbus,dbus-user-session,libpam-systemd,adduser,init-system-helpers,procps"
URL = "http://127.0.0.1:3850"
# The program of the replica's unit, if `make test` has fetched it.
LITESTREAM = build.ROOT / "target/litestream/bin/litestream"
# Of the units, worst allowed.
EXPOSURE = {"signetd.service": 1.5, "signetd-backup.service": 1.5, "signetd-replica.service": 1.6}
USER_EXPOSURE = {"signetd.service": 4.0, "signetd-backup.service": 4.0}


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def say(text):
    print(f"  {text}", flush=True)


def check(what, holds):
    if not holds:
        raise SystemExit(f"not so: {what}")
    say(what)


def base():
    """A Debian with systemd and nothing of ours."""
    root = dist.out() / "debian-root"
    if not (root / "made").exists():
        shutil.rmtree(root, ignore_errors=True)
        run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(root), MIRROR)
        (root / "made").write_text("")
    return root


def eventually(what, holds, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return
        time.sleep(0.1)
    raise SystemExit(f"never: {what}")


def ask(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def memories():
    return ask("/api/memories?limit=1")["stats"]["total"]


def answers():
    try:
        return ask("/health")["status"] == "healthy"
    except (OSError, KeyError):
        return False


class Root:
    """A copy of the base, with the packages in it."""

    def __init__(self, folder, packages):
        self.path = Path(folder) / "root"
        run("cp", "-a", str(base()), str(self.path))
        for package in packages:
            shutil.copy(package, self.path / "root")

    def enter(self, *command):
        env = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
        return run("chroot", str(self.path), *command, env=env)

    def has(self, path):
        return os.path.lexists(self.path / path)


class Booted:
    """The same root with its systemd running."""

    def __init__(self, root):
        self.log = open(root.path.parent / "console", "w")
        # the kernel's own layout of control groups, whatever this machine's is
        env = dict(os.environ, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1")
        self.nspawn = subprocess.Popen(["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--console=pipe",
                                        "-D", str(root.path), "-b"], env=env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def wait(self):
        eventually("systemd runs", lambda: self.leader() and self.try_run("systemctl", "is-system-running").strip() in ("running", "degraded"))

    def leader(self):
        children = subprocess.run(["pgrep", "-P", str(self.nspawn.pid)], capture_output=True, text=True).stdout.split()
        return children[0] if children else None

    def command(self, *command):
        return ["nsenter", "-t", self.leader(), "-m", "-u", "-i", "-p", "-C", "--", "/usr/bin/env", "-i",
                "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", *command]

    def run(self, *command):
        return run(*self.command(*command))

    def try_run(self, *command):
        return subprocess.run(self.command(*command), capture_output=True, text=True).stdout

    def stop(self):
        leader = self.leader()
        if leader:
            # systemd's signal for a quick power-off
            os.kill(int(leader), signal.SIGRTMIN + 4)
        try:
            self.nspawn.wait(60)
        except subprocess.TimeoutExpired:
            self.nspawn.kill()
            self.nspawn.wait()
        self.log.close()


def property_of(booted, unit, name):
    return booted.run("systemctl", "show", "-P", name, unit).strip()


def without_systemd(packages):
    print("in a root without a running systemd:")
    with tempfile.TemporaryDirectory(dir=dist.out()) as folder:
        root = Root(folder, packages)
        old, new = (f"/root/{package.name}" for package in packages)
        root.enter("dpkg", "-i", old)
        check("installed: the user is there", "signetd" in root.enter("getent", "passwd", "signetd"))
        check("the daemon and its nightly backup are enabled",
              root.has("etc/systemd/system/multi-user.target.wants/signetd.service")
              and root.has("etc/systemd/system/timers.target.wants/signetd-backup.timer"))
        check("it runs there", "signetd" in root.enter("signetd", "version"))
        data = root.path / "var/lib/signetd/memory"
        data.mkdir(parents=True)
        (data / "notes.md").write_text("kept")
        root.enter("dpkg", "-i", new)
        check("upgraded: the version is the new one", "+test1" in root.enter("dpkg-query", "-W", "-f", "${Version}", "signetd"))
        root.enter("dpkg", "-r", "signetd")
        check("removed: the data stay, the program is gone", (data / "notes.md").exists() and not root.has("usr/bin/signetd"))
        root.enter("dpkg", "-i", new)
        check("installed again: enabled again, and masked no more",
              root.has("etc/systemd/system/multi-user.target.wants/signetd.service") and not root.has("etc/systemd/system/signetd.service"))
        root.enter("dpkg", "-P", "signetd")
        left = [path for path in ("var/lib/signetd", "etc/systemd/system/multi-user.target.wants/signetd.service",
                                  "usr/lib/systemd/system/signetd.service", "usr/share/doc/signetd") if root.has(path)]
        check(f"purged: nothing is left ({left or 'data, units, documents looked for'})", not left)
        users = subprocess.run(["chroot", str(root.path), "getent", "passwd", "signetd"], capture_output=True).returncode
        check("nor is the user", users != 0)


def from_archive(archive):
    print("from the archive, with systemd's own tools, in a root without a running systemd:")
    with tempfile.TemporaryDirectory(dir=dist.out()) as folder:
        root = Root(folder, [archive])
        root.enter("tar", "-C", "/usr/local", "--strip-components=1", "-xzf", f"/root/{archive.name}")
        root.enter("systemd-sysusers")
        root.enter("systemctl", "enable", "signetd", "signetd-backup.timer")
        check("unpacked below /usr/local: it runs, the user is there, systemd finds the units",
              "signetd" in root.enter("signetd", "version") and "signetd" in root.enter("getent", "passwd", "signetd")
              and root.has("etc/systemd/system/multi-user.target.wants/signetd.service"))


def units(booted):
    print("the units, by the systemd in the root:")
    names = sorted(path.name for path in (build.ROOT / "systemd/system").iterdir())
    # a unit whose program is not there is not found to be in order
    listed = [f"/usr/lib/systemd/system/{name}" for name in names if LITESTREAM.exists() or "replica" not in name]
    said = subprocess.run(booted.command("systemd-analyze", "verify", "--man=no", *listed), capture_output=True, text=True)
    check(f"systemd-analyze verify says: {said.stderr.strip() or 'nothing'}", said.returncode == 0 and not said.stderr.strip())
    for user, limits in ((False, EXPOSURE), (True, USER_EXPOSURE)):
        for unit, most in limits.items():
            where = f"/usr/lib/systemd/{'user' if user else 'system'}/{unit}"
            # a user's manager is looked for in its runtime folder
            report = booted.run("env", "XDG_RUNTIME_DIR=/run", "systemd-analyze", *(["--user"] if user else []), "security", "--offline=true", "--no-pager", where)
            exposure = float(report.strip().splitlines()[-1].split(":")[1].split()[0])
            check(f"{'user' if user else 'system'} unit {unit}: exposure {exposure}, at most {most}", exposure <= most)


def running(packages):
    print("under a real systemd:")
    with tempfile.TemporaryDirectory(dir=dist.out()) as folder:
        root = Root(folder, packages)
        if LITESTREAM.exists():
            shutil.copy(LITESTREAM, root.path / "usr/local/bin/litestream")
        booted = Booted(root)
        try:
            booted.wait()
            under_systemd(root, booted, [f"/root/{package.name}" for package in packages])
        except BaseException:
            print(booted.try_run("journalctl", "--no-pager", "-n", "60", "-u", "signetd*"))
            print(booted.try_run("journalctl", "--no-pager", "-n", "20", "--user-unit", "signetd*"))
            raise
        finally:
            booted.stop()


def under_systemd(root, booted, packages):
    say(booted.run("systemctl", "--version").splitlines()[0])
    booted.run("apt-get", "install", "-q", "-y", packages[0])
    eventually("it answers", answers)
    check("installed: it is active, of type notify", property_of(booted, "signetd", "ActiveState") == "active")
    kept = ask("/api/memory/remember", {"content": "The lamp by the door is green"})["id"]
    memory = int(property_of(booted, "signetd", "MainPID"))
    resident = booted.run("grep", "VmRSS", f"/proc/{memory}/status").split(None, 1)[1].strip()
    say(f"resident memory: {resident}; user {booted.run('ps', '-o', 'user=', '-p', str(memory)).strip()}")
    units(booted)
    print("  what happens to it:")
    upgrade(booted, packages[1], kept)
    watchdog(booted)
    socket(booted)
    backup(root, booted)
    replica(root, booted)
    for_a_person(root, booted)
    booted.run("dpkg", "-r", "signetd")
    check("removed: stopped, the data stay", not answers() and root.has("var/lib/signetd/memory/memories.db"))
    booted.run("dpkg", "-P", "signetd")
    check("purged: the data are gone, the backups are not", not root.has("var/lib/signetd") and root.has("var/lib/signetd-backups"))


def upgrade(booted, package, kept):
    before = property_of(booted, "signetd", "MainPID")
    booted.run("dpkg", "-i", package)
    eventually("it answers after the upgrade", answers)
    check("upgraded: restarted, and what was remembered is there",
          property_of(booted, "signetd", "MainPID") != before and ask(f"/api/memory/{kept}")["id"] == kept)


def watchdog(booted):
    """A daemon that stands still is restarted: here one that is stopped, with a shorter time than the unit's."""
    drop_in = "/run/systemd/system/signetd.service.d"
    booted.run("sh", "-c", f"mkdir -p {drop_in} && printf '[Service]\\nWatchdogSec=3\\n' > {drop_in}/watchdog.conf")
    booted.run("systemctl", "daemon-reload")
    booted.run("systemctl", "restart", "signetd")
    eventually("it answers", answers)
    before = property_of(booted, "signetd", "MainPID")
    booted.run("kill", "-STOP", before)
    eventually("it was restarted", lambda: property_of(booted, "signetd", "MainPID") not in ("0", before))
    eventually("it answers", answers)
    check("stopped dead, it was restarted by the watchdog", property_of(booted, "signetd", "NRestarts") != "0")
    booted.run("rm", "-r", drop_in)
    booted.run("systemctl", "daemon-reload")


def socket(booted):
    booted.run("systemctl", "stop", "signetd")
    booted.run("systemctl", "enable", "--now", "signetd.socket")
    check("with the socket unit alone nothing runs", property_of(booted, "signetd", "ActiveState") == "inactive")
    check("the first request starts it", ask("/health")["status"] == "healthy")
    stored, refused, restarts = [], 0, 3
    for n in range(restarts):
        restarting = subprocess.Popen(booted.command("systemctl", "restart", "signetd"))
        while restarting.poll() is None:
            try:
                stored.append(ask("/api/memory/remember", {"content": f"written during restart {n}, number {len(stored)}"})["id"])
            except urllib.error.HTTPError as answer:
                # it was stopping, and said so
                refused += 1
                check_status(answer)
            except (ConnectionResetError, urllib.error.URLError) as cut:
                refused += 1
                if isinstance(getattr(cut, "reason", cut), ConnectionRefusedError):
                    raise SystemExit("a connection was refused during a restart")
    lost = [one for one in stored if ask(f"/api/memory/{one}")["id"] != one]
    check(f"{restarts} restarts behind the socket: no connection refused, {len(stored)} writes answered "
          f"meanwhile, {refused} told to come again, {len(lost)} lost", not lost)
    booted.run("systemctl", "disable", "--now", "signetd.socket")
    booted.run("systemctl", "stop", "signetd")
    start(booted)


def check_status(answer):
    if answer.code != 503:
        raise SystemExit(f"{answer.code} during a restart")


def start(booted):
    # started so often within seconds, systemd would say that this is enough
    booted.run("systemctl", "reset-failed", "signetd")
    booted.run("systemctl", "start", "signetd")
    eventually("it answers", answers)


def backup(root, booted):
    booted.run("systemctl", "start", "signetd-backup.service")
    made = sorted((root.path / "var/lib/signetd-backups").glob("signet-*"))
    check(f"the backup unit made {made[0].name if made else None} while the daemon ran", len(made) == 1 and answers())
    inside = f"/var/lib/signetd-backups/{made[0].name}"
    said = booted.run("sh", "-c", f"cd {inside} && sha256sum --quiet -c SHA256SUMS && signetd restore {inside} --check --workspace /var/lib/signetd")
    check(f"sha256sum and signetd restore --check find it sound: {said.strip().split(', ', 1)[1]}", "memories, sound" in said)
    total = memories()
    ask("/api/memory/remember", {"content": "Written after the backup"})
    booted.run("systemctl", "stop", "signetd")
    restore = ["signetd", "restore", inside, "--force", "--workspace", "/var/lib/signetd"]
    refused = subprocess.run(booted.command(*restore), capture_output=True, text=True)
    check("root is told to restore as the daemon's user", refused.returncode == 1 and "sudo -u" in refused.stderr)
    booted.run("runuser", "-u", "signetd", "--", *restore)
    owner = booted.run("stat", "-c", "%U %a", "/var/lib/signetd/memory/memories.db").strip()
    check(f"restored as that one ({owner})", owner == "signetd 600")
    start(booted)
    check(f"restored, it serves {total} memories and not the one written later", total > 1 and memories() == total)


def replica(root, booted):
    """The unit with Litestream's program."""
    if not LITESTREAM.exists():
        say("SKIPPED: no Litestream; make test fetches it")
        return
    booted.run("install", "-D", "-m", "0644", "/usr/share/signetd/litestream.yml", "/etc/signetd/litestream.yml")
    booted.run("systemctl", "enable", "--now", "signetd-replica")
    stored = ask("/api/memory/remember", {"content": "Written beside Litestream"})["id"]
    segments = root.path / "var/lib/signetd-replica/ltx"
    eventually("a replica is made", lambda: segments.exists() and any(segments.rglob("*.ltx")))
    # it stops after the daemon, with the last writes
    booted.run("systemctl", "stop", "signetd", "signetd-replica")
    booted.run("runuser", "-u", "signetd", "--", "litestream", "restore", "-config", "/etc/signetd/litestream.yml", "-o",
               "/var/lib/signetd-replica/restored.db", "/var/lib/signetd/memory/memories.db")
    with sqlite3.connect(root.path / "var/lib/signetd-replica/restored.db") as restored:
        there = restored.execute("SELECT COUNT(*) FROM memories WHERE id = ?", (stored,)).fetchone()[0]
    check("the replica unit runs Litestream, and what it restores has the last write", there == 1)
    check("it is enabled", root.has("etc/systemd/system/multi-user.target.wants/signetd-replica.service"))
    booted.run("systemctl", "disable", "signetd-replica")
    start(booted)


def for_a_person(root, booted):
    """The user unit, in a user's own manager."""
    booted.run("systemctl", "stop", "signetd")
    booted.run("adduser", "--disabled-password", "--gecos", "", "--quiet", "person")
    booted.run("loginctl", "enable-linger", "person")
    uid = booted.run("id", "-u", "person").strip()
    manager = ["runuser", "-u", "person", "--", "env", f"XDG_RUNTIME_DIR=/run/user/{uid}", "HOME=/home/person", "systemctl", "--user"]
    eventually("the person's manager runs", lambda: "running" in booted.try_run(*manager, "is-system-running"))
    booted.run(*manager, "enable", "--now", "signetd.service", "signetd-backup.timer")
    eventually("it answers", answers)
    ask("/api/memory/remember", {"content": "A person's own"})
    booted.run(*manager, "restart", "signetd.service")
    eventually("it answers", answers)
    check("the user unit serves ~/.agents, and restarts", memories() == 1 and root.has("home/person/.agents/memory/memories.db"))
    booted.run(*manager, "start", "signetd-backup.service")
    made = list((root.path / "home/person/.local/state/signetd/backups").glob("signet-*/SHA256SUMS"))
    check("its backup unit made a backup", len(made) == 1)
    booted.run(*manager, "stop", "signetd.service")
    start(booted)


def main():
    if os.geteuid() != 0:
        raise SystemExit("as root")
    for program in ("debootstrap", "systemd-nspawn", "nsenter", "dpkg-deb"):
        if not shutil.which(program):
            raise SystemExit(f"{program} is not installed")
    if answers():
        raise SystemExit("port 3850 is taken")
    arch, when = build.host(), build.committed_at()
    binary = Path(os.environ["BIN"]) if os.environ.get("BIN") else build.build(arch)
    version = parts.version()
    packages = [deb.make(arch, binary, version, when), deb.make(arch, binary, f"{version}+test1", when)]
    try:
        without_systemd(packages)
        from_archive(dist.archive(arch, binary, when)[0])
        running(packages)
    finally:
        packages[1].unlink()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Makes Debian packages of the static binary and has lintian look at them.

    deb.py [amd64] [arm64] [armhf]

In target/dist: signetd_VERSION_ARCH.deb. VERSION is Cargo.toml's, or $DEB_VERSION.
"""
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from email.utils import formatdate
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import build
import dist
import parts

SCRIPTS = Path(__file__).parent / "debian"
MAINTAINER = "signetd <signetd@localhost.invalid>"
CONTROL = """Package: signetd
Version: {version}
Architecture: {arch}
Maintainer: {maintainer}
Installed-Size: {size}
Depends: adduser
Suggests: litestream
Section: net
Priority: optional
Homepage: https://github.com/Signet-AI/signetai
Description: shared memory for the AI agents on your machines
 The Signet daemon API in one static binary: Claude Code, Codex, OpenCode,
 MCP clients and plain HTTP clients remember and recall through it. It finds
 memories by meaning with no model server, keeps everything in one folder,
 and runs on a Raspberry Pi as well as on a server.
 .
 The package runs it for the machine, as a user of its own, on
 /var/lib/signetd. For one person alone it is a user unit.
"""
COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: signetd

Files: *
Copyright: 2026 the authors of signetd
License: Apache-2.0
 On Debian systems, the full text of the Apache License version 2.0 is in
 /usr/share/common-licenses/Apache-2.0.
 .
 What the binary holds of others is listed, with its licences, in
 /usr/share/doc/signetd/THIRD-PARTY.gz.
"""
# What lintian says and is meant so.
OVERRIDES = """# one file that runs on any distribution, and on machines without its libraries, is what this package is for
signetd: statically-linked-binary [usr/bin/signetd]
# a program that is loaded at any address looks like a library where nothing is linked to it
signetd: shared-library-lacks-prerequisites [usr/bin/signetd]
# it is not part of Debian
signetd: initial-upload-closes-no-bugs *
"""


def packed(path, text):
    with open(path, "wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=9) as out:
        out.write(text.encode())


def fill(stage, binary, triple, version, when):
    dist.install(binary, stage, "/usr")
    # Debian's zsh looks here
    functions = stage / "usr/share/zsh/vendor-completions"
    (stage / "usr/share/zsh/site-functions").rename(functions)
    manual = stage / "usr/share/man/man1"
    packed(manual / "signetd.1.gz", (manual / "signetd.1").read_text())
    (manual / "signetd.1").unlink()
    (manual / "signet-mcp.1.gz").symlink_to("signetd.1.gz")
    documents = stage / "usr/share/doc/signetd"
    documents.mkdir(parents=True)
    (documents / "copyright").write_text(COPYRIGHT)
    packed(documents / "THIRD-PARTY.gz", parts.notices(triple))
    for page in ("README.md", "docs/operations.md"):
        shutil.copyfile(build.ROOT / page, documents / Path(page).name)
    entry = (f"signetd ({version}) stable; urgency=medium\n\n  * See CHANGELOG.md.gz beside this file.\n\n"
             f" -- {MAINTAINER}  {formatdate(when)}\n")
    packed(documents / "changelog.gz", entry)
    packed(documents / "CHANGELOG.md.gz", (build.ROOT / "CHANGELOG.md").read_text())
    overrides = stage / "usr/share/lintian/overrides"
    overrides.mkdir(parents=True)
    (overrides / "signetd").write_text(OVERRIDES)


def control(stage, arch, version):
    folder = stage / "DEBIAN"
    folder.mkdir()
    files = sorted(path for path in stage.rglob("*") if path.is_file() and not path.is_symlink())
    size = sum(path.stat().st_size for path in files) // 1024
    (folder / "control").write_text(CONTROL.format(version=version, arch=arch, size=size, maintainer=MAINTAINER))
    sums = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(stage)}\n" for path in files]
    (folder / "md5sums").write_text("".join(sums))
    for script in sorted(SCRIPTS.iterdir()):
        shutil.copyfile(script, folder / script.name)


def settle(stage, when):
    """Modes and times that are the same wherever it is made."""
    for path in [stage, *stage.rglob("*")]:
        if not path.is_symlink():
            runs = path.is_dir() or path.parent.name in ("bin", "DEBIAN") and path.name in (
                "signetd", "postinst", "prerm", "postrm", "preinst")
            path.chmod(0o755 if runs else 0o644)
        os.utime(path, (when, when), follow_symlinks=False)


def make(arch, binary, version, when):
    triple = build.toolchain(arch)[1]
    made = dist.out() / f"signetd_{version}_{arch}.deb"
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder) / "signetd"
        stage.mkdir()
        fill(stage, binary, triple, version, when)
        control(stage, arch, version)
        settle(stage, when)
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(stage), str(made)], check=True,
                       env=dict(os.environ, SOURCE_DATE_EPOCH=str(when)), stdout=subprocess.DEVNULL)
    return made


def look(package):
    """Errors and warnings of lintian are failures; it is not needed to make the package."""
    if not shutil.which("lintian"):
        print("SKIPPED: lintian is not installed")
        return
    said = subprocess.run(["lintian", "--fail-on", "error,warning", "--allow-root", "--tag-display-limit", "0", str(package)], capture_output=True, text=True)
    print(said.stdout, end="")
    if said.returncode:
        raise SystemExit(f"lintian is not content with {package.name}: {said.stderr}")
    print(f"  lintian: nothing to say of {package.name}")


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["amd64", "arm64"]
    if any(arch not in build.TRIPLES for arch in wanted):
        raise SystemExit(__doc__)
    release = os.environ.get("DEB_VERSION", parts.version())
    for architecture in wanted:
        package = make(architecture, build.build(architecture), release, build.committed_at())
        print(f"{package}: {package.stat().st_size / 1e6:.2f} MB")
        look(package)

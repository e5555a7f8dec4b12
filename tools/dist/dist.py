#!/usr/bin/env python3
"""Makes the archives of a release: an architecture each, with everything `make install` installs below /usr/local.

    dist.py [amd64] [arm64] [armhf]

In target/dist: signetd-VERSION-linux-ARCH.tar.gz, its list of parts, and SHA256SUMS of all. Two runs on the same commit with
the same compiler are equal bit for bit.
"""
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import build
import parts

ROOT = build.ROOT


def out():
    folder = Path(os.environ.get("DIST_TARGET", ROOT / "target")).resolve() / "dist"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def install(binary, stage, prefix):
    """What `make install` puts there."""
    subprocess.run(["make", "-s", "-C", str(ROOT), "install", f"BIN={binary}", f"DESTDIR={stage}", f"PREFIX={prefix}"],
                   check=True, stdout=subprocess.DEVNULL)


def pack(folder, archive, when):
    """A tar.gz that says nothing of who made it and when."""
    def plain(info):
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        info.mtime = when
        info.mode = 0o755 if info.isdir() or info.mode & 0o100 else 0o644
        return info
    with open(archive, "wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=when, compresslevel=9) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for path in [folder, *sorted(folder.rglob("*"))]:
                tar.add(path, arcname=str(path.relative_to(folder.parent)), recursive=False, filter=plain)


def archive(arch, binary, when):
    """The archive of an architecture, and its list of parts."""
    triple = build.toolchain(arch)[1]
    name = f"signetd-{parts.version()}-linux-{arch}"
    stamp = datetime.fromtimestamp(when, timezone.utc).isoformat().replace("+00:00", "Z")
    bill = json.dumps(parts.bill(triple, binary, stamp), indent=1) + "\n"
    with tempfile.TemporaryDirectory() as stage:
        install(binary, stage, "/usr/local")
        folder = Path(stage) / name
        (Path(stage) / "usr/local").rename(folder)
        documents = folder / "share/doc/signetd"
        documents.mkdir(parents=True)
        for page in ("LICENSE", "README.md", "CHANGELOG.md", "docs/operations.md"):
            shutil.copyfile(ROOT / page, documents / Path(page).name)
        (documents / "THIRD-PARTY").write_text(parts.notices(triple))
        (documents / "parts.cdx.json").write_text(bill)
        pack(folder, out() / f"{name}.tar.gz", when)
    (out() / f"{name}.cdx.json").write_text(bill)
    return [out() / f"{name}.tar.gz", out() / f"{name}.cdx.json"]


def main(arches):
    when = build.committed_at()
    made, sizes = [], []
    for arch in arches:
        binary = build.build(arch)
        files = archive(arch, binary, when)
        made += files
        sizes.append((arch, binary.stat().st_size, files[0].stat().st_size))
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(made)]
    (out() / "SHA256SUMS").write_text("".join(lines))
    print(f"\n{out()}:")
    for arch, size, packed in sizes:
        print(f"  {arch:6} binary {size / 1e6:.2f} MB, archive {packed / 1e6:.2f} MB")
    print("".join(f"  {line}" for line in lines), end="")


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["amd64", "arm64"]
    if any(arch not in build.TRIPLES for arch in wanted):
        raise SystemExit(__doc__)
    main(wanted)

#!/usr/bin/env python3
"""Builds the static release binary for an architecture, the same bit for bit wherever the source lies.

    build.py amd64|arm64|armhf|host|size

It goes to target/ARCH/signetd (host: to target/static/release/signetd, too; size: the host's with its symbols, to target/size/signetd,
for tools/size.py). rustup's targets are used where they are
installed, musl before glibc; else Debian's own cross tools, which need no rustup:

    dpkg --add-architecture arm64 && apt-get update
    apt-get install rustc-web libstd-rust-web-dev:arm64 gcc-aarch64-linux-gnu libc6-dev-arm64-cross
"""
import os
import platform
import shutil
import struct
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Debian's name of an architecture: the triples that serve it, best first, each with its C compiler.
TRIPLES = {
    "amd64": [("x86_64-unknown-linux-musl", "musl-gcc"), ("x86_64-unknown-linux-gnu", "x86_64-linux-gnu-gcc")],
    "arm64": [("aarch64-unknown-linux-musl", "aarch64-linux-musl-gcc"), ("aarch64-unknown-linux-gnu", "aarch64-linux-gnu-gcc")],
    "armhf": [("armv7-unknown-linux-musleabihf", "arm-linux-musleabihf-gcc"),
              ("armv7-unknown-linux-gnueabihf", "arm-linux-gnueabihf-gcc")],
}
MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf"}
# Debian's compiler, beside or instead of rustup's.
DEBIAN = "/usr/bin/rustc"


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def host():
    return MACHINES[platform.machine()]


def oldest():
    """The oldest compiler that will do, as Cargo.toml has it."""
    line = next(line for line in (ROOT / "Cargo.toml").read_text().splitlines() if line.startswith("rust-version"))
    return tuple(int(part) for part in line.split('"')[1].split("."))


def has_target(rustc, triple):
    """Whether a compiler is there, is new enough, and has the standard library of a target."""
    if not shutil.which(rustc):
        return False
    version = output(rustc, "--version").split()[1]
    if tuple(int(part) for part in version.split("-")[0].split(".")[:2]) < oldest():
        return False
    return any((Path(output(rustc, "--print", "sysroot").strip()) / "lib/rustlib" / triple / "lib").glob("libstd-*.rlib"))


def toolchain(arch):
    """Compiler, triple and C compiler for an architecture."""
    for rustc in (os.environ.get("RUSTC", "rustc"), DEBIAN):
        for triple, cc in TRIPLES[arch]:
            cc = cc if shutil.which(cc) else ("cc" if arch == host() and "gnu" in triple else None)
            if cc and has_target(rustc, triple):
                return rustc, triple, cc
    raise SystemExit(f"no Rust compiler of {'.'.join(map(str, oldest()))} or newer with the target {arch} and a C compiler for it "
                     f"is installed:\n{__doc__}")


def smaller(rustc, triple):
    """Packs the relocations of a program that is loaded at any address (0.3 MB), where the linker that comes with the compiler does
    (LLD, for x86-64 since Rust 1.90). glibc reads them since 2.36, and is in the program."""
    bundled = Path(output(rustc, "--print", "sysroot").strip()) / "lib/rustlib" / triple / "bin/gcc-ld/ld.lld"
    if triple != "x86_64-unknown-linux-gnu" or not bundled.exists():
        return []
    return ["-C", "link-arg=-Wl,-z,pack-relative-relocs"]


def flags(rustc, triple, target):
    """Static, and no path of this machine in it."""
    cargo_home = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    moved = {str(target): "/build", str(ROOT): "/signetd", cargo_home: "/cargo"}
    rust = ["-C", "target-feature=+crt-static", *smaller(rustc, triple)] + [f"--remap-path-prefix={old}={new}" for old, new in reversed(moved.items())]
    c = [f"-ffile-prefix-map={old}={new}" for old, new in reversed(moved.items())]
    return "\x1f".join(rust), " ".join(c)


def build(arch, symbols=False):
    """The path of the binary."""
    rustc, triple, cc = toolchain(arch)
    target = Path(os.environ.get("DIST_TARGET", ROOT / "target")).resolve() / ("symbols" if symbols else "cross")
    rust, c = flags(rustc, triple, target)
    name = triple.replace("-", "_")
    env = dict(os.environ, RUSTC=rustc, CARGO_ENCODED_RUSTFLAGS=rust, SOURCE_DATE_EPOCH=str(committed_at()))
    env.pop("RUSTFLAGS", None)
    if symbols:
        env["CARGO_PROFILE_RELEASE_STRIP"] = "none"
    if arch != host() or "gnu" not in triple:
        # named, a linker is one of gcc's, and LLD is not used
        env[f"CARGO_TARGET_{name.upper()}_LINKER"] = cc
    env[f"CC_{name}"], env[f"CFLAGS_{name}"] = cc, c
    command = ["cargo", "build", "--release", "--locked", "--bin", "signetd", "--target", triple, "--target-dir", str(target)]
    subprocess.run(command, check=True, cwd=ROOT, env=env)
    built = target / triple / "release/signetd"
    place = target.parent / ("size" if symbols else arch) / "signetd"
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(built, place)
    if asks_for_libraries(place.read_bytes()):
        raise SystemExit(f"{place} is not static")
    print(f"{place}: {place.stat().st_size / 1e6:.2f} MB, {triple}, {output(rustc, '--version').strip()}", flush=True)
    return place


def asks_for_libraries(program):
    """Whether an ELF file (64 or 32 bits, little end first) names a loader: a program header of the type PT_INTERP."""
    wide = program[4] == 2
    start, = struct.unpack_from("<Q" if wide else "<I", program, 0x20 if wide else 0x1c)
    size, count = struct.unpack_from("<HH", program, 0x36 if wide else 0x2a)
    return any(struct.unpack_from("<I", program, start + n * size)[0] == 3 for n in range(count))


def committed_at():
    """The time that everything in a release has: $SOURCE_DATE_EPOCH, else the last commit's."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        return int(given or output("git", "-C", str(ROOT), "log", "-1", "--format=%ct"))
    except (OSError, ValueError, subprocess.CalledProcessError) as cause:
        raise SystemExit(f"no time of a commit, and no SOURCE_DATE_EPOCH: {cause}") from cause


if __name__ == "__main__":
    wanted = sys.argv[1] if len(sys.argv) == 2 else ""
    if wanted == "host":
        static = ROOT / "target/static/release/signetd"
        static.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(build(host()), static)
    elif wanted == "size":
        build(host(), symbols=True)
    elif wanted in TRIPLES:
        build(wanted)
    else:
        raise SystemExit(__doc__)

"""What a release is made of: the crates that are linked into the binary, as a list (CycloneDX) and with their licences."""
import hashlib
import json
import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Files of a crate that hold its licence or a notice it must be passed on with.
NOTICES = re.compile(r"^(licen[cs]e|copying|notice|unlicense|copyright)", re.IGNORECASE)
# What is in the binary and no crate.
OTHERS = [
    {"type": "library", "name": "SQLite", "licenses": [{"expression": "blessing"}], "from": "libsqlite3-sys"},
    {"type": "machine-learning-model", "name": "all-MiniLM-L6-v2 (static table distilled from it)",
     "licenses": [{"expression": "Apache-2.0"}]},
]


def linked(triple):
    """Name and version of the crates that end up in a binary for a target."""
    command = ["cargo", "tree", "--locked", "--edges", "normal", "--target", triple, "--prefix", "none", "--format", "{p}"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.splitlines()
    found = {tuple(line.split()[:2]) for line in lines if line.strip()}
    return sorted((name, version.removeprefix("v")) for name, version in found if name != "signetd")


def packages():
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    listed = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)["packages"]
    return {(package["name"], package["version"]): package for package in listed}


def checksums():
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    return {(package["name"], package["version"]): package.get("checksum") for package in lock["package"]}


def version():
    return tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]


# The C library a target is linked with, its licence, and where Debian has the text of it.
LIBRARIES = {
    "gnu": ("GNU C Library", "LGPL-2.1-or-later", "/usr/share/common-licenses/LGPL-2.1",
            "Its source is Debian's package glibc; who wishes to link signetd with another one builds it from its own source (make static)."),
    "musl": ("musl", "MIT", None, "Copyright 2005-2020 Rich Felker, et al."),
}


def c_library(triple):
    return LIBRARIES["musl" if "musl" in triple else "gnu"]


def sqlite_version(package):
    header = Path(package["manifest_path"]).parent / "sqlite3/sqlite3.h"
    return re.search(r'#define SQLITE_VERSION\s+"([^"]+)"', header.read_text()).group(1)


def component(name, release, package, checksum):
    listed = {"type": "library", "bom-ref": f"pkg:cargo/{name}@{release}", "name": name, "version": release,
              "purl": f"pkg:cargo/{name}@{release}", "licenses": [{"expression": expression(package)}]}
    if checksum:
        listed["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package.get("repository"):
        listed["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return listed


def expression(package):
    """SPDX; older crates write a slash where it has an OR."""
    if not package.get("license"):
        raise SystemExit(f"{package['name']} names no licence")
    return package["license"].replace("/", " OR ")


def bill(triple, binary, when):
    """The list of parts of a binary, in CycloneDX 1.6. The same binary has the same list."""
    known, sums = packages(), checksums()
    components = [component(name, release, known[name, release], sums.get((name, release))) for name, release in linked(triple)]
    for other in OTHERS:
        other = dict(other)
        source = other.pop("from", None)
        if source:
            other["version"] = sqlite_version(next(package for key, package in known.items() if key[0] == source))
        components.append(other)
    name, licence, _, _ = c_library(triple)
    components.append({"type": "library", "name": name, "licenses": [{"expression": licence}]})
    components.append({"type": "library", "name": "Rust standard library", "licenses": [{"expression": "MIT OR Apache-2.0"}]})
    digest = hashlib.sha256(binary.read_bytes()).hexdigest()
    serial = hashlib.sha256(f"{digest} {triple}".encode()).hexdigest()
    serial = f"{serial[:8]}-{serial[8:12]}-5{serial[13:16]}-8{serial[17:20]}-{serial[20:32]}"
    return {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": f"urn:uuid:{serial}", "version": 1,
        "metadata": {
            "timestamp": when,
            "component": {"type": "application", "bom-ref": "signetd", "name": "signetd", "version": version(),
                          "licenses": [{"expression": "Apache-2.0"}], "hashes": [{"alg": "SHA-256", "content": digest}],
                          "description": f"static binary for {triple}"},
        },
        "components": components,
        "dependencies": [{"ref": "signetd", "dependsOn": [c["bom-ref"] for c in components if "bom-ref" in c]}],
    }


def notices(triple):
    """The licences of everything in the binary, each text once, with the crates it is of."""
    known, texts, silent = packages(), {}, []
    for name, release in linked(triple):
        package = known[name, release]
        folder = Path(package["manifest_path"]).parent
        files = sorted(path for path in folder.iterdir() if path.is_file() and NOTICES.match(path.name))
        for path in files:
            text = path.read_text(errors="replace").strip().replace("\r\n", "\n")
            texts.setdefault(text, []).append(f"{name} {release}")
        if not files:
            silent.append(f"{name} {release} ({expression(package)}, {', '.join(package['authors']) or 'its authors'})")
    out = ["signetd is under the Apache License 2.0 (LICENSE). Its binary holds the following.", "",
           "SQLite is in the public domain. The Rust standard library is under the MIT licence or the Apache License 2.0.", (ROOT / "assets/NOTICE").read_text().strip(), ""]
    if silent:
        out += ["These name their licence in their manifest only:", *(f"  {line}" for line in silent), ""]
    name, licence, path, note = c_library(triple)
    out += [f"{name} ({licence}). {note}", ""]
    if path and Path(path).exists():
        texts[Path(path).read_text()] = [name]
    for text, crates in sorted(texts.items(), key=lambda item: item[1]):
        out += ["-" * 78, ", ".join(crates), "-" * 78, text, ""]
    return "\n".join(out) + "\n"

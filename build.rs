//! Packs the description of the API that the binary carries: a thirteenth of its size, and it is seldom asked for.

use std::path::Path;

const DOCUMENT: &str = "docs/api/openapi.json";

fn main() {
    println!("cargo:rerun-if-changed={DOCUMENT}");
    let text = std::fs::read(DOCUMENT).unwrap_or_else(|cause| panic!("{DOCUMENT}: {cause}"));
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(&text, 10);
    let folder = std::env::var_os("OUT_DIR").expect("cargo names the folder");
    std::fs::write(Path::new(&folder).join("openapi.json.zlib"), packed).expect("cargo's folder can be written to");
}

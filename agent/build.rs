//! Packs the relative relocations of the program (`DT_RELR`, glibc 2.36 or newer): they are read at every start and
//! stay in memory, more than 1 MiB of them without this. A linker that does not know the option ignores it.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, wanted: &str| std::env::var(name).is_ok_and(|value| value == wanted);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

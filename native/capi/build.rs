//! Gives the shared library its soname: cargo sets none, and without one a program would record the
//! path that it was linked with.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libkeepstate.so.0");
    }
}

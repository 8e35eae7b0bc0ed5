//! The committed header is what the sources state. With `KEEPSTATE_WRITE_HEADER=1` it is written
//! anew.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use cbindgen::{Builder, Config, DocumentationStyle, Language, Style};
use keepstate_core::error::Code;

/// The sources in the order of the header.
const PARTS: &[&str] = &[
    "about",
    "error",
    "bytes",
    "settings",
    "store",
    "batch",
    "iter",
    "step",
    "sink",
    "vtable",
    "report",
    "snapshot",
    "timeline",
    "snapshots",
    "file",
    "queue",
    "op",
    "start",
    "codec",
    "digest",
];

/// What the body of an export may be: the boundary, or one of the readers that are made of it.
const GUARDS: &[&str] =
    &["boundary::status(", "boundary::answer(", " text(error,", " number(error,", " read(report,"];

const HEAD: &str = "\
/* keepstate.h: the C interface of Keepstate. The law of its use is ffi/CONVENTIONS.md.
 * Generated from native/capi by its test `header`; do not edit. */";

fn crate_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn header_path() -> PathBuf {
    crate_dir().join("../../ffi/include/keepstate.h")
}

/// The table of codes, so that it is the one of the core.
fn codes() -> String {
    let mut text = String::from("\n/** Why a call failed. */\nenum ks_code {\n");
    for code in Code::ALL {
        let (name, number, meaning) = (code.name(), *code as u32, code.meaning());
        writeln!(text, "  /** {meaning} */\n  KS_{name} = {number},").unwrap();
    }
    text.push_str("};\n\n/** As a length of a text: it ends at its first NUL. */\n");
    text.push_str("#define KS_NUL SIZE_MAX\n");
    text
}

fn config() -> Config {
    Config {
        language: Language::C,
        style: Style::Type,
        header: Some(HEAD.into()),
        include_guard: Some("KEEPSTATE_H".into()),
        no_includes: true,
        sys_includes: ["stdbool.h", "stddef.h", "stdint.h"].map(String::from).to_vec(),
        after_includes: Some(codes()),
        cpp_compat: true,
        usize_is_size_t: true,
        documentation_style: DocumentationStyle::Doxy,
        ..Config::default()
    }
}

fn generate() -> String {
    let mut builder = Builder::new().with_config(config());
    for part in PARTS {
        builder = builder.with_src(crate_dir().join(format!("src/{part}.rs")));
    }
    let mut text = Vec::new();
    builder.generate().expect("the sources parse").write(&mut text);
    String::from_utf8(text).unwrap()
}

fn sources() -> Vec<(String, String)> {
    let files = std::fs::read_dir(crate_dir().join("src")).unwrap();
    let read = |path: &Path| {
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (stem, std::fs::read_to_string(path).unwrap())
    };
    files.map(|file| read(&file.unwrap().path())).collect()
}

#[test]
fn the_committed_header_is_current() {
    let now = generate();
    if std::env::var_os("KEEPSTATE_WRITE_HEADER").is_some() {
        std::fs::write(header_path(), &now).unwrap();
    }
    let committed = std::fs::read_to_string(header_path()).unwrap_or_default();
    assert!(
        committed == now,
        "ffi/include/keepstate.h has drifted; run this test with KEEPSTATE_WRITE_HEADER=1"
    );
}

#[test]
fn every_export_stands_in_the_header_and_has_the_boundary() {
    let header = generate();
    let mut count = 0;
    for (stem, text) in sources() {
        let mut rest = text.as_str();
        while let Some(at) = rest.find("#[no_mangle]") {
            let body = &rest[at..];
            let end = body.find("\n}\n").expect("an export ends");
            let (export, name) = (&body[..end], body.split("extern \"C\" fn ").nth(1).unwrap());
            let name = name.split('(').next().unwrap();
            assert!(name.starts_with("ks_"), "{stem}: {name}");
            assert!(header.contains(&format!("{name}(")), "{stem}: {name} is not in the header");
            let guarded = GUARDS.iter().any(|guard| export.contains(guard));
            assert!(guarded, "{stem}: {name} lets a panic out");
            count += 1;
            rest = &body[end..];
        }
    }
    assert!(count > 60, "only {count} exports were found");
}

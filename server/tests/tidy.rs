//! Invariants of the source: the dependency rules of ARCHITECTURE.md, and files that must agree.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            // Skips unit tests, which are at the end of a file.
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
            found.push((path, text));
        }
    }
    found
}

/// The code without its comments: an intra-doc link is not a dependency.
fn code(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn check(folder: &str, never: &[&str]) {
    for (path, text) in sources(&root().join(folder)) {
        let code = code(&text);
        for word in never {
            assert!(!code.contains(word), "{} must not use {word}", path.display());
        }
    }
}

#[test]
fn modules_of_the_server_use_only_what_they_may() {
    check("server/src/chat", &["axum", "redis::", "sqlx", "crate::http", "crate::socket"]);
    check("server/src/account", &["axum", "redis::", "sqlx", "crate::http", "crate::socket"]);
    check(
        "server/src/store",
        &["crate::", "axum", "redis::", "protocol::Event", "ServerFrame", "ClientFrame"],
    );
    check("server/src/hub", &["crate::store", "crate::socket", "crate::chat::", "sqlx", "redis::"]);
    check("server/src/broker", &["crate::store", "crate::hub", "crate::node", "sqlx", "axum"]);
    check("server/src/node", &["crate::http", "crate::socket", "crate::chat", "sqlx", "redis::"]);
    check("server/src/jobs", &["axum", "redis::", "sqlx", "crate::http", "crate::socket", "crate::hub"]);
    check("server/src/blobs", &["axum", "redis::", "sqlx", "crate::store", "crate::node", "crate::http"]);
    check("server/src/pictures", &["crate::", "axum", "redis::", "sqlx"]);
    check("server/src/files", &["axum", "redis::", "sqlx", "crate::http", "crate::socket", "crate::hub"]);
    check("server/src/outgoing", &["crate::", "axum", "redis::", "sqlx"]);
    check(
        "server/src/previews",
        &["axum", "redis::", "sqlx", "crate::http", "crate::socket", "crate::hub", "crate::chat"],
    );
    check("server/src/search", &["crate::", "tokio", "axum", "redis::", "sqlx"]);
    check("server/src/http", &["sqlx", "redis::", "crate::hub", "crate::broker::redis"]);
    check("server/src/socket", &["sqlx", "redis::", "crate::store", "crate::broker", "crate::http"]);
    check(
        "server/src/entry",
        &["sqlx", "redis::", "crate::store", "crate::hub", "crate::http", "crate::socket", "crate::site"],
    );
}

#[test]
fn the_pure_crates_are_pure() {
    for folder in ["protocol/src", "markup/src", "client/src"] {
        check(folder, &["leptos", "web_sys", "tokio", "axum", "sqlx", "SystemTime", "Instant", "rand::"]);
    }
    check("app/src", &["sqlx", "redis::", "axum", "tokio"]);
}

/// Leptos 0.8 does not escape a textarea's children, and `inner_html` never escapes, so neither may
/// contain user text. The only exception is the page's own JSON, in `shell.rs`.
#[test]
fn nothing_that_people_wrote_is_written_as_html() {
    for (path, text) in sources(&root().join("app/src")) {
        let code = code(&text);
        if path.file_name().is_some_and(|name| name != "shell.rs") {
            assert!(!code.contains("inner_html"), "{}", path.display());
        }
        let mut rest = code.as_str();
        while let Some(at) = rest.find("</textarea>") {
            assert!(rest[..at].trim_end().ends_with('>'), "{}: a textarea with children", path.display());
            rest = &rest[at + 1..];
        }
    }
}

/// The server reads `Leptos.toml`, cargo-leptos reads `Cargo.toml`.
#[test]
fn both_files_of_settings_for_leptos_agree() {
    let table = |file: &str| -> BTreeMap<String, toml::Value> {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let value: toml::Value = toml::from_str(&text).unwrap();
        let list = value["workspace"]["metadata"]["leptos"].as_array().unwrap().clone();
        list[0].as_table().unwrap().clone().into_iter().collect()
    };
    let (run, build) = (table("Leptos.toml"), table("Cargo.toml"));
    for key in ["output-name", "site-root", "site-pkg-dir", "site-addr", "reload-port", "hash-files"] {
        assert_eq!(run.get(key), build.get(key), "{key}");
    }
}

/// wasm-bindgen's CLI must match the version that compiled the wasm; our tool for that has its own
/// manifest.
#[test]
fn the_wasm_is_bound_by_the_version_that_it_was_compiled_with() {
    let manifest = |file: &str| -> toml::Value {
        toml::from_str(&fs::read_to_string(root().join(file)).unwrap()).unwrap()
    };
    let (ours, tools) = (manifest("Cargo.toml"), manifest("tools/wasm/Cargo.toml"));
    assert_eq!(
        ours["workspace"]["dependencies"]["wasm-bindgen"],
        tools["dependencies"]["wasm-bindgen-cli-support"]
    );
}

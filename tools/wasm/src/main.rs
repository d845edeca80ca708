//! Splits the browser's wasm into its first part and chunks, and binds the first part to JavaScript.
//!
//!     roost-wasm [--dev] INPUT FOLDER
//!
//! Functions that a page never calls and that no tool can know to be unused are emptied on the way: see [`UNUSED`].
//!
//! The steps of `wasm-split-cli` and `wasm-bindgen`, whose libraries it calls: two command line tools would take twice as
//! long to compile. Into the folder go
//! - `roost_bg.wasm`, the first part, and `roost.js`, which starts it,
//! - `split_<name>.wasm` for each `#[wasm_split(<name>)]`, and `chunk_<n>.wasm` for what several of them share,
//! - `__wasm_split.js`, which loads those and which `roost.js` imports,
//! - `parts.json`: the files that each part needs, its own last.
//!
//! `scripts/frontend.mjs` calls it and does the rest.
#![forbid(unsafe_code)]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
    process::ExitCode,
};

use anyhow::{Context, Error, anyhow};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--dev", input, folder] => run(Path::new(input), Path::new(folder), true),
        [input, folder] => run(Path::new(input), Path::new(folder), false),
        _ => Err(anyhow!("usage: roost-wasm [--dev] INPUT FOLDER")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("roost-wasm: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(input: &Path, folder: &Path, dev: bool) -> Result<(), Error> {
    let parts = split(input, folder)?;
    if !dev {
        // Where views are compiled, there are some. A chunk may be too small to have one.
        if empty_unused(&folder.join("roost.wasm"))? == 0 {
            return Err(anyhow!("no function is called {UNUSED}: see UNUSED in tools/wasm"));
        }
        for chunk in parts.values().flatten().collect::<BTreeSet<_>>() {
            empty_unused(&folder.join(chunk))?;
            forget_names(&folder.join(chunk))?;
        }
    }
    bind(folder, dev)?;
    fs::write(folder.join("parts.json"), serde_json::to_vec(&parts)?)?;
    Ok(())
}

/// The first part, still without JavaScript, goes to `roost.wasm`. Returns the files of each part.
fn split(input: &Path, folder: &Path) -> Result<BTreeMap<String, Vec<String>>, Error> {
    let code = fs::read(input).with_context(|| input.display().to_string())?;
    let first = folder.join("roost.wasm");
    let mut options = wasm_split_cli_support::Options::new(&code);
    options.output_dir = folder;
    options.main_out_path = &first;
    options.main_module = "./roost.js";
    let split = wasm_split_cli_support::transform(options)
        .map_err(|error| anyhow!("{error:#}").context("the wasm could not be split"))?;
    let files = |names: Vec<String>| names.into_iter().map(|name| name + ".wasm").collect();
    Ok(split.prefetch_map.into_iter().map(|(part, names)| (part, files(names))).collect())
}

/// Takes the names of functions out of a chunk. wasm-opt would do so too, but does not understand all of them, and says so.
fn forget_names(chunk: &Path) -> Result<(), Error> {
    let code = fs::read(chunk)?;
    let mut shorter = wasm_encoder::Module::new();
    for payload in wasmparser::Parser::new(0).parse_all(&code) {
        let payload = payload?;
        let is_names =
            matches!(&payload, wasmparser::Payload::CustomSection(custom) if custom.name() == "name");
        if let Some((id, range)) = payload.as_section().filter(|_| !is_names) {
            let data = &code[usize::try_from(range.start)?..usize::try_from(range.end)?];
            shorter.section(&wasm_encoder::RawSection { id, data });
        }
    }
    fs::write(chunk, shorter.finish())?;
    Ok(())
}

/// The function that is there for `hydrate_lazy` alone, which we do not use: asynchronous waking. Each kind of view has one, and a
/// table names it, so the compiler and wasm-opt must keep them: 12 kB of brotli.
const UNUSED: &str = "13hydrate_async";
/// How the name of a closure goes on.
const CLOSURE: &str = "28_$u7b$$u7b$closure$u7d$$u7d$";
/// Bytes. The compiler makes one function of those whose code is the same, under the name of any of them: what is short may
/// be something else too.
const UNUSED_LEN_MIN: usize = 200;

/// Makes the [`UNUSED`] functions trap, and returns how many there are. wasm-opt then takes away what only they needed.
fn empty_unused(file: &Path) -> Result<usize, Error> {
    let code = fs::read(file)?;
    let (mut imported, mut unused) = (0, BTreeSet::new());
    for payload in wasmparser::Parser::new(0).parse_all(&code) {
        match payload? {
            wasmparser::Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imported += u32::from(matches!(import?.ty, wasmparser::TypeRef::Func(_)));
                }
            }
            wasmparser::Payload::CustomSection(custom) => {
                let wasmparser::KnownCustom::Name(names) = custom.as_known() else { continue };
                for subsection in names {
                    let wasmparser::Name::Function(functions) = subsection? else { continue };
                    for function in functions {
                        let function = function?;
                        if is_unused(function.name) {
                            unused.insert(function.index);
                        }
                    }
                }
            }
            _ => {}
        }
    }
    let mut shorter = wasm_encoder::Module::new();
    let (mut bodies, mut index) = (wasm_encoder::CodeSection::new(), imported);
    for payload in wasmparser::Parser::new(0).parse_all(&code) {
        let payload = payload?;
        match &payload {
            wasmparser::Payload::CodeSectionStart { .. } => {}
            wasmparser::Payload::CodeSectionEntry(body) => {
                if unused.contains(&index) && body.as_bytes().len() >= UNUSED_LEN_MIN {
                    let mut trap = wasm_encoder::Function::new([]);
                    trap.instructions().unreachable().end();
                    bodies.function(&trap);
                } else {
                    bodies.raw(body.as_bytes());
                }
                index += 1;
            }
            _ => {
                let Some((id, range)) = payload.as_section() else { continue };
                // The bodies are all seen when the next section comes; data or names always follow.
                if !bodies.is_empty() {
                    shorter.section(&std::mem::take(&mut bodies));
                }
                let data = &code[usize::try_from(range.start)?..usize::try_from(range.end)?];
                shorter.section(&wasm_encoder::RawSection { id, data });
            }
        }
    }
    fs::write(file, shorter.finish())?;
    Ok(unused.len())
}

/// `…13hydrate_async28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE`: the bodies, which are closures, perhaps in each other; not
/// what makes or drops them.
fn is_unused(name: &str) -> bool {
    name.rsplit_once(UNUSED).is_some_and(|(_, rest)| {
        let hash = rest.trim_start_matches(CLOSURE);
        hash.len() < rest.len() && hash.starts_with("17h") && hash.len() == "17h0123456789abcdefE".len()
    })
}

fn bind(folder: &Path, dev: bool) -> Result<(), Error> {
    let first = folder.join("roost.wasm");
    // The producers section goes; target_features stays, for wasm-opt reads there what the code may use. The exports of the
    // linker (memory, table) stay too: they are what the chunks are tied to.
    Bindgen::new()
        .input_path(&first)
        .web(true)?
        .typescript(false)
        .keep_lld_exports(true)
        .remove_name_section(!dev)
        .remove_producers_section(!dev)
        .generate(folder)
        .context("the wasm could not be bound")?;
    fs::remove_file(first)?;
    Ok(())
}

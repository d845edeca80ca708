//! Splits the browser's wasm into its first part and chunks, and generates JavaScript bindings for the first part.
//!
//!     roost-wasm [--dev] INPUT FOLDER
//!
//! It also empties functions that a page never calls but no tool can prove to be unused: see [`UNUSED`].
//!
//! It runs the steps of `wasm-split-cli` and `wasm-bindgen` through their libraries, because two command line tools
//! would take twice as long to compile. It writes to the folder
//! - `roost_bg.wasm`, the first part, and `roost.js`, which starts it,
//! - `split_<name>.wasm` for each `#[wasm_split(<name>)]`, and `chunk_<n>.wasm` for code that several of them share,
//! - `__wasm_split.js`, which loads them and is imported by `roost.js`,
//! - `parts.json`: the files that each part needs, its own last.
//!
//! `scripts/frontend.mjs` calls it and does the rest.
#![forbid(unsafe_code)]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
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
        // A release build always has such functions; a chunk may have none.
        if empty_unused(&folder.join("roost.wasm"))? == 0 {
            return Err(anyhow!("no function is called {UNUSED}: see UNUSED in tools/wasm"));
        }
        for chunk in parts.values().flatten().collect::<BTreeSet<_>>() {
            empty_unused(&folder.join(chunk))?;
            forget_names(&folder.join(chunk))?;
        }
        let chunks = parts.values().flatten().collect::<BTreeSet<_>>();
        let files = chunks.into_iter().map(|chunk| folder.join(chunk)).chain([folder.join("roost.wasm")]);
        // Every index operation and every `expect` records a source location.
        if forget_places(&files.collect::<Vec<_>>())? == 0 {
            return Err(anyhow!("no place of a panic was found: see PLACE_BYTES in tools/wasm"));
        }
    }
    bind(folder, dev)?;
    if !dev && close_exports(&folder.join("roost_bg.wasm"))? == 0 {
        return Err(anyhow!("no export begins with {STREAMS}: see STREAMS in tools/wasm"));
    }
    fs::write(folder.join("parts.json"), serde_json::to_vec(&parts)?)?;
    Ok(())
}

/// Writes the first part, still without JavaScript, to `roost.wasm`. Returns the files of each part.
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

/// Removes the function names from a chunk. wasm-opt would do so too, but prints warnings about names that it does
/// not understand.
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

/// The asynchronous hydration, used only by `hydrate_lazy`, which we do not use. Each kind of view has one and a
/// table refers to it, so the compiler and wasm-opt must keep it: 12 kB of brotli in total.
const UNUSED: &str = "13hydrate_async";
/// How a closure's name continues.
const CLOSURE: &str = "28_$u7b$$u7b$closure$u7d$$u7d$";
/// In bytes. The compiler merges functions with identical code under any of their names, so a short one may also be
/// something else.
const UNUSED_LEN_MIN: usize = 200;

/// Makes the [`UNUSED`] functions trap, and returns how many there are. wasm-opt then removes their dependencies.
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
                // All bodies have been seen when the next section comes; data or names always follow.
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

/// `…13hydrate_async28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE`: matches the bodies, which are possibly
/// nested closures, but not the functions that create or drop them.
fn is_unused(name: &str) -> bool {
    name.rsplit_once(UNUSED).is_some_and(|(_, rest)| {
        let hash = rest.trim_start_matches(CLOSURE);
        hash.len() < rest.len() && hash.starts_with("17h") && hash.len() == "17h0123456789abcdefE".len()
    })
}

/// The layout of `std::panic::Location`: address and length of the file name, line, column.
const PLACE_BYTES: usize = 16;

/// Removes the source locations of panics: 5 kB of brotli, in a thousand places. The panic message stays, and the
/// browser's stack trace has the function names. Returns the number of locations.
///
/// A location is recognized by its pointer to the name of a Rust file. It is replaced by an empty name and line 0.
fn forget_places(files: &[PathBuf]) -> Result<usize, Error> {
    let modules = files.iter().map(fs::read).collect::<Result<Vec<_>, _>>()?;
    let mut memory = BTreeMap::new();
    for module in &modules {
        memory.extend(segments(module)?);
    }
    let mut places = Vec::new();
    let mut names = BTreeSet::new();
    for (start, segment) in &memory {
        // They are aligned to four bytes.
        for at in
            (start.wrapping_neg() as usize % 4..segment.len().saturating_sub(PLACE_BYTES - 1)).step_by(4)
        {
            if let Some(name) = file_named(&memory, &segment[at..at + PLACE_BYTES]) {
                places.push(start + u32::try_from(at)?);
                names.insert(name);
            }
        }
    }
    let Some((nowhere, _)) = names.first().copied() else { return Ok(0) };
    let mut blank = [0; PLACE_BYTES];
    blank[..4].copy_from_slice(&nowhere.to_le_bytes());
    let names = names.into_iter().map(|(at, len)| (at, vec![0; len as usize]));
    let changes: Vec<(u32, Vec<u8>)> = names.chain(places.iter().map(|at| (*at, blank.to_vec()))).collect();
    for (file, module) in files.iter().zip(&modules) {
        fs::write(file, with_changes(module, &changes)?)?;
    }
    Ok(places.len())
}

/// The address and length of the file name, if these bytes are a location.
fn file_named(memory: &BTreeMap<u32, &[u8]>, place: &[u8]) -> Option<(u32, u32)> {
    let word = |n: usize| place[n * 4..].first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    let (at, len, line, column) = (word(0)?, word(1)?, word(2)?, word(3)?);
    let (start, segment) = memory.range(..=at).next_back()?;
    let name = segment.get((at - start) as usize..)?.get(..len as usize)?;
    let is_name = name.contains(&b'/') && name.ends_with(b".rs") && name.iter().all(u8::is_ascii_graphic);
    (is_name && (1..100_000).contains(&line) && (1..1_000).contains(&column)).then_some((at, len))
}

/// The data segments of a module, by address.
fn segments(module: &[u8]) -> Result<Vec<(u32, &[u8])>, Error> {
    let mut found = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(module) {
        let wasmparser::Payload::DataSection(section) = payload? else { continue };
        for data in section {
            let data = data?;
            found.push((address(&data)?, data.data));
        }
    }
    Ok(found)
}

fn address(data: &wasmparser::Data<'_>) -> Result<u32, Error> {
    if let wasmparser::DataKind::Active { memory_index: 0, offset_expr } = &data.kind
        && let wasmparser::Operator::I32Const { value } = offset_expr.get_operators_reader().read()?
    {
        return Ok(value.cast_unsigned());
    }
    Err(anyhow!("a data segment whose address is not a number"))
}

/// The module with other bytes at some addresses. Addresses outside its segments belong to another module.
fn with_changes(module: &[u8], changes: &[(u32, Vec<u8>)]) -> Result<Vec<u8>, Error> {
    let mut changed = wasm_encoder::Module::new();
    for payload in wasmparser::Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let wasmparser::Payload::DataSection(section) = payload {
            let mut data = wasm_encoder::DataSection::new();
            for segment in section {
                let segment = segment?;
                let start = address(&segment)?;
                let mut bytes = segment.data.to_vec();
                for (at, new) in changes {
                    let from = at.checked_sub(start).map(|from| from as usize);
                    if let Some(old) = from.and_then(|from| bytes.get_mut(from..from + new.len())) {
                        old.copy_from_slice(new);
                    }
                }
                data.active(0, &wasm_encoder::ConstExpr::i32_const(start.cast_signed()), bytes);
            }
            changed.section(&data);
        } else if let Some((id, range)) = payload.as_section() {
            let data = &module[usize::try_from(range.start)?..usize::try_from(range.end)?];
            changed.section(&wasm_encoder::RawSection { id, data });
        }
    }
    Ok(changed.finish())
}

fn bind(folder: &Path, dev: bool) -> Result<(), Error> {
    let first = folder.join("roost.wasm");
    // The producers section is removed. target_features stays, because wasm-opt reads the allowed instructions from
    // it. The exports of the linker (memory, table) stay too, because the chunks are linked to them.
    Bindgen::new()
        .input_path(&first)
        .web(true)?
        .typescript(false)
        .keep_lld_exports(true)
        // wasm-opt sorts the functions by name, and then drops the names.
        .remove_name_section(false)
        .remove_producers_section(!dev)
        .generate(folder)
        .context("the wasm could not be bound")?;
    fs::remove_file(first)?;
    Ok(())
}

/// Leptos exports streams for server functions, which we do not use: 1.3 kB of brotli.
const STREAMS: &str = "intounderlying";

/// Removes the exports of [`STREAMS`], and returns how many there were. wasm-opt then removes their dependencies.
fn close_exports(file: &Path) -> Result<usize, Error> {
    let code = fs::read(file)?;
    let (mut closed, mut module) = (0, wasm_encoder::Module::new());
    for payload in wasmparser::Parser::new(0).parse_all(&code) {
        let payload = payload?;
        if let wasmparser::Payload::ExportSection(section) = payload {
            let mut exports = wasm_encoder::ExportSection::new();
            for export in section {
                let export = export?;
                if export.name.trim_start_matches("__wbg_").starts_with(STREAMS) {
                    closed += 1;
                } else {
                    exports.export(export.name, export.kind.into(), export.index);
                }
            }
            module.section(&exports);
        } else if let Some((id, range)) = payload.as_section() {
            let data = &code[usize::try_from(range.start)?..usize::try_from(range.end)?];
            module.section(&wasm_encoder::RawSection { id, data });
        }
    }
    fs::write(file, module.finish())?;
    Ok(closed)
}

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
        // Every index and every `expect` records a place in the source.
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

/// `std::panic::Location`, as the compiler lays it out: address and length of the file's name, line, column.
const PLACE_BYTES: usize = 16;

/// Forgets where in the source each panic is: 5 kB of brotli, in a thousand places. What a panic says stays, and the browser's
/// stack trace names the function. Returns how many places there were.
///
/// A place is told by what it points at: the name of a Rust file. It becomes a place in an empty name, at line 0.
fn forget_places(files: &[PathBuf]) -> Result<usize, Error> {
    let modules = files.iter().map(fs::read).collect::<Result<Vec<_>, _>>()?;
    let mut memory = BTreeMap::new();
    for module in &modules {
        memory.extend(segments(module)?);
    }
    let mut places = Vec::new();
    let mut names = BTreeSet::new();
    for (start, segment) in &memory {
        // Aligned to four bytes in memory.
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

/// The address and the length of the file's name, if these bytes are a place.
fn file_named(memory: &BTreeMap<u32, &[u8]>, place: &[u8]) -> Option<(u32, u32)> {
    let word = |n: usize| place[n * 4..].first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    let (at, len, line, column) = (word(0)?, word(1)?, word(2)?, word(3)?);
    let (start, segment) = memory.range(..=at).next_back()?;
    let name = segment.get((at - start) as usize..)?.get(..len as usize)?;
    let is_name = name.contains(&b'/') && name.ends_with(b".rs") && name.iter().all(u8::is_ascii_graphic);
    (is_name && (1..100_000).contains(&line) && (1..1_000).contains(&column)).then_some((at, len))
}

/// What a module puts into the memory, by its address.
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

/// The module with other bytes at some addresses. What lies outside of its segments is another module's.
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
    // The producers section goes; target_features stays, for wasm-opt reads there what the code may use. The exports of the
    // linker (memory, table) stay too: they are what the chunks are tied to.
    Bindgen::new()
        .input_path(&first)
        .web(true)?
        .typescript(false)
        .keep_lld_exports(true)
        // wasm-opt orders the functions by their names, and drops those then.
        .remove_name_section(false)
        .remove_producers_section(!dev)
        .generate(folder)
        .context("the wasm could not be bound")?;
    fs::remove_file(first)?;
    Ok(())
}

/// Leptos brings streams for server functions, of which there are none here, and exports them: 1.3 kB of brotli.
const STREAMS: &str = "intounderlying";

/// Takes the exports of [`STREAMS`] away, and returns how many there were. wasm-opt then takes away what only they needed.
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

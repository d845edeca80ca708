//! The document around the app, drawn only by the server.

use std::path::Path;

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::HashedStylesheet;
use protocol::{Density, Page, Theme};

use crate::{
    App,
    address::{Address, Route},
    carried, later,
    pages::title_of,
    words::Words,
};

/// The path and query that are drawn. The server provides it; the browser compares its address with
/// it.
#[derive(Clone, Debug)]
pub struct DrawnPath(pub String);

/// The whole document of a page. The server provides the [`Page`] and the [`DrawnPath`] in context.
///
/// The page is also included as JSON, so that the browser wakes with exactly the value that was
/// drawn. Leptos does not escape script elements; [`carried::to_json`] leaves no `<` in it. The
/// words of its language are included too, as lines of text.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let Some(page) = use_context::<Page>() else {
        return view! {
            <!DOCTYPE html>
            <html lang="en">
                <head>
                    <meta charset="utf-8"/>
                    <title>"Roost"</title>
                </head>
                <body>
                    <p>"The server could not make this page. Please try again."</p>
                </body>
            </html>
        }
        .into_any();
    };
    let path = use_context::<DrawnPath>().map(|DrawnPath(path)| path).unwrap_or_default();
    provide_context(Address::new(path.clone()));
    let words = Words::of(page.language);
    provide_context(words);
    let title = escaped(&title_of(words, &page, &path));
    let files = file_list(&options);
    let parts = later::begins_with(&path, &page);
    let is_outside = is_outside(&path, &page);
    let words_text = if is_outside { words.text() } else { words.text_inside() };
    // Only the address: the browser fetches them on first use.
    let emoji = files_of(&format!("emoji {}", page.language.as_str()), &files).next();
    let emoji = emoji.filter(|_| !is_outside).map(|file| address_of(&options, file));
    let style = style(&path, is_outside).and_then(|name| carried_style(&options, &files, name));
    let style = match style {
        Some(css) => {
            // The page already contains what chunks draw.
            let draws_more = parts.iter().any(|part| *part != later::DOORS);
            let more = draws_more.then(|| files_of("style later", &files));
            let more = more.into_iter().flatten().map(|file| {
                let address = address_of(&options, file);
                view! { <link rel="stylesheet" href=address/> }.into_any()
            });
            let is_whole = is_outside.then_some("");
            view! { <style nonce=use_nonce() data-whole=is_whole>{css}</style> {more.collect::<Vec<_>>()} }
                .into_any()
        }
        None => view! { <HashedStylesheet options=options.clone()/> }.into_any(),
    };
    let chunks: Vec<_> = parts.iter().flat_map(|part| chunks(&options, &files, part)).collect();
    let head = view! {
        <script nonce=use_nonce()>{WATCH}</script>
        <HydrationScripts options=options/>
        {chunks}
        {style}
    };
    // The visible content comes first, then what the page wakes with.
    let body = view! {
        // `translate="no"`, because a page translator would change nodes that we then could not
        // update, and messages are replaced as a whole. Browser extensions add things to the body,
        // so the app wakes in its own element.
        <div id="app" translate="no"><App/></div>
        <script nonce=use_nonce()>{BEGIN}</script>
        <Trouble words/>
        <script type="application/json" id="page" data-path=path nonce=use_nonce()>
            {carried::to_json(page.clone())}
        </script>
        <script type="text/plain" id="words" data-emoji=emoji nonce=use_nonce()>{words_text}</script>
    };
    document(&page, words, title, head.into_any(), body.into_any())
}

/// What every document has, whether or not it wakes. Its style sheet is in `head`.
pub(crate) fn document(page: &Page, words: Words, title: String, head: AnyView, body: AnyView) -> AnyView {
    view! {
        <!DOCTYPE html>
        <html lang=words.lang() data-theme=theme(page.theme) data-density=density(page.density) data-previews=page.previews_hidden.then_some("hidden") data-node=page.node.clone()>
            <head>
                <meta charset="utf-8"/>
                <meta
                    name="viewport"
                    content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content"
                />
                <meta name="color-scheme" content="light dark"/>
                <meta name="theme-color" content="#f6f3ee" media="(prefers-color-scheme: light)"/>
                <meta name="theme-color" content="#1d1b18" media="(prefers-color-scheme: dark)"/>
                <title inner_html=title></title>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="apple-touch-icon" href="/icon-192.png"/>
                <link rel="manifest" href="/manifest.webmanifest"/>
                {head}
            </head>
            <body>
                <div hidden inner_html=ICONS></div>
                {body}
            </body>
        </html>
    }
    .into_any()
}

/// The symbols that [`Icon`](crate::components::icon::Icon) shows.
const ICONS: &str = include_str!("icons.svg");

/// Whether a page is outside the app, by the same rule as [`App`].
fn is_outside(path: &str, page: &Page) -> bool {
    page.signed_in().is_none() || page.workspace_name.is_empty() || Route::of(path) == Route::SetUp
}

/// The style sheet to inline, by its name in `style/`. Inlining saves a round trip before the first
/// paint.
fn style(path: &str, is_outside: bool) -> Option<&'static str> {
    match Route::of(path) {
        // These are sent uncompressed (`server/src/http/page.rs`), so they link to the full style
        // sheet.
        Route::NewPassword => None,
        Route::SignUp if path != "/sign-up" => None,
        Route::SignIn | Route::SignUp | Route::SetUp | Route::Lobby | Route::Room(_) | Route::Nowhere => {
            Some(if is_outside { "door" } else { "room" })
        }
    }
}

/// `None` in builds by cargo-leptos, which has only the full style sheet.
fn carried_style(options: &LeptosOptions, files: &str, name: &str) -> Option<String> {
    let file = files_of(&format!("style {name}"), files).next()?;
    let folder = Path::new(options.site_root.as_ref()).join(options.site_pkg_dir.as_ref());
    std::fs::read_to_string(folder.join(file)).ok()
}

/// Preloads the chunks of a part beside the first code, instead of only once that code asks for
/// them. Without the list the page wakes later.
fn chunks(options: &LeptosOptions, files: &str, part: &str) -> Vec<AnyView> {
    files_of(&format!("part {part}"), files)
        .map(|file| {
            let address = address_of(options, file);
            view! { <link rel="preload" href=address r#as="fetch" r#type="application/wasm" crossorigin=""/> }
                .into_any()
        })
        .collect()
}

fn address_of(options: &LeptosOptions, file: &str) -> String {
    format!("/{}/{file}", options.site_pkg_dir)
}

/// The list of front-end files that `scripts/frontend.mjs` writes, beside the hashes that Leptos
/// reads.
fn file_list(options: &LeptosOptions) -> String {
    std::env::current_exe()
        .and_then(|program| std::fs::read_to_string(program.with_file_name(options.hash_file.as_ref())))
        .unwrap_or_default()
}

/// The files of one entry: `part details: FILE FILE`.
fn files_of<'a>(entry: &str, list: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
    let files = list.lines().find_map(|line| line.strip_prefix(entry)?.strip_prefix(": "));
    files.unwrap_or_default().split_whitespace()
}

/// Marks `<html>` when the page will not wake up and the app itself cannot report it, and reloads
/// on a click. A promise rejected before the page is awake means that it did not load. Also detects
/// before the first paint whether this is a Mac, which has other names for keys, and whether the
/// composer will have tools.
const WATCH: &str = r#"(root => {
const tell = why => { root.dataset.broken ??= why };
if (typeof WebAssembly === "undefined") tell("unsupported");
addEventListener("unhandledrejection", () => { if (!root.dataset.hydrated) tell("unloaded") });
if (/^(Mac|iP)/.test(navigator.platform)) root.dataset.mac = "";
try { if (localStorage["roost:formatting"]) root.dataset.formatting = "" } catch {}
addEventListener("click", ({ target }) => { if (target.closest(".trouble button")) location.reload() });
})(document.documentElement)"#;

/// Before the first paint, scrolls to the message in the address, or else to the line of unread
/// messages as `ScrollPosition::begin` does, so that nothing moves when the page wakes.
const BEGIN: &str = r#"(box => {
const found = /[/]m[/]([0-9]+)$/.exec(location.pathname);
const row = found && box?.querySelector(`[data-seq="${found[1]}"]`);
if (row) return row.scrollIntoView({ block: "center" });
const line = box?.querySelector("[data-key=unread]");
const above = line ? line.getBoundingClientRect().top - box.getBoundingClientRect().top : 0;
if (above < 0) box.scrollTop += above - box.clientHeight / 4;
})(document.querySelector(".timeline"))"#;

/// Explains why the page does not work: one text for each value of `data-broken`. The style sheet
/// shows the right one.
#[component]
fn Trouble(words: Words) -> impl IntoView {
    let why = [
        ("stopped", words.page_stopped()),
        ("unloaded", words.page_unloaded()),
        ("unsupported", words.page_unsupported()),
    ];
    view! {
        <div class="trouble" role="alert">
            {why.map(|(why, said)| view! { <p data-why=why>{said}</p> }.into_any()).into_iter().collect_view()}
            <button type="button" class="button">{words.reload()}</button>
        </div>
    }
}

/// Escapes a title. Leptos would add a marker after a child, and titles show it as text, so titles
/// are written as a whole and must be escaped here.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn density(density: Density) -> &'static str {
    match density {
        Density::Comfortable => "comfortable",
        Density::Compact => "compact",
    }
}

fn theme(theme: Theme) -> &'static str {
    match theme {
        Theme::System => "system",
        Theme::Light => "light",
        Theme::Dark => "dark",
    }
}

#[cfg(test)]
mod tests {
    use super::files_of;

    #[test]
    fn each_part_has_its_files() {
        let list = "wasm: 0123\npart detail: a.wasm\npart details: b.wasm c.wasm\n";
        assert_eq!(files_of("part details", list).collect::<Vec<_>>(), ["b.wasm", "c.wasm"]);
        assert_eq!(files_of("part wasm", list).count(), 0);
        assert_eq!(files_of("part dialogs", list).count(), 0);
    }
}

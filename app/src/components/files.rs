//! The files of a message. Pictures are links to themselves, which open full screen once the page is awake. The space that each
//! takes is known before it is loaded, so nothing moves.

use leptos::prelude::*;
use protocol::{File, Picture, PictureSize, RoomId};

use super::{formatted::highlighted, icon::Icon};
use crate::components::attributes::AriaAttributes;
use crate::components::{handler, live};
use crate::state::{Chat, Dialog, Upload};

/// A single picture fits into this, in pixels.
const PICTURE_MAX: (u32, u32) = (400, 300);
/// The side of the squares in which several pictures are shown, in pixels.
const TILE: u32 = 160;
/// The space of a film, in pixels, before its shape is known.
const FILM: (u32, u32) = (400, 225);
/// An extension of up to so many characters, with its dot, stays visible.
const END_CHARS: usize = 8;
/// The least width and height of a picture's space, in pixels: a tiny one can still be pressed.
const PICTURE_MIN: u32 = 48;

/// The files of a message; `is_stored` if a server has it.
pub(crate) fn files(chat: Chat, room: RoomId, files: &[File], is_stored: bool) -> Option<AnyView> {
    if files.is_empty() {
        return None;
    }
    let pictures: Vec<&File> = files.iter().filter(|file| file.is_picture()).collect();
    let is_grid = pictures.len() > 1;
    let pictures: Vec<AnyView> =
        pictures.into_iter().filter_map(|file| picture(chat, room, file, is_grid, is_stored)).collect();
    let pictures = (!pictures.is_empty())
        .then(|| view! { <div class="pictures-box" class:grid=is_grid>{pictures}</div> }.into_any());
    let others: Vec<AnyView> =
        files.iter().filter(|file| !file.is_picture()).map(|file| other(chat, file, is_stored)).collect();
    Some(view! { <div class="files">{pictures} {others}</div> }.into_any())
}

/// The space of a picture: see [`PICTURE_MAX`].
fn space(picture: &Picture, is_grid: bool) -> (u32, u32) {
    if is_grid {
        return (TILE, TILE);
    }
    let (width, height) = (u64::from(picture.width.max(1)), u64::from(picture.height.max(1)));
    let (max_width, max_height) = (u64::from(PICTURE_MAX.0), u64::from(PICTURE_MAX.1));
    // The more limiting side decides.
    let (shown_width, shown_height) = match width * max_height > height * max_width {
        true => (width.min(max_width), height * width.min(max_width) / width),
        false => (width * height.min(max_height) / height, height.min(max_height)),
    };
    let fit = |side: u64| u32::try_from(side).unwrap_or(TILE).max(PICTURE_MIN);
    (fit(shown_width), fit(shown_height))
}

fn picture(chat: Chat, room: RoomId, file: &File, is_grid: bool, is_stored: bool) -> Option<AnyView> {
    let (width, height) = space(file.picture.as_ref()?, is_grid);
    let id = file.id;
    let shown = if file.alt.is_empty() { file.name.clone() } else { file.alt.clone() };
    let image = move |source: String| {
        let (width, height) = (width.to_string(), height.to_string());
        view! { <img src=source alt=shown.clone() width=width height=height loading="lazy" decoding="async"/> }.into_any()
    };
    let local = move || chat.local_file(id).and_then(|local| local.preview);
    let open = move |click: web_sys::MouseEvent| {
        if !(click.ctrl_key() || click.meta_key() || click.shift_key()) {
            click.prevent_default();
            chat.screen.dialog.set(Some(Dialog::Viewer(room, id)));
        }
    };
    Some(match is_stored {
        true => view! {
            <a
                class="picture"
                href=file.address(None)
                target="_blank"
                data-act=format!("picture-{id}")
                on:click=handler(open)
            >
                {image(untrack(local).unwrap_or_else(|| file.address(Some(PictureSize::Small))))}
            </a>
        }
        .into_any(),
        false => {
            // After a reload, it takes a moment until the bytes are read.
            let local = Memo::new(move |_| local());
            let image = live(move || match local.get() {
                Some(source) => image(source),
                None => {
                    let (width, height) = (width.to_string(), height.to_string());
                    view! { <canvas width=width height=height></canvas> }.into_any()
                }
            });
            view! { <span class="picture">{image} {progress(chat, file)}</span> }.into_any()
        }
    })
}

/// A sound, a film, or a card that leads to any other file.
fn other(chat: Chat, file: &File, is_stored: bool) -> AnyView {
    let words = chat.words;
    let (address, name) = (file.address(None), file.name.clone());
    let label = words.download_file(&name);
    let player = match file.media.split('/').next().filter(|_| is_stored) {
        Some("audio") => Some(
            view! { <audio controls preload="none" src=address.clone() aria-label=name.clone()></audio> }
                .into_any(),
        ),
        Some("video") => Some(
            view! {
                <video
                    controls
                    preload="metadata"
                    src=address.clone()
                    width=FILM.0.to_string()
                    height=FILM.1.to_string()
                    aria-label=name.clone()
                ></video>
            }
            .into_any(),
        ),
        Some(_) | None => None,
    };
    let size = words.file_size(file.size);
    let inside = view! {
        <Icon name="file"/>
        {file_name(&name)}
        " "
        <span class="file-size">{size}</span>
    }
    .into_any();
    let card = match is_stored {
        true => view! {
            <a class="file" href=format!("{address}?download") download="" aria-label=label>{inside} <Icon name="download"/></a>
        }
        .into_any(),
        false => view! { <span class="file">{inside} {progress(chat, file)}</span> }.into_any(),
    };
    let excerpt = (!file.excerpt.is_empty()).then(|| excerpt(chat, file));
    view! { <div class="file-box">{player} {excerpt} {card}</div> }.into_any()
}

/// The first lines of a text. Plain text has a link to all of it; servers send other kinds only to be saved.
fn excerpt(chat: Chat, file: &File) -> AnyView {
    let language = file.name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    // The last newline is not part of the excerpt.
    let has_more = file.excerpt.len() as u64 + 1 < file.size;
    let more = (has_more && file.media == "text/plain").then(|| {
        view! { <a class="excerpt-all" href=file.address(None) target="_blank">{chat.words.show_all_of_file()}</a> }
            .into_any()
    });
    view! {
        <div class="code-block excerpt" translate="no" data-language=language node_ref=highlighted()>
            <pre tabindex="0"><code>{file.excerpt.clone()}</code></pre>
            {more}
        </div>
    }
    .into_any()
}

/// A name whose end stays visible when it is too long.
pub(crate) fn file_name(name: &str) -> AnyView {
    let end = name.char_indices().rev().nth(END_CHARS - 1).map_or(0, |(at, _)| at);
    let (stem, end) = name
        .rfind('.')
        .filter(|dot| *dot >= end)
        .and_then(|dot| name.split_at_checked(dot))
        .unwrap_or((name, ""));
    view! { <bdi class="file-name"><span>{stem.to_owned()}</span> <span>{end.to_owned()}</span></bdi> }
        .into_any()
}

/// How much of a file that is not stored yet has arrived.
fn progress(chat: Chat, file: &File) -> AnyView {
    let (id, size) = (file.id, file.size);
    live(move || {
        let local = chat.local_file(id)?;
        let sent = match local.upload {
            Upload::Running | Upload::Waiting => local.sent,
            Upload::Done | Upload::Failed(_) => return None,
        };
        let label = chat.words.file_sent_of(&chat.words.file_size(sent), &chat.words.file_size(size));
        let (max, sent) = (size.max(1).to_string(), sent.to_string());
        Some(view! { <progress class="upload" max=max value=sent aria-label=label></progress> }.into_any())
    })
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_shape_and_fits() {
        for ((width, height), shown) in [
            ((4_032, 3_024), (400, 300)),
            ((3_024, 4_032), (225, 300)),
            ((200, 100), (200, 100)),
            ((16, 16), (48, 48)),
            ((10_000, 100), (400, 48)),
            ((100, 50_000), (48, 300)),
            ((u32::MAX, u32::MAX), (300, 300)),
            ((0, 0), (48, 48)),
        ] {
            let picture = Picture { width, height, blur: String::new() };
            assert_eq!(space(&picture, false), shown, "{width}×{height}");
            assert_eq!(space(&picture, true), (TILE, TILE));
        }
    }
}

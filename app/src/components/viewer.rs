//! A picture in full screen, and those before and after it in the room.

use std::sync::Arc;

use client::{MessageRow, Row, RowKind};
use leptos::{html, prelude::*};
use protocol::{File, FileId, Millis, PictureSize, RoomId, Seq, User};
use web_sys::{KeyboardEvent, PointerEvent, WheelEvent};

use super::{dialogs::DialogFrame, icon::Icon};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{effect, handler, key_handler, listen, live};
use crate::state::{Chat, use_chat};

/// The largest zoom. 1 fits the picture into the screen.
const ZOOM_MAX: f64 = 8.0;
/// What a press of a button or a key changes.
const ZOOM_STEP: f64 = 1.5;

/// A picture, and its message.
#[derive(Clone, PartialEq)]
struct Shown {
    file: File,
    seq: Option<Seq>,
    author: Arc<User>,
    at: Millis,
}

/// The pictures of the open room and of the open thread, in their order.
fn pictures(chat: Chat) -> Vec<Shown> {
    let of = |row: &Row| match &row.kind {
        RowKind::Message(MessageRow { files, forward, author, at, seq, .. }) => {
            let copied = forward.iter().flat_map(|forward| &forward.files);
            let pictures = files.iter().chain(copied).filter(|file| file.is_picture());
            let shown =
                |file: &File| Shown { file: file.clone(), seq: *seq, author: author.clone(), at: *at };
            pictures.map(shown).collect::<Vec<_>>()
        }
        RowKind::Day(_) | RowKind::Unread | RowKind::Beginning | RowKind::Replies(_) => Vec::new(),
    };
    let mut pictures: Vec<Shown> = chat.rows.with(|rows| rows.iter().flat_map(of).collect());
    let thread = chat.thread();
    for shown in thread.root.iter().chain(&thread.rows).flat_map(of) {
        if !pictures.iter().any(|known| known.file.id == shown.file.id) {
            pictures.push(shown);
        }
    }
    pictures.retain(|shown| shown.seq.is_some());
    pictures
}

/// The viewer.
#[component]
pub fn Viewer(room: RoomId, file: FileId) -> impl IntoView {
    let chat = use_chat();
    let words = chat.words;
    let now = RwSignal::new(file);
    let zoom = RwSignal::new(1.0_f64);
    let stage = NodeRef::<html::Div>::new();
    let all = Memo::new(move |_| pictures(chat));
    let at = Memo::new(move |_| all.with(|all| all.iter().position(|shown| shown.file.id == now.get())));
    // Stays when its message is deleted meanwhile, until the viewer closes it.
    let first = untrack(|| at.get().and_then(|at| all.with(|all| all.get(at).cloned())));
    let kept = StoredValue::new(first);
    let shown = move || {
        if let Some(found) = at.get().and_then(|at| all.with(|all| all.get(at).cloned())) {
            kept.set_value(Some(found));
        }
        kept.get_value()
    };
    let beside = move |by: isize| {
        let to = at.get()?.checked_add_signed(by)?;
        all.with(|all| all.get(to).map(|shown| shown.file.id))
    };
    let go = move |by: isize| {
        if let Some(to) = untrack(|| beside(by)) {
            zoom.set(1.0);
            now.set(to);
        }
    };
    let zoom_by = move |by: f64| zoom.update(|zoom| *zoom = (*zoom * by).clamp(1.0, ZOOM_MAX));
    let pressed = move |key: KeyboardEvent| {
        if key.alt_key() || key.ctrl_key() || key.meta_key() {
            return;
        }
        match key.key().as_str() {
            "ArrowLeft" => go(-1),
            "ArrowRight" => go(1),
            "+" | "=" => zoom_by(ZOOM_STEP),
            "-" => zoom_by(1.0 / ZOOM_STEP),
            "0" => zoom.set(1.0),
            _ => return,
        }
        key.prevent_default();
    };
    // With Ctrl: a pinch on a touchpad. Passive listeners could not keep the browser from zooming the page.
    effect(move || {
        let Some(stage) = stage.get() else { return };
        listen(stage.into(), "wheel", false, move |wheel: WheelEvent| {
            if wheel.ctrl_key() {
                wheel.prevent_default();
                zoom_by((-wheel.delta_y() / 200.0).exp());
            }
        });
    });
    // Where the pointer was, while it drags.
    let grabbed = StoredValue::new(None::<(i32, i32)>);
    let moved = StoredValue::new(false);
    let drag = move |pointer: PointerEvent| {
        let (Some((x, y)), Some(stage)) = (grabbed.get_value(), stage.get_untracked()) else { return };
        let now = (pointer.client_x(), pointer.client_y());
        if (now.0 - x).abs() + (now.1 - y).abs() > 3 || moved.get_value() {
            moved.set_value(true);
            stage.set_scroll_left(stage.scroll_left() - (now.0 - x));
            stage.set_scroll_top(stage.scroll_top() - (now.1 - y));
            grabbed.set_value(Some(now));
        }
    };
    let clicked = move |_| {
        if !moved.get_value() {
            zoom.update(|zoom| *zoom = if *zoom > 1.0 { 1.0 } else { 2.0 });
        }
    };
    let step = move |by: isize, class: &'static str, label: &'static str| {
        live(move || {
            beside(by).map(|_| {
                view! {
                    <button type="button" class=class aria-label=label title=label on:click=handler(move |_| go(by))>
                        <Icon name="back"/>
                    </button>
                }
                .into_any()
            })
        })
    };
    let picture = move || {
        let Shown { file, .. } = shown()?;
        let picture = file.picture.clone()?;
        let alt = if file.alt.is_empty() { file.name.clone() } else { file.alt.clone() };
        Some(
            view! {
                <img
                    src=file.address(Some(PictureSize::Large))
                    alt=alt
                    width=picture.width.to_string()
                    height=picture.height.to_string()
                    draggable="false"
                />
            }
            .into_any(),
        )
    };
    let about = move || {
        let Shown { file, seq, author, at: sent_at, .. } = shown()?;
        let address = format!("{}?download", file.address(None));
        let label = words.download_file(&file.name);
        let count = all.with(Vec::len);
        let number = at
            .get()
            .filter(|_| count > 1)
            .map(|at| words.picture_of(&count.to_string(), &(at + 1).to_string()));
        let moment = words.moment(sent_at, chat.clock.get_untracked());
        let size = words.file_size(file.size);
        let alt = (!file.alt.is_empty())
            .then(|| view! { <p class="viewer-alt" dir="auto">{file.alt.clone()}</p> }.into_any());
        let go_there = seq.map(|seq| {
            let go = handler(move |_| chat.show_message(room, seq));
            view! { <button type="button" class="button" on:click=go>{words.show_message()}</button> }
                .into_any()
        });
        Some(
            view! {
                {alt}
                <p class="viewer-about">
                    <strong dir="auto">{author.name.clone()}</strong>
                    <span>{moment}</span>
                    <span class="file-name" dir="auto">{file.name.clone()}</span>
                    <span>{size}</span>
                    {number.map(|number| view! { <span role="status">{number}</span> }.into_any())}
                </p>
                {go_there}
                <a class="icon-button" href=address download="" aria-label=label.clone() title=label><Icon name="download"/></a>
            }
            .into_any(),
        )
    };
    let title =
        kept.with_value(|shown| shown.as_ref().map(|shown| shown.file.name.clone())).unwrap_or_default();
    let zoom_button = move |icon: &'static str, label: &'static str, by: f64| {
        view! {
            <button type="button" class="icon-button" aria-label=label title=label on:click=handler(move |_| zoom_by(by))>
                <Icon name=icon/>
            </button>
        }
        .into_any()
    };
    view! {
        <DialogFrame title>
            <div class="viewer" class:zoomed=live(move || zoom.get() > 1.0) on:keydown=key_handler(pressed) tabindex="-1" autofocus>
                {step(-1, "viewer-step before", words.previous_picture())}
                <div
                    class="viewer-stage"
                    node_ref=stage
                    on:pointerdown=handler(move |pointer: PointerEvent| {
                        moved.set_value(false);
                        // Fingers scroll by themselves.
                        let is_mouse = pointer.pointer_type() == "mouse" && pointer.button() == 0;
                        grabbed.set_value(is_mouse.then(|| (pointer.client_x(), pointer.client_y())));
                    })
                    on:pointermove=handler(drag)
                    on:pointerup=handler(move |_: PointerEvent| grabbed.set_value(None))
                    on:pointerleave=handler(move |_: PointerEvent| grabbed.set_value(None))
                    on:click=handler(clicked)
                >
                    <div class="viewer-picture" style:width=live(move || percent(zoom.get())) style:height=live(move || percent(zoom.get()))>
                        {live(picture)}
                    </div>
                </div>
                {step(1, "viewer-step after", words.next_picture())}
                <footer class="viewer-foot">
                    {live(about)}
                    {zoom_button("zoom-out", words.zoom_out(), 1.0 / ZOOM_STEP)}
                    {zoom_button("zoom-in", words.zoom_in(), ZOOM_STEP)}
                </footer>
            </div>
        </DialogFrame>
    }
}

/// In tenths of a percent. Formatting a float would need 5 kB more of code.
fn percent(zoom: f64) -> String {
    let tenths = (zoom * 1_000.0) as u32;
    format!("{}.{}%", tenths / 10, tenths % 10)
}

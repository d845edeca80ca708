//! The files that are attached at a composer, above the text: what they are, how much of each has arrived, and what one can do with
//! them. Also accepts files that are dropped on a room or on a thread.

use leptos::{ev, prelude::*};
use protocol::{ErrorCode, FileId, limits};
use wasm_bindgen::JsCast;
use web_sys::{DragEvent, Element, Event, KeyboardEvent};

use super::{files::file_name, icon::Icon, list, list_item};
use crate::components::attributes::{AriaAttributes, GlobalAttributes};
use crate::components::{effect, handler, key_handler, live};
use crate::{
    address::{Panel, use_address},
    browser,
    state::{Chat, Desk, LocalFile, Upload, use_chat},
};

/// The attribute of the part of the page over which files hover, with what is said there.
const DROPPING: &str = "data-dropping";

/// The attached files of one composer.
#[derive(Clone, Copy)]
struct Tray {
    chat: Chat,
    desk: Desk,
    /// The file that is being described.
    described: RwSignal<Option<FileId>>,
    /// The file that is being dragged.
    dragged: StoredValue<Option<FileId>>,
}

/// The attached files.
#[component]
pub fn Attached(desk: Desk) -> impl IntoView {
    let chat = use_chat();
    let tray = Tray { chat, desk, described: RwSignal::new(None), dragged: StoredValue::new(None) };
    let ids = Memo::new(move |_| chat.attached(desk).iter().map(|local| local.file.id).collect::<Vec<_>>());
    let items = list(move || ids.get().into_iter().map(|id| list_item(id, move || tray.item(id))).collect());
    let failed = Memo::new(move |_| tray.failed());
    view! {
        <div class="attached">
            <ul class="attached-list" aria-label=chat.words.attached_files()>{items}</ul>
            {live(move || tray.described.get().map(|id| tray.description(id)))}
            {live(move || failed.get().map(|why| view! { <p class="attached-failed" role="alert">{why}</p> }.into_any()))}
        </div>
    }
}

impl Tray {
    fn file(self, id: FileId) -> Option<LocalFile> {
        self.chat.local_file(id)
    }

    /// Why a file was not uploaded.
    fn failed(self) -> Option<String> {
        let words = self.chat.words;
        self.chat.attached(self.desk).into_iter().find_map(|local| match local.upload {
            Upload::Failed(refusal) => {
                let is_lost = refusal.code == ErrorCode::FileUnknown;
                let why = if is_lost { words.file_lost().to_owned() } else { words.refusal(&refusal) };
                Some(words.file_failed(&local.file.name, &why))
            }
            Upload::Running | Upload::Waiting | Upload::Done => None,
        })
    }

    fn compose(self) {
        match self.desk.thread {
            Some(_) => self.chat.screen.compose_reply(),
            None => self.chat.screen.compose(),
        }
    }

    fn item(self, id: FileId) -> AnyView {
        let (chat, words) = (self.chat, self.chat.words);
        let Some(LocalFile { file, .. }) = untrack(|| self.file(id)) else { return ().into_any() };
        let (name, size, is_picture) = (file.name.clone(), file.size, file.is_picture());
        let preview = Memo::new(move |_| self.file(id).and_then(|local| local.preview));
        let picture = live(move || match preview.get() {
            Some(source) if is_picture => view! { <img src=source alt="" draggable="false"/> }.into_any(),
            Some(_) | None => view! { <Icon name="file"/> }.into_any(),
        });
        let progress = live(move || {
            let local = self.file(id)?;
            matches!(local.upload, Upload::Running | Upload::Waiting).then(|| {
                let (max, sent) = (size.max(1).to_string(), local.sent.to_string());
                view! { <progress class="upload" max=max value=sent aria-hidden="true"></progress> }
                    .into_any()
            })
        });
        let state = live(move || {
            let local = self.file(id);
            match local.as_ref().map(|local| &local.upload) {
                Some(Upload::Running) => {
                    let sent = local.map_or(0, |local| local.sent);
                    words.file_sent_of(&words.file_size(sent), &words.file_size(size))
                }
                Some(Upload::Waiting) => words.file_waits().to_owned(),
                Some(Upload::Failed(_)) => words.not_sent().to_owned(),
                Some(Upload::Done) | None => words.file_size(size),
            }
        });
        let is_done = Memo::new(move |_| self.file(id).is_some_and(|local| local.upload == Upload::Done));
        let is_failed =
            Memo::new(move |_| self.file(id).is_some_and(|local| matches!(local.upload, Upload::Failed(_))));
        let is_described = Memo::new(move |_| self.file(id).is_some_and(|local| !local.file.alt.is_empty()));
        let remove = move |_| {
            if self.described.get_untracked() == Some(id) {
                self.described.set(None);
            }
            chat.detach(id);
            // The button is gone, and with it the focus.
            self.compose();
        };
        let describe = is_picture.then(|| {
            let open =
                move |_| self.described.update(|of| *of = if *of == Some(id) { None } else { Some(id) });
            view! {
                <button
                    type="button"
                    class="attached-act describe"
                    class:on=live(move || is_described.get())
                    aria-label=words.describe_file(&name)
                    title=words.describe_file(&name)
                    aria-expanded=live(move || (self.described.get() == Some(id)).to_string())
                    on:click=handler(open)
                >
                    "ALT"
                </button>
            }
            .into_any()
        });
        let again = live(move || {
            is_failed.get().then(|| {
                let again = handler(move |_| chat.retry_upload(id));
                view! { <button type="button" class="attached-again" on:click=again>{words.try_again()}</button> }
                    .into_any()
            })
        });
        let moved = move |key: KeyboardEvent| {
            let to = match key.key().as_str() {
                "ArrowLeft" => -1,
                "ArrowRight" => 1,
                _ => return,
            };
            if key.alt_key() && !key.ctrl_key() && !key.meta_key() {
                key.prevent_default();
                self.move_by(id, to);
            }
        };
        let grabbed = move |drag: DragEvent| {
            self.dragged.set_value(Some(id));
            if let Some(data) = drag.data_transfer() {
                data.set_effect_allowed("move");
                // Firefox drags nothing without data.
                drop(data.set_data("text/plain", ""));
            }
        };
        let over = move |drag: DragEvent| {
            if self.dragged.get_value().is_some() {
                drag.prevent_default();
            }
        };
        let dropped = move |drag: DragEvent| {
            if let Some(from) = self.dragged.get_value() {
                drag.prevent_default();
                self.dragged.set_value(None);
                chat.move_attached(from, id);
            }
        };
        let remove_label = words.remove_named(&name);
        view! {
            <li
                class="attached-file"
                class:done=live(move || is_done.get())
                class:failed=live(move || is_failed.get())
                draggable="true"
                title=words.move_file_hint()
                data-file=id.to_string()
                on:keydown=key_handler(moved)
                on:dragstart=handler(grabbed)
                on:dragover=handler(over)
                on:drop=handler(dropped)
                on:dragend=handler(move |_: DragEvent| self.dragged.set_value(None))
            >
                <span class="attached-picture">{picture} {progress}</span>
                <span class="attached-about">
                    {file_name(&name)}
                    <span class="file-size">{state}</span>
                    {again}
                </span>
                {describe}
                <button
                    type="button"
                    class="attached-act"
                    aria-label=remove_label.clone()
                    title=remove_label
                    on:click=handler(remove)
                >
                    <Icon name="close"/>
                </button>
            </li>
        }
        .into_any()
    }

    /// Moves a file one place; its button keeps the focus.
    fn move_by(self, id: FileId, by: isize) {
        let ids: Vec<FileId> =
            untrack(|| self.chat.attached(self.desk)).iter().map(|one| one.file.id).collect();
        let at = ids.iter().position(|one| *one == id).and_then(|at| at.checked_add_signed(by));
        let Some(to) = at.and_then(|at| ids.get(at)) else { return };
        let had = document().active_element();
        self.chat.move_attached(id, *to);
        request_animation_frame(move || {
            if let Some(had) = had.and_then(|had| had.dyn_into::<web_sys::HtmlElement>().ok()) {
                drop(had.focus());
            }
        });
    }

    /// The field that says what a picture shows.
    fn description(self, id: FileId) -> AnyView {
        let words = self.chat.words;
        let field = NodeRef::<leptos::html::Input>::new();
        let Some(LocalFile { file, .. }) = untrack(|| self.file(id)) else { return ().into_any() };
        effect(move || {
            if let Some(field) = field.get() {
                drop(field.focus());
            }
        });
        let done = move |key: KeyboardEvent| {
            // Enter would send the message.
            if key.key() == "Enter" || key.key() == "Escape" {
                key.prevent_default();
                key.stop_propagation();
                self.described.set(None);
                self.compose();
            }
        };
        view! {
            <label class="attached-description">
                <span>{words.describe_file(&file.name)}</span>
                <input
                    type="text"
                    maxlength=limits::FILE_ALT_CHARS_MAX.to_string()
                    placeholder=words.file_description_hint()
                    aria-label=words.file_description()
                    autocomplete="off"
                    dir="auto"
                    prop:value=file.alt
                    node_ref=field
                    on:input:target=move |input| self.chat.describe(id, input.target().value())
                    on:keydown=key_handler(done)
                />
            </label>
        }
        .into_any()
    }
}

/// Accepts files that are dropped on a room or on a thread, for as long as the page lives.
pub(crate) fn listen_for_drops(chat: Chat) {
    let address = use_address();
    let panel = move || untrack(|| address.panel());
    let has_files =
        |drag: &DragEvent| drag.data_transfer().is_some_and(|data| data.types().includes(&"Files".into(), 0));
    let place = |event: &Event| {
        let target: Element = event.target()?.dyn_into().ok()?;
        let place = target.closest(".thread, .pane-main").ok()??;
        // Whoever may not write here has no composer.
        place.query_selector("form.composer").ok()?.map(|_| place)
    };
    let clear = || {
        if let Ok(Some(place)) = document().query_selector(&format!("[{DROPPING}]")) {
            drop(place.remove_attribute(DROPPING));
        }
    };
    drop(window_event_listener(ev::dragover, move |drag| {
        if !has_files(&drag) {
            return;
        }
        // Otherwise the browser would leave the page and open the file.
        drag.prevent_default();
        let place = place(&drag);
        if place.as_ref().is_none_or(|place| !place.has_attribute(DROPPING)) {
            clear();
        }
        if let Some(data) = drag.data_transfer() {
            data.set_drop_effect(if place.is_some() { "copy" } else { "none" });
        }
        if let Some(place) = place {
            drop(place.set_attribute(DROPPING, chat.words.drop_files()));
        }
    }));
    drop(window_event_listener(ev::dragleave, move |drag| {
        // The pointer has left the window.
        if drag.related_target().is_none() {
            clear();
        }
    }));
    drop(window_event_listener(ev::drop, move |drag| {
        clear();
        if !has_files(&drag) {
            return;
        }
        drag.prevent_default();
        let files = drag.data_transfer().and_then(|data| data.files());
        let (Some(place), Some(files), Some(room)) = (place(&drag), files, chat.room.get_untracked()) else {
            return;
        };
        let thread = match panel() {
            Some(Panel::Thread(root)) if place.class_list().contains("thread") => Some(root),
            Some(_) | None => None,
        };
        chat.attach(Desk { room, thread }, &files);
        browser::focus_soon(&place, "form.composer textarea");
    }));
}

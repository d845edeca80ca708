//! Files on this device on their way to the server: those that are attached to what is being written, and those of messages that wait to
//! be sent.
//!
//! `frontend/uploads.js` has their bytes and uploads them. Both ends talk by events: `roost:upload` says what to do, `roost:files` what
//! happened. The part that listens comes with the chunk `files`.

use leptos::prelude::*;
use protocol::{ErrorCode, File, FileId, Picture, Refusal, limits};
use roost_json::FromJson;
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast, JsValue};

use super::{Chat, Desk};
use crate::{browser, components::effect, later};

/// A file on this device.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalFile {
    /// What is known of it. Once it is uploaded, the server's word counts.
    pub file: File,
    /// The composer to which it is attached; `None` once its message is sent.
    pub desk: Option<Desk>,
    /// Bytes that have arrived at the server.
    pub sent: u64,
    /// The state of its upload.
    pub upload: Upload,
    /// The address of the picture on this device.
    pub preview: Option<String>,
    /// Its message is stored. It stays here only for the preview, so that no picture flickers.
    pub(crate) is_over: bool,
}

/// The state of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upload {
    /// It is on its way, or waits for another upload.
    Running,
    /// It waits for the connection.
    Waiting,
    /// A server has it.
    Done,
    /// It was refused.
    Failed(Refusal),
}

/// What is kept of an attached file until the page is reloaded.
#[derive(Serialize, Deserialize, FromJson)]
struct Kept {
    desk: String,
    file: File,
}

/// What `uploads.js` tells.
#[derive(Deserialize, FromJson)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Heard {
    /// The user has added files.
    Added { desk: String, files: Vec<Picked> },
    /// So many bytes have arrived.
    Progress { id: FileId, sent: u64 },
    /// The connection is lost, or the server is busy.
    Waiting { id: FileId },
    /// A server has stored it.
    Done { file: File },
    /// It was refused.
    Failed { id: FileId, refusal: Refusal },
    /// This browser does not have its bytes.
    Lost { id: FileId },
    /// Where this device shows a picture of an earlier page.
    Preview { id: FileId, preview: String },
    /// The code that uploads did not load.
    Missing {},
}

/// A file as the user picked it.
#[derive(Deserialize, FromJson)]
struct Picked {
    id: FileId,
    name: String,
    size: u64,
    media: String,
    #[serde(default)]
    preview: Option<String>,
    #[serde(default)]
    width: Option<u32>,
    #[serde(default)]
    height: Option<u32>,
}

impl Chat {
    /// The files that are attached at a composer, in their order.
    #[must_use]
    pub fn attached(self, desk: Desk) -> Vec<LocalFile> {
        self.files.with(|files| files.iter().filter(|file| file.desk == Some(desk)).cloned().collect())
    }

    /// Whether there are some.
    #[must_use]
    pub fn has_attached(self, desk: Desk) -> bool {
        self.files.with(|files| files.iter().any(|file| file.desk == Some(desk)))
    }

    /// A file on this device.
    #[must_use]
    pub fn local_file(self, id: FileId) -> Option<LocalFile> {
        self.files.with(|files| files.iter().find(|file| file.file.id == id).cloned())
    }

    /// Whether one of these files has not arrived at a server yet.
    #[must_use]
    pub fn is_uploading(self, ids: &[FileId]) -> bool {
        let is_coming = |local: &LocalFile| ids.contains(&local.file.id) && local.upload != Upload::Done;
        self.files.with(|files| files.iter().any(is_coming))
    }

    /// Attaches files from a `FileList`, and begins to upload them.
    pub fn attach(self, desk: Desk, files: &JsValue) {
        let files = js_sys::Array::from(files);
        if files.length() == 0 {
            return;
        }
        later::with_files(self, move || self.ask_to_add(desk, &files));
    }

    /// The attached files go with a message that is being sent.
    pub(super) fn let_go(self, desk: Desk) {
        self.files.update(|files| {
            files.iter_mut().filter(|file| file.desk == Some(desk)).for_each(|file| file.desk = None);
        });
    }

    /// The files of a message that was taken back are attached again.
    pub(super) fn attach_again(self, desk: Desk, files: &[File]) {
        if files.is_empty() {
            return;
        }
        self.files.update(|local| {
            for file in files {
                match local.iter_mut().find(|one| one.file.id == file.id) {
                    Some(known) => known.desk = Some(desk),
                    None => local.push(LocalFile::of(file.clone(), Some(desk))),
                }
            }
        });
    }

    /// Tries again to upload the files of a message.
    pub(super) fn upload_again(self, files: &[File]) {
        if files.is_empty() {
            return;
        }
        let files = files.to_vec();
        later::with_files(self, move || {
            for file in &files {
                self.retry_upload(file.id);
            }
        });
    }
}

impl LocalFile {
    fn of(file: File, desk: Option<Desk>) -> Self {
        Self { file, desk, sent: 0, upload: Upload::Running, preview: None, is_over: false }
    }
}

// ── what comes with the chunk `files` ────────────────────────────────────────────────────────────────────────────────

/// Asks `uploads.js` for something. `fields` are the fields of the event's `detail`.
fn ask(chat: Chat, what: &str, fields: &[(&str, JsValue)]) {
    let detail = js_sys::Object::new();
    let own = [("what", what.into()), ("user", chat.me.to_string().into())];
    for (name, value) in own.iter().chain(fields) {
        drop(js_sys::Reflect::set(&detail, &(*name).into(), value));
    }
    browser::dispatch("roost:upload", &detail);
}

fn is_kept_as(chat: Chat) -> String {
    format!("roost:{}:attached", chat.me)
}

impl Chat {
    /// Listens to `uploads.js` for as long as the page lives, and goes on with what an earlier page has begun. Called once.
    pub(crate) fn listen_to_uploads(self) {
        let hear = move |event: web_sys::CustomEvent| {
            let told = event.detail().as_string().and_then(|text| roost_json::from_str(&text).ok());
            if let Some(told) = told {
                self.hear_upload(told);
            }
        };
        drop(window_event_listener_untyped("roost:files", move |event| {
            if let Ok(event) = event.dyn_into() {
                hear(event);
            }
        }));
        self.resume_uploads();
        effect(move || self.keep_attached());
        effect(move || {
            self.outbox_news.track();
            untrack(|| self.settle_uploads());
        });
    }

    fn hear_upload(self, told: Heard) {
        match told {
            Heard::Added { desk, files } => {
                if let Some(desk) = Desk::parse(&desk) {
                    self.added(desk, files);
                }
            }
            Heard::Progress { id, sent } => self.change_local(id, |file| {
                file.sent = sent;
                file.upload = Upload::Running;
            }),
            Heard::Waiting { id } => self.change_local(id, |file| file.upload = Upload::Waiting),
            Heard::Done { file } => {
                self.change_local(file.id, |local| {
                    let alt = std::mem::take(&mut local.file.alt);
                    local.file = File { alt, ..file.clone() };
                    local.sent = file.size;
                    local.upload = Upload::Done;
                });
                self.tell(|client, now| client.uploaded(&file, now));
            }
            Heard::Failed { id, refusal } => self.upload_failed(id, refusal),
            Heard::Lost { id } => {
                self.upload_failed(id, ErrorCode::FileUnknown.into());
            }
            Heard::Preview { id, preview } => self.change_local(id, |file| file.preview = Some(preview)),
            Heard::Missing {} => self.tell_all(self.words.part_not_loaded().to_owned(), None),
        }
    }

    fn change_local(self, id: FileId, change: impl FnOnce(&mut LocalFile)) {
        self.files.update(|files| {
            if let Some(file) = files.iter_mut().find(|file| file.file.id == id) {
                change(file);
            }
        });
    }

    fn upload_failed(self, id: FileId, refusal: Refusal) {
        self.change_local(id, |file| file.upload = Upload::Failed(refusal.clone()));
        self.tell(|client, _| client.refuse_file(id, &refusal));
    }

    fn added(self, desk: Desk, picked: Vec<Picked>) {
        let free = limits::FILES_MAX.saturating_sub(untrack(|| self.attached(desk)).len());
        let mut too_many = false;
        self.files.update(|files| {
            for (n, one) in picked.into_iter().enumerate() {
                if n >= free {
                    too_many = true;
                    ask(self, "cancel", &[("id", one.id.to_string().into())]);
                    continue;
                }
                let picture = one.width.zip(one.height).map(|(width, height)| {
                    let blur = String::new();
                    Picture { width, height, blur }
                });
                let Picked { id, name, size, media, preview, .. } = one;
                let file =
                    File { id, name, size, media, alt: String::new(), picture, excerpt: String::new() };
                files.push(LocalFile { preview, ..LocalFile::of(file, Some(desk)) });
            }
        });
        if too_many {
            self.tell_all(self.words.refused_files_many(limits::FILES_MAX), None);
        }
    }

    pub(crate) fn ask_to_add(self, desk: Desk, files: &js_sys::Array) {
        ask(self, "add", &[("desk", desk.to_string().into()), ("files", files.into())]);
    }

    pub(crate) fn retry_upload(self, id: FileId) {
        self.change_local(id, |file| file.upload = Upload::Running);
        ask(self, "retry", &[("id", id.to_string().into())]);
    }

    /// Removes an attached file.
    pub(crate) fn detach(self, id: FileId) {
        self.files.update(|files| files.retain(|file| file.file.id != id));
        ask(self, "cancel", &[("id", id.to_string().into())]);
    }

    /// Says what a file shows.
    pub(crate) fn describe(self, id: FileId, alt: String) {
        self.change_local(id, |file| file.file.alt = alt);
    }

    /// Moves an attached file before or after another one of the same composer.
    pub(crate) fn move_attached(self, id: FileId, to: FileId) {
        self.files.update(|files| {
            let at = |id| files.iter().position(|file| file.file.id == id);
            if let (Some(from), Some(to)) = (at(id), at(to)) {
                let file = files.remove(from);
                files.insert(to, file);
            }
        });
    }

    /// Goes on with the uploads of an earlier page.
    fn resume_uploads(self) {
        let kept = browser::take_word(&is_kept_as(self));
        let kept: Vec<Kept> = kept.and_then(|text| roost_json::from_str(&text).ok()).unwrap_or_default();
        let attached = kept.into_iter().filter_map(|kept| Some((Some(Desk::parse(&kept.desk)?), kept.file)));
        let waiting = self.client.with_value(|client| {
            let items = client.outbox().items().iter();
            items.flat_map(|item| item.files.clone()).map(|file| (None, file)).collect::<Vec<_>>()
        });
        let known =
            self.files.with_untracked(|files| files.iter().map(|file| file.file.id).collect::<Vec<_>>());
        let new: Vec<(Option<Desk>, File)> =
            attached.chain(waiting).filter(|(_, file)| !known.contains(&file.id)).collect();
        let asked = js_sys::Array::new();
        for (_, file) in &new {
            let one = js_sys::Object::new();
            drop(js_sys::Reflect::set(&one, &"id".into(), &file.id.to_string().into()));
            drop(js_sys::Reflect::set(&one, &"name".into(), &file.name.as_str().into()));
            asked.push(&one);
        }
        if new.is_empty() {
            return;
        }
        self.files
            .update(|files| files.extend(new.into_iter().map(|(desk, file)| LocalFile::of(file, desk))));
        ask(self, "resume", &[("files", asked.into())]);
    }

    /// Attached files survive a reload of this tab.
    fn keep_attached(self) {
        let kept: Vec<Kept> = self.files.with(|files| {
            let kept =
                |local: &LocalFile| Some(Kept { desk: local.desk?.to_string(), file: local.file.clone() });
            files.iter().filter_map(kept).collect()
        });
        let text =
            if kept.is_empty() { String::new() } else { serde_json::to_string(&kept).unwrap_or_default() };
        browser::leave_word(&is_kept_as(self), &text);
    }

    /// Messages have been stored or taken back: forgets the bytes of their files. If the servers have lost a file for which a message
    /// waits, it is uploaded again.
    fn settle_uploads(self) {
        let is_lost = |file: &LocalFile| {
            let waits = |client: &client::Client| client.outbox().waits_for(file.file.id);
            file.desk.is_none() && file.upload == Upload::Done && self.client.with_value(waits)
        };
        let lost = self.files.with_untracked(|files| {
            files.iter().filter(|file| is_lost(file)).map(|file| file.file.id).collect::<Vec<_>>()
        });
        lost.into_iter().for_each(|file| self.retry_upload(file));
        let waiting: Vec<FileId> = self.client.with_value(|client| {
            client.outbox().items().iter().flat_map(|item| item.files.iter().map(|file| file.id)).collect()
        });
        let is_over =
            |file: &LocalFile| file.desk.is_none() && !file.is_over && !waiting.contains(&file.file.id);
        let over = self.files.with_untracked(|files| {
            files
                .iter()
                .filter(|file| is_over(file))
                .map(|file| (file.file.id, file.upload == Upload::Done))
                .collect::<Vec<_>>()
        });
        for (id, is_stored) in over {
            let what = if is_stored { "forget" } else { "cancel" };
            ask(self, what, &[("id", id.to_string().into())]);
            match is_stored {
                true => self.change_local(id, |file| file.is_over = true),
                false => self.files.update(|files| files.retain(|file| file.file.id != id)),
            }
        }
    }
}

//! What outlives the page in this browser: drafts, edits, and unacknowledged messages.
//!
//! Each message has its own key, so that two tabs never overwrite each other's. Both may send it;
//! the server recognises the repeat by its nonce. Keys begin with the user's id: another user of
//! the same browser neither sees nor sends them. Signing out removes them (`plain/script.js`).

use client::{Edit, LocalDraft, Outbox, Pending, sort_by};
use leptos::prelude::window;
use protocol::{Nonce, RoomId, UserId};
use web_sys::Storage;

use super::Desk;

/// The keys of one person.
#[derive(Clone, Debug)]
pub(crate) struct Saved {
    prefix: String,
    kept: Vec<Nonce>,
    /// Drafts that the browser would not store: they last as long as the page.
    drafts: Vec<(Desk, LocalDraft)>,
}

impl Saved {
    pub(crate) fn of(user: UserId) -> Self {
        Self { prefix: format!("roost:{user}:"), kept: Vec::new(), drafts: Vec::new() }
    }

    /// Messages of earlier pages that were not acknowledged, in the order of writing.
    pub(crate) fn load(&self) -> Vec<Pending> {
        let Some(storage) = storage() else { return Vec::new() };
        let prefix = format!("{}out:", self.prefix);
        let mut pending: Vec<Pending> = keys(&storage)
            .filter(|key| key.starts_with(&prefix))
            .filter_map(|key| storage.get_item(&key).ok()?)
            .filter_map(|text| roost_json::from_str(&text).ok())
            .collect();
        sort_by(&mut pending, |a, b| a.written_at.cmp(&b.written_at));
        pending
    }

    /// Stores unacknowledged messages, and removes acknowledged ones.
    pub(crate) fn keep_outbox(&mut self, outbox: &Outbox) {
        let Some(storage) = storage() else { return };
        let now: Vec<Nonce> = outbox.items().iter().map(|item| item.nonce).collect();
        for nonce in self.kept.iter().filter(|nonce| !now.contains(nonce)) {
            remove(&storage, &self.out_key(*nonce));
        }
        for item in outbox.items().iter().filter(|item| !self.kept.contains(&item.nonce)) {
            if let Ok(text) = serde_json::to_string(item) {
                set(&storage, &self.out_key(item.nonce), &text);
            }
        }
        self.kept = now;
    }

    /// Stores unacknowledged messages again, because a tab that signed out may have cleared them
    /// for all tabs. What a user has sent is sent without asking again.
    pub(crate) fn keep_outbox_again(&mut self, outbox: &Outbox) {
        self.kept.clear();
        self.keep_outbox(outbox);
    }

    pub(crate) fn draft(&self, desk: Desk) -> String {
        self.local_draft(desk).text
    }

    /// A draft with what a server has of it.
    pub(crate) fn local_draft(&self, desk: Desk) -> LocalDraft {
        let here = self.drafts.iter().find(|(of, _)| *of == desk).map(|(_, draft)| draft.clone());
        let kept = || Some(LocalDraft::from_kept(&storage()?.get_item(&self.draft_key(desk)).ok()??));
        here.or_else(kept).unwrap_or_default()
    }

    /// Where there is a draft, or where a server still has one.
    pub(crate) fn desks(&self) -> Vec<Desk> {
        let prefix = self.draft_key("");
        let desk = |key: String| Desk::parse(key.strip_prefix(&prefix)?);
        let mut desks: Vec<Desk> = storage().iter().flat_map(keys).filter_map(desk).collect();
        for (here, _) in &self.drafts {
            if !desks.contains(here) {
                desks.push(*here);
            }
        }
        desks
    }

    /// Whether something was written in a room or in one of its threads.
    pub(crate) fn has_draft_of(&self, room: RoomId) -> bool {
        !self.drafts_of(room).is_empty()
    }

    /// The drafts of a room and its threads, in the order of their roots.
    pub(crate) fn drafts_of(&self, room: RoomId) -> Vec<(Desk, String)> {
        let mut desks = self.desks();
        desks.retain(|desk| desk.room == room);
        sort_by(&mut desks, |a, b| a.thread.cmp(&b.thread));
        let drafts = desks.into_iter().map(|desk| (desk, self.draft(desk)));
        drafts.filter(|(_, text)| !text.trim().is_empty()).collect()
    }

    pub(crate) fn keep_draft(&mut self, desk: Desk, text: &str) {
        let mut draft = self.local_draft(desk);
        text.clone_into(&mut draft.text);
        self.keep_local_draft(desk, draft);
    }

    /// Lets a draft hear of the server's state, and keeps the result. Returns whether its text has changed.
    pub(crate) fn hear_draft(&mut self, desk: Desk, hear: impl FnOnce(&mut LocalDraft) -> bool) -> bool {
        let mut draft = self.local_draft(desk);
        let before = draft.clone();
        let is_changed = hear(&mut draft);
        if draft != before {
            self.keep_local_draft(desk, draft);
        }
        is_changed
    }

    fn keep_local_draft(&mut self, desk: Desk, draft: LocalDraft) {
        self.drafts.retain(|(of, _)| *of != desk);
        let key = self.draft_key(desk);
        let is_kept = storage().is_some_and(|storage| match draft.to_kept() {
            Some(kept) => set(&storage, &key, &kept),
            None => remove(&storage, &key),
        });
        if !is_kept {
            self.drafts.push((desk, draft));
        }
    }

    pub(crate) fn habit(&self, name: &str) -> String {
        let kept = || storage()?.get_item(&self.habit_key(name)).ok()?;
        kept().unwrap_or_default()
    }

    pub(crate) fn keep_habit(&self, name: &str, text: &str) {
        if let Some(storage) = storage() {
            // Without storage, it is forgotten with the page.
            set(&storage, &self.habit_key(name), text);
        }
    }

    pub(crate) fn edit(&self, room: RoomId) -> Option<Edit> {
        Edit::from_kept(room, &storage()?.get_item(&self.edit_key(room)).ok()??)
    }

    pub(crate) fn keep_edit(&self, room: RoomId, edit: Option<&Edit>) {
        let Some(storage) = storage() else { return };
        match edit {
            Some(edit) => drop(set(&storage, &self.edit_key(room), &edit.to_kept())),
            None => drop(remove(&storage, &self.edit_key(room))),
        }
    }

    /// The number of the last reminder whose notice was closed.
    pub(crate) fn told(&self) -> i64 {
        let kept = || storage()?.get_item(&self.told_key()).ok()??.parse().ok();
        kept().unwrap_or_default()
    }

    pub(crate) fn keep_told(&self, rev: i64) {
        if let Some(storage) = storage() {
            set(&storage, &self.told_key(), &rev.to_string());
        }
    }

    fn told_key(&self) -> String {
        format!("{}told", self.prefix)
    }

    fn out_key(&self, nonce: Nonce) -> String {
        format!("{}out:{nonce}", self.prefix)
    }

    fn habit_key(&self, name: &str) -> String {
        format!("{}habit:{name}", self.prefix)
    }

    fn edit_key(&self, room: RoomId) -> String {
        format!("{}edit:{room}", self.prefix)
    }

    fn draft_key(&self, desk: impl std::fmt::Display) -> String {
        format!("{}draft:{desk}", self.prefix)
    }
}

/// `None` if the browser stores nothing for us. A reload then forgets; everything else works.
fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

fn keys(storage: &Storage) -> impl Iterator<Item = String> + '_ {
    (0..storage.length().unwrap_or_default()).filter_map(|n| storage.key(n).ok().flatten())
}

/// Returns whether the text was stored; it is not if the storage is full.
fn set(storage: &Storage, key: &str, text: &str) -> bool {
    storage.set_item(key, text).is_ok()
}

fn remove(storage: &Storage, key: &str) -> bool {
    storage.remove_item(key).is_ok()
}

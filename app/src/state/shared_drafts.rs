//! Drafts on the viewer's line, so that they can go on writing on another device.
//!
//! The browser's storage has each draft first, at each keystroke ([`Saved`](super::storage::Saved)). A server is told a little later.
//! What other devices have written goes into the storage, too, and from there into the composers. How two texts become one is in
//! [`LocalDraft`](client::LocalDraft).
//!
//! Most of this comes with the chunk `writing` (see `later.rs`). Without it, drafts stay on their device until it is there.

use std::time::Duration;

use client::Link;
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*};
use protocol::{Change, Command, Epoch, ErrorCode, Refusal, Reply, Retry, Seq};

use super::{Chat, Desk};
use crate::later;

/// A server is told what was written after a pause of this length. Most messages are sent before.
const STORE_AFTER: Duration = Duration::from_secs(2);
/// The pause after a failure of the server.
const STORE_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// Drafts that a server is asked to store at the same time.
const STORE_AT_ONCE: usize = 4;

/// What servers have been told, and have told.
#[derive(Default)]
pub(super) struct SharedDrafts {
    timer: Option<TimeoutHandle>,
    asked: Vec<Desk>,
    /// These texts are not told again.
    refused: Vec<(Desk, String)>,
    /// Nothing is told or taken over now.
    is_held: bool,
    /// Everything up to this number was heard.
    heard: (Option<Epoch>, Option<Seq>),
}

impl Chat {
    /// Something was written: tells the server once there is a pause.
    pub(super) fn store_drafts_soon(self) {
        self.store_drafts_after(STORE_AFTER);
    }

    fn store_drafts_after(self, pause: Duration) {
        self.shared_drafts.update_value(|shared| {
            if let Some(timer) = shared.timer.take() {
                timer.clear();
            }
            shared.timer = set_timeout_with_handle(move || later::share_drafts(self, true), pause).ok();
        });
    }

    /// There is a connection again, perhaps to a server that stores what another one refused.
    pub(super) fn store_drafts_again(self) {
        self.shared_drafts.update_value(|shared| shared.refused.clear());
        self.store_drafts_soon();
    }

    /// While an input method composes, its text stays as it is.
    pub fn hold_drafts(self, is_held: bool) {
        let was_held = self.shared_drafts.with_value(|shared| shared.is_held);
        self.shared_drafts.update_value(|shared| shared.is_held = is_held);
        if was_held && !is_held {
            later::share_drafts(self, false);
            self.store_drafts_soon();
        }
    }

    // ── in the chunk ─────────────────────────────────────────────────────────────────────────────

    /// Takes over what the viewer's other devices have written, and, if it is time, tells the server what this one has.
    pub(crate) fn share_drafts(self, is_time: bool) {
        // What the server has is heard first.
        let is_known = self.client.with_value(|client| client.personal().is_known());
        if !is_known || self.shared_drafts.with_value(|shared| shared.is_held) {
            return;
        }
        self.hear_drafts();
        if is_time && self.link.get_untracked() == Link::Live {
            self.store_drafts();
        }
    }

    fn hear_drafts(self) {
        let (heard, through) = self.client.with_value(|client| {
            let personal = client.personal();
            let newest = personal.drafts().iter().map(|draft| draft.rev).chain(personal.through()).max();
            ((client.epoch(), newest), personal.through())
        });
        if self.shared_drafts.with_value(|shared| shared.heard == heard) {
            return;
        }
        self.shared_drafts.update_value(|shared| shared.heard = heard);
        let told = self.client.with_value(|client| client.personal().drafts().to_vec());
        let mut is_changed = false;
        self.saved.update_value(|saved| {
            let mut gone = saved.desks();
            for draft in told {
                let desk = Desk { room: draft.room, thread: draft.thread };
                gone.retain(|of| *of != desk);
                is_changed |= saved.hear_draft(desk, |local| local.hear(&draft.body, draft.rev, heard.0));
            }
            if let Some(through) = through {
                for desk in gone {
                    is_changed |= saved.hear_draft(desk, |local| local.hear_gone(through, heard.0));
                }
            }
        });
        if is_changed {
            self.tell_drafts();
        }
        // What was written before the page woke, or elsewhere at the same time.
        self.store_drafts_soon();
    }

    /// Tells the server everything that it does not have.
    fn store_drafts(self) {
        let epoch = self.client.with_value(|client| client.epoch());
        for desk in self.saved.with_value(|saved| saved.desks()) {
            let draft = self.saved.with_value(|saved| saved.local_draft(desk));
            let Some(body) = draft.untold() else { continue };
            let waits = self.shared_drafts.with_value(|shared| {
                shared.asked.contains(&desk)
                    || shared.asked.len() >= STORE_AT_ONCE
                    || shared.refused.iter().any(|(of, text)| *of == desk && *text == body)
            });
            if waits {
                continue;
            }
            self.shared_drafts.update_value(|shared| shared.asked.push(desk));
            let (Desk { room, thread }, base) = (desk, draft.base(epoch));
            self.ask(Command::Draft { room, thread, base, body: body.clone() }, move |result| {
                self.draft_stored(desk, body, result);
            });
        }
    }

    fn draft_stored(self, desk: Desk, body: String, result: Result<Reply, Refusal>) {
        let (mut is_held, mut was_refused) = (false, false);
        self.shared_drafts.update_value(|shared| {
            shared.asked.retain(|of| *of != desk);
            was_refused = shared.refused.iter().any(|(of, _)| *of == desk);
            shared.refused.retain(|(of, _)| *of != desk);
            is_held = shared.is_held;
        });
        let mut pause = STORE_AFTER;
        match result {
            // The server answers a repeat with the same state.
            Ok(Reply::Changed { change: Change::Draft { .. }, .. }) if is_held => {}
            Ok(Reply::Changed { change: Change::Draft { draft }, .. }) => {
                let epoch = self.client.with_value(|client| client.epoch());
                let mut is_changed = false;
                self.saved.update_value(|saved| {
                    is_changed = saved.hear_draft(desk, |local| local.hear(&draft.body, draft.rev, epoch));
                });
                if is_changed {
                    self.tell_drafts();
                }
            }
            Err(why) if why.code.retry() == Retry::Later => pause = STORE_AGAIN_AFTER,
            Ok(_) | Err(_) => {
                self.shared_drafts.update_value(|shared| shared.refused.push((desk, body)));
                if let Some(why) =
                    result.err().filter(|why| why.code == ErrorCode::DraftsFull && !was_refused)
                {
                    self.tell_all(self.words.refusal(&why), None);
                }
            }
        }
        // Others may have waited for their turn, and this one may have changed again.
        self.store_drafts_after(pause);
    }
}

//! Messages that are not yet acknowledged.

use protocol::{
    Attachment, ErrorCode, File, FileId, Millis, NewPoll, Nonce, Placement, Refusal, Retry, RoomId, Seq,
    limits,
};
use roost_json::FromJson;
use serde::{Deserialize, Serialize};

use crate::sorted::{SortedMap, SortedSet};

/// The wait after a temporary refusal without a retry time.
const RETRY_MS: i64 = 1_000;
/// A send that is not answered within this time never will be.
const ANSWER_TIMEOUT_MS: i64 = limits::SENT_MS as i64;
/// The most waiting messages. Further ones stay in the composer, and the user is told.
pub(crate) const OUTBOX_MAX: usize = 200;

/// A message being sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Pending {
    /// Lets the server recognise a repeat.
    pub nonce: Nonce,
    /// The room.
    pub room: RoomId,
    /// The text as typed.
    pub body: String,
    /// The message to which it replies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Seq>,
    /// The root of the thread in which it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<Seq>,
    /// Whether a message in a thread is also shown in the room.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_room: bool,
    /// The poll below the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll: Option<NewPoll>,
    /// The message that it forwards: its room, and its number there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward: Option<(RoomId, Seq)>,
    /// Its files. It waits until they are uploaded: see [`Outbox::uploaded`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
    /// When it was written, by the browser's clock: for showing.
    pub written_at: Millis,
    /// Its state.
    #[serde(skip)]
    pub state: SendState,
    /// Whether its files are being uploaded again, because the server did not know them any more.
    #[serde(skip)]
    pub again: bool,
}

impl Pending {
    /// Where in the room it goes.
    #[must_use]
    pub fn placement(&self) -> Placement {
        let Self { reply_to, thread, in_room, forward, .. } = *self;
        Placement { reply_to, thread, in_room, forward }
    }

    /// Its files, as the command names them.
    pub(crate) fn attachments(&self) -> Vec<Attachment> {
        self.files.iter().map(|file| Attachment { id: file.id, alt: file.alt.clone() }).collect()
    }
}

/// The state of a message on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SendState {
    /// Waiting for the connection, for the previous message, or for the time to retry.
    #[default]
    Waiting,
    /// Passed to the socket, not yet answered.
    OnItsWay,
    /// Refused permanently: the user decides.
    Refused(Refusal),
}

/// The messages being sent, in the order in which they were written.
///
/// Law: each room has at most one unanswered send, so that a temporary refusal («slow down») of the
/// first cannot let the second overtake it.
///
/// A message whose files are still being uploaded is the exception: later messages do not wait for it, because an upload may take hours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outbox {
    items: Vec<Pending>,
    /// Nothing is sent before this time.
    not_before: Millis,
    /// When each message in flight was passed to the socket.
    handed_over: SortedMap<Nonce, Millis>,
    /// The files that a server has.
    uploaded: SortedSet<FileId>,
}

impl Outbox {
    /// Adds a message.
    ///
    /// # Errors
    /// Returns the message if [`OUTBOX_MAX`] are already waiting.
    pub fn push(&mut self, pending: Pending) -> Result<(), Box<Pending>> {
        if self.items.len() >= OUTBOX_MAX {
            return Err(Box::new(pending));
        }
        if !self.items.iter().any(|item| item.nonce == pending.nonce) {
            self.items.push(pending);
        }
        Ok(())
    }

    /// All messages, in the order of writing.
    #[must_use]
    pub fn items(&self) -> &[Pending] {
        &self.items
    }

    /// The messages to a room.
    pub fn in_room(&self, room: RoomId) -> impl Iterator<Item = &Pending> {
        self.items.iter().filter(move |item| item.room == room)
    }

    /// How many will still be sent automatically (refused ones wait for the user).
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.items.iter().filter(|item| !matches!(item.state, SendState::Refused(_))).count()
    }

    /// The messages to pass to the socket now. They then count as in flight.
    pub fn due(&mut self, now: Millis) -> Vec<Pending> {
        if now < self.not_before {
            return Vec::new();
        }
        let mut busy = SortedSet::default();
        busy.extend(self.items.iter().filter(|item| item.state == SendState::OnItsWay).map(|item| item.room));
        let mut due = Vec::new();
        for item in &mut self.items {
            let is_held = item.files.iter().any(|file| !self.uploaded.contains(&file.id));
            if item.state == SendState::Waiting && !is_held && busy.insert(item.room) {
                item.state = SendState::OnItsWay;
                self.handed_over.insert(item.nonce, now);
                due.push(item.clone());
            }
        }
        due
    }

    /// Whether a message has been in flight for longer than any server takes to answer.
    #[must_use]
    pub fn is_overdue(&self, now: Millis) -> bool {
        self.handed_over.values().any(|at| now - at > ANSWER_TIMEOUT_MS)
    }

    /// The server has it. Returns whether it was in the outbox.
    pub fn acknowledge(&mut self, nonce: Nonce) -> bool {
        let before = self.items.len();
        self.handed_over.remove(&nonce);
        self.items.retain(|item| item.nonce != nonce);
        before != self.items.len()
    }

    /// The server refused it: it waits again if that is temporary; otherwise it stays for the user
    /// to see.
    pub fn refuse(&mut self, nonce: Nonce, refusal: Refusal, now: Millis) {
        let Some(item) = self.items.iter_mut().find(|item| item.nonce == nonce) else { return };
        self.handed_over.remove(&nonce);
        match refusal.code.retry() {
            Retry::Later => {
                item.state = SendState::Waiting;
                self.not_before = now + refusal.retry_ms.map_or(RETRY_MS, i64::from);
            }
            // The database has lost its newest transactions, for example in a failover. The browser still has the bytes.
            Retry::Never if refusal.code == ErrorCode::FileUnknown && !item.again => {
                item.again = true;
                item.state = SendState::Waiting;
                item.files.iter().for_each(|file| self.uploaded.remove(&file.id));
            }
            Retry::Never => item.state = SendState::Refused(refusal),
        }
    }

    /// Whether a message waits for the upload of this file.
    #[must_use]
    pub fn waits_for(&self, file: FileId) -> bool {
        let waits =
            |item: &Pending| item.state == SendState::Waiting && item.files.iter().any(|own| own.id == file);
        !self.uploaded.contains(&file) && self.items.iter().any(waits)
    }

    /// A server has this file. Messages wait for all of theirs. Returns the rooms whose messages show it.
    pub fn uploaded(&mut self, file: &File) -> Vec<RoomId> {
        self.uploaded.insert(file.id);
        let mut rooms = Vec::new();
        for item in &mut self.items {
            if let Some(own) = item.files.iter_mut().find(|own| own.id == file.id) {
                // The server knows better what it is, but not what it shows.
                *own = File { alt: std::mem::take(&mut own.alt), ..file.clone() };
                rooms.push(item.room);
            }
        }
        rooms
    }

    /// A file cannot be uploaded: the message that waits for it stays for the user to see. Returns the room of each such message.
    pub fn refuse_file(&mut self, file: FileId, refusal: &Refusal) -> Vec<RoomId> {
        self.uploaded.remove(&file);
        let waits = |item: &&mut Pending| {
            item.state == SendState::Waiting && item.files.iter().any(|own| own.id == file)
        };
        let mut rooms = Vec::new();
        for item in self.items.iter_mut().filter(waits) {
            item.state = SendState::Refused(refusal.clone());
            rooms.push(item.room);
        }
        rooms
    }

    /// The user retries a refused message.
    pub fn retry(&mut self, nonce: Nonce) {
        if let Some(item) = self.items.iter_mut().find(|item| item.nonce == nonce)
            && let SendState::Refused(refusal) = &item.state
        {
            // Its uploads begin again.
            if refusal.code == ErrorCode::FileUnknown {
                item.files.iter().for_each(|file| self.uploaded.remove(&file.id));
            }
            item.state = SendState::Waiting;
        }
    }

    /// The user takes a message back. One that may be in flight cannot be taken back.
    pub fn take(&mut self, nonce: Nonce) -> Option<Pending> {
        let at = self.items.iter().position(|item| {
            let is_held = item.state == SendState::Waiting
                && item.files.iter().any(|file| !self.uploaded.contains(&file.id));
            item.nonce == nonce && (is_held || matches!(item.state, SendState::Refused(_)))
        })?;
        Some(self.items.remove(at))
    }

    /// The connection is lost: unanswered messages must be sent again.
    pub fn disconnected(&mut self) {
        self.not_before = 0;
        self.handed_over.clear();
        for item in &mut self.items {
            if item.state == SendState::OnItsWay {
                item.state = SendState::Waiting;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{ErrorCode, File};
    use uuid::Uuid;

    use super::*;

    fn pending(n: u128, room: u128) -> Pending {
        Pending {
            nonce: Nonce(Uuid::from_u128(n)),
            room: RoomId(Uuid::from_u128(room)),
            body: format!("message {n}"),
            reply_to: None,
            thread: None,
            in_room: false,
            poll: None,
            forward: None,
            files: Vec::new(),
            written_at: 0,
            state: SendState::Waiting,
            again: false,
        }
    }

    fn nonces(items: &[Pending]) -> Vec<u128> {
        items.iter().map(|item| item.nonce.0.as_u128()).collect()
    }

    #[test]
    fn one_a_room_is_on_its_way_at_a_time() {
        let mut outbox = Outbox::default();
        for (n, room) in [(1, 1), (2, 1), (3, 2)] {
            outbox.push(pending(n, room)).unwrap();
        }
        assert_eq!(nonces(&outbox.due(0)), [1, 3]);
        assert_eq!(nonces(&outbox.due(0)), [0; 0]);
        outbox.acknowledge(Nonce(Uuid::from_u128(1)));
        assert_eq!(nonces(&outbox.due(0)), [2]);
    }

    #[test]
    fn a_refusal_for_now_keeps_the_order_and_a_lost_connection_repeats() {
        let mut outbox = Outbox::default();
        outbox.push(pending(1, 1)).unwrap();
        outbox.push(pending(2, 1)).unwrap();
        outbox.due(0);
        outbox.refuse(Nonce(Uuid::from_u128(1)), Refusal::new(ErrorCode::SlowDown).retry_ms(300), 1_000);
        assert_eq!(nonces(&outbox.due(1_299)), [0; 0]);
        assert_eq!(nonces(&outbox.due(1_300)), [1]);
        outbox.disconnected();
        assert_eq!(nonces(&outbox.due(1_300)), [1]);
        assert_eq!(outbox.waiting(), 2);
    }

    #[test]
    fn what_is_on_its_way_for_long_is_overdue_until_it_is_answered() {
        let late = ANSWER_TIMEOUT_MS + 1;
        let mut outbox = Outbox::default();
        outbox.push(pending(1, 1)).unwrap();
        assert!(!outbox.is_overdue(late), "it waits to be sent");
        outbox.due(0);
        assert!(!outbox.is_overdue(late - 1));
        assert!(outbox.is_overdue(late));
        let nonce = Nonce(Uuid::from_u128(1));
        outbox.refuse(nonce, Refusal::new(ErrorCode::Internal), late);
        assert!(!outbox.is_overdue(2 * late));
        outbox.due(2 * late);
        outbox.disconnected();
        assert!(!outbox.is_overdue(4 * late));
        outbox.due(4 * late);
        outbox.acknowledge(nonce);
        assert!(!outbox.is_overdue(6 * late));
    }

    #[test]
    fn a_refusal_for_good_waits_for_the_person_and_lets_the_next_one_go() {
        let mut outbox = Outbox::default();
        outbox.push(pending(1, 1)).unwrap();
        outbox.push(pending(2, 1)).unwrap();
        outbox.due(0);
        let nonce = Nonce(Uuid::from_u128(1));
        assert_eq!(outbox.take(nonce), None, "it may have been stored");
        outbox.refuse(nonce, ErrorCode::Forbidden.into(), 0);
        assert_eq!(nonces(&outbox.due(0)), [2]);
        outbox.retry(nonce);
        assert_eq!(nonces(&outbox.due(0)), [0; 0], "the second is on its way");
        assert_eq!(outbox.items().len(), 2);
    }

    #[test]
    fn a_message_waits_for_its_files_and_later_ones_do_not_wait_for_it() {
        let file = |n| File {
            id: FileId(Uuid::from_u128(n)),
            name: "sail.png".to_owned(),
            size: 9,
            media: "image/png".to_owned(),
            alt: "The sail".to_owned(),
            picture: None,
            excerpt: String::new(),
        };
        let mut outbox = Outbox::default();
        outbox.push(Pending { files: vec![file(7), file(8)], ..pending(1, 1) }).unwrap();
        outbox.push(pending(2, 1)).unwrap();
        assert_eq!(nonces(&outbox.due(0)), [2]);
        outbox.acknowledge(Nonce(Uuid::from_u128(2)));
        outbox.uploaded(&file(7));
        assert_eq!(nonces(&outbox.due(0)), [0; 0]);
        let known = File { size: 10, alt: String::new(), ..file(8) };
        assert_eq!(outbox.uploaded(&known), [RoomId(Uuid::from_u128(1))]);
        assert_eq!(outbox.items()[0].files[1], File { size: 10, ..file(8) }, "what it shows is the author's");
        assert_eq!(nonces(&outbox.due(0)), [1]);
        assert_eq!(outbox.take(Nonce(Uuid::from_u128(1))), None, "it may have been stored");
    }

    #[test]
    fn a_file_that_cannot_be_uploaded_is_told_at_its_message() {
        let file = File {
            id: FileId(Uuid::from_u128(7)),
            name: "film.mp4".to_owned(),
            size: 9,
            media: "video/mp4".to_owned(),
            alt: String::new(),
            picture: None,
            excerpt: String::new(),
        };
        let nonce = Nonce(Uuid::from_u128(1));
        let mut outbox = Outbox::default();
        outbox.push(Pending { files: vec![file.clone()], ..pending(1, 1) }).unwrap();
        outbox.refuse_file(file.id, &ErrorCode::FileTooLarge.into());
        assert!(matches!(outbox.items()[0].state, SendState::Refused(_)));
        outbox.retry(nonce);
        outbox.uploaded(&file);
        assert_eq!(nonces(&outbox.due(0)), [1]);
        // The servers lost the upload. Once, it is uploaded again without asking.
        outbox.refuse(nonce, ErrorCode::FileUnknown.into(), 0);
        assert!(outbox.items()[0].state == SendState::Waiting && outbox.waits_for(file.id));
        assert_eq!(nonces(&outbox.due(0)), [0; 0]);
        outbox.uploaded(&file);
        assert!(!outbox.waits_for(file.id));
        assert_eq!(nonces(&outbox.due(0)), [1]);
        outbox.refuse(nonce, ErrorCode::FileUnknown.into(), 0);
        assert!(matches!(outbox.items()[0].state, SendState::Refused(_)) && !outbox.waits_for(file.id));
        outbox.retry(nonce);
        assert_eq!(nonces(&outbox.due(0)), [0; 0]);
        assert!(outbox.take(nonce).is_some(), "while it waits for its files, it can be taken back");
    }

    #[test]
    fn a_full_outbox_hands_the_message_back() {
        let mut outbox = Outbox::default();
        for n in 0..OUTBOX_MAX as u128 {
            outbox.push(pending(n, 1)).unwrap();
        }
        assert_eq!(outbox.push(pending(9_999, 1)).unwrap_err().body, "message 9999");
    }
}

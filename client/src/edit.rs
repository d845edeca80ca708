//! An edit of the viewer's own message.
//!
//! Law: the text is dropped only when the server has it, or when the user cancels the edit. An edit
//! by another device is not overwritten before the user could see it.

use protocol::{Body, Command, ErrorCode, Message, Refusal, RoomId, Seq};

/// The edit of one room: its text and its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The room.
    pub room: RoomId,
    /// The message.
    pub seq: Seq,
    /// The root of its thread.
    pub thread: Option<Seq>,
    /// How many edits of the message the user has seen.
    pub edits: u32,
    /// The text as typed.
    pub text: String,
    /// Its state.
    pub state: EditState,
}

/// The state of an edit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EditState {
    /// The user is writing.
    #[default]
    Writing,
    /// Sent as the request with this number, and not answered yet.
    Saving(u32),
    /// Not saved: the user decides.
    Refused(Refusal),
    /// The user wanted to begin another one; this one must be finished first.
    Unfinished,
}

impl Edit {
    /// Begins with the message's own text.
    #[must_use]
    pub fn of(room: RoomId, message: &Message) -> Self {
        Self {
            room,
            seq: message.seq,
            thread: message.thread.map(|thread| thread.0),
            edits: message.edits,
            text: message.body.clone(),
            state: EditState::Writing,
        }
    }

    /// Restores a [stored](Self::to_kept) edit.
    #[must_use]
    pub fn from_kept(room: RoomId, kept: &str) -> Option<Self> {
        let mut parts = kept.splitn(3, ' ');
        let (which, edits) = (parts.next()?, parts.next()?.parse().ok()?);
        let (seq, thread) = which.split_once('/').unwrap_or((which, ""));
        let (seq, thread) = (Seq(seq.parse().ok()?), thread.parse().ok().map(Seq));
        Some(Self { room, seq, thread, edits, text: parts.next()?.to_owned(), state: EditState::Writing })
    }

    /// A line of text for the browser's storage. JSON would add a reader to the download.
    #[must_use]
    pub fn to_kept(&self) -> String {
        let thread = self.thread.map(|root| format!("/{root}")).unwrap_or_default();
        format!("{}{thread} {} {}", self.seq, self.edits, self.text)
    }

    /// Whether text would be lost if the edit ended now. `now` is the message, if this client has
    /// it.
    #[must_use]
    pub fn is_changed(&self, now: Option<&Message>) -> bool {
        let text = self.text.trim_end();
        !text.is_empty() && now.is_none_or(|now| now.body.trim_end() != text)
    }

    /// Whether the text of the message has changed since the user began, or was last told so.
    #[must_use]
    pub fn is_overtaken(&self, now: &Message) -> bool {
        now.edits > self.edits && now.body.trim_end() != self.text.trim_end()
    }

    /// Whether the server has not answered yet.
    #[must_use]
    pub fn is_saving(&self) -> bool {
        matches!(self.state, EditState::Saving(_))
    }

    /// The command to send. If another edit came first, this is refused once, with the newer text
    /// shown; saving again then overwrites it knowingly.
    ///
    /// # Errors
    /// Why not, to be shown beside the text: errors of the text itself,
    /// [`ErrorCode::MessageDeleted`], [`ErrorCode::EditedMeanwhile`].
    pub fn save(&mut self, now: Option<&Message>) -> Result<Command, Refusal> {
        // Files speak for themselves.
        let has_files = now.is_some_and(|now| !now.files.is_empty());
        let body = match self.text.trim().is_empty() && has_files {
            true => String::new(),
            false => Body::parse(&self.text)?.into_string(),
        };
        if let Some(now) = now {
            if now.deleted {
                return Err(ErrorCode::MessageDeleted.into());
            }
            if self.is_overtaken(now) {
                self.edits = now.edits;
                return Err(ErrorCode::EditedMeanwhile.into());
            }
        }
        Ok(Command::Edit { room: self.room, seq: self.seq, edits: self.edits, body })
    }
}

#[cfg(test)]
mod tests {
    use protocol::{MessageId, Nonce, UserId};
    use uuid::Uuid;

    use super::*;

    fn message(edits: u32, body: &str) -> Message {
        let id = Uuid::from_u128(1);
        Message {
            id: MessageId(id),
            seq: Seq(6),
            rev: Seq(6 + i64::from(edits)),
            author: UserId(id),
            nonce: Nonce(id),
            body: body.to_owned(),
            sent_at: 0,
            edits,
            deleted: false,
            reactions: Vec::new(),
            mentions: Vec::new(),
            reply_to: None,
            thread: None,
            in_room: false,
            replies: None,
            poll: None,
            forward: None,
            files: Vec::new(),
            previews: Vec::new(),
        }
    }

    fn edit(text: &str) -> Edit {
        let begun = Edit::of(RoomId(Uuid::from_u128(2)), &message(0, "Lunch at nnon?"));
        Edit { text: text.to_owned(), ..begun }
    }

    #[test]
    fn words_are_at_stake_only_where_they_differ() {
        let now = message(0, "Lunch at nnon?");
        assert!(!edit("Lunch at nnon?").is_changed(Some(&now)));
        assert!(!edit("Lunch at nnon? \n").is_changed(Some(&now)));
        assert!(edit("  Lunch at nnon?").is_changed(Some(&now)), "an indent is kept");
        assert!(!edit("  ").is_changed(Some(&now)), "a blank text holds no words");
        assert!(edit("Lunch at noon?").is_changed(Some(&now)));
        assert!(edit("Lunch at nnon?").is_changed(None), "nobody knows what the message says");
    }

    #[test]
    fn what_another_device_made_of_it_is_overwritten_only_after_it_was_told() {
        let theirs = message(1, "Lunch at one?");
        let mut edit = edit("Lunch at noon?");
        assert!(edit.is_overtaken(&theirs));
        assert_eq!(edit.save(Some(&theirs)).unwrap_err().code, ErrorCode::EditedMeanwhile);
        let Ok(Command::Edit { edits, body, .. }) = edit.save(Some(&theirs)) else { panic!("not saved") };
        assert_eq!((edits, body.as_str()), (1, "Lunch at noon?"));
        let again = message(2, "No lunch.");
        assert_eq!(edit.save(Some(&again)).unwrap_err().code, ErrorCode::EditedMeanwhile);
    }

    #[test]
    fn the_same_text_from_two_devices_is_no_conflict() {
        assert!(edit("Lunch at noon?").save(Some(&message(1, "Lunch at noon?"))).is_ok());
    }

    #[test]
    fn a_deleted_message_and_a_faulty_text_are_refused_before_anything_is_sent() {
        let deleted = Message { deleted: true, ..message(0, "") };
        let code = |mut edit: Edit, now: &Message| edit.save(Some(now)).unwrap_err().code;
        let now = message(0, "Lunch at nnon?");
        assert_eq!(code(edit("Lunch at noon?"), &deleted), ErrorCode::MessageDeleted);
        assert_eq!(code(edit(&"a".repeat(4_001)), &now), ErrorCode::TextTooLong);
        assert_eq!(code(edit("\u{2800}"), &now), ErrorCode::TextEmpty);
    }

    #[test]
    fn a_kept_edit_begins_again_as_it_was_typed() {
        for text in ["Lunch at noon?", "  indented\n\nand more ", ""] {
            let mut kept = edit(text);
            kept.state = EditState::Saving(3);
            assert_eq!(Edit::from_kept(kept.room, &kept.to_kept()), Some(edit(text)));
            kept = Edit { thread: Some(Seq(4)), state: EditState::Writing, ..kept };
            assert_eq!(Edit::from_kept(kept.room, &kept.to_kept()), Some(kept));
        }
        for junk in ["", "6", "6 0", "six 0 text", "{}"] {
            assert_eq!(Edit::from_kept(edit("").room, junk), None);
        }
    }
}

//! A draft: what the viewer is writing on this device, and what the server has of it.
//!
//! Law: no text is lost. If this device and another one have both written, the draft has both texts. A text that one device has
//! sent or discarded stays on a device that has written on.

use protocol::{Epoch, Seq, draft_text};

/// Begins a stored draft that the server may know. Text cannot begin so: it is a control character.
const MARK: char = '\u{1}';

/// What this device knows of one draft.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalDraft {
    /// The text on this device, as typed.
    pub text: String,
    /// The text that the server had when this device last heard of it.
    base: String,
    /// The number of that state, on the person's line.
    rev: Seq,
    /// Numbers of another history are void.
    epoch: Option<Epoch>,
}

impl LocalDraft {
    /// Restores a [stored](Self::to_kept) draft. A text alone is one that no server knows.
    #[must_use]
    pub fn from_kept(kept: &str) -> Self {
        let parse = || {
            let (head, texts) = kept.strip_prefix(MARK)?.split_once('\n')?;
            let mut parts = head.split(' ');
            let (rev, epoch) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            let (base, text) = texts.split_at_checked(parts.next()?.parse().ok()?)?;
            Some(Self { text: text.to_owned(), base: base.to_owned(), rev: Seq(rev), epoch: Some(epoch) })
        };
        parse().unwrap_or_else(|| Self { text: kept.to_owned(), ..Self::default() })
    }

    /// For the browser's storage, in one piece: without its text, the server's state would look as if this device had discarded it.
    /// `None` if nothing need be remembered.
    #[must_use]
    pub fn to_kept(&self) -> Option<String> {
        let Self { text, base, rev, epoch } = self;
        let text = if text.trim().is_empty() { "" } else { text };
        if base.is_empty() && text.is_empty() {
            return None;
        }
        let told = |epoch| format!("{MARK}{rev} {epoch} {}\n{base}{text}", base.len());
        Some(epoch.map_or_else(|| text.to_owned(), told))
    }

    /// Hears the server's state. One that is not newer than the last changes nothing. Returns whether the text has changed.
    pub fn hear(&mut self, body: &str, rev: Seq, epoch: Option<Epoch>) -> bool {
        if rev <= self.base(epoch) {
            return false;
        }
        let text = joined(&self.base, &self.text, body);
        (self.base, self.rev, self.epoch) = (body.to_owned(), rev, epoch);
        let is_changed = text != self.text;
        self.text = text;
        is_changed
    }

    /// The server has no draft there as of this number. Returns whether the text has changed.
    pub fn hear_gone(&mut self, through: Seq, epoch: Option<Epoch>) -> bool {
        !self.base.is_empty() && self.hear("", through, epoch)
    }

    /// The number of the last state heard of; 0 in another history.
    #[must_use]
    pub fn base(&self, epoch: Option<Epoch>) -> Seq {
        if self.epoch == epoch { self.rev } else { Seq::ZERO }
    }

    /// The text that the server should have and has not, unless it is too long for a message.
    #[must_use]
    pub fn untold(&self) -> Option<String> {
        draft_text(&self.text).ok().filter(|text| *text != self.base)
    }
}

/// The text after the server's has become `theirs`; both this device's and the server's began as `base`.
fn joined(base: &str, own: &str, theirs: &str) -> String {
    let told = draft_text(own).unwrap_or_else(|_| own.to_owned());
    if told == base && told != theirs {
        theirs.to_owned()
    } else if theirs == base || theirs.is_empty() || told.contains(theirs) {
        own.to_owned()
    } else if theirs.contains(&told) {
        theirs.to_owned()
    } else if let Some(lines) = added_lines(base, own).filter(|_| added_lines(base, theirs).is_some()) {
        // What both began with is there once.
        format!("{theirs}{lines}")
    } else {
        format!("{theirs}\n{own}")
    }
}

/// The lines that were added to a text, with the line feed before them; `None` if something else has changed.
fn added_lines<'a>(base: &str, now: &'a str) -> Option<&'a str> {
    now.strip_prefix(base).filter(|added| !base.is_empty() && added.starts_with('\n'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn epoch() -> Option<Epoch> {
        Some(Epoch(Uuid::from_u128(7)))
    }

    fn writing(text: &str) -> LocalDraft {
        LocalDraft { text: text.to_owned(), ..LocalDraft::default() }
    }

    /// A device that has heard `base` and then wrote `text`.
    fn wrote(base: &str, text: &str) -> LocalDraft {
        let mut draft = LocalDraft::default();
        draft.hear(base, Seq(5), epoch());
        text.clone_into(&mut draft.text);
        draft
    }

    fn after(base: &str, text: &str, theirs: &str) -> String {
        let mut draft = wrote(base, text);
        draft.hear(theirs, Seq(6), epoch());
        draft.text
    }

    #[test]
    fn a_device_goes_on_where_the_other_one_stopped() {
        assert_eq!(after("", "", "at nine"), "at nine");
        assert_eq!(after("at", "at", "at nine"), "at nine");
        assert_eq!(after("at nine", "at nine", ""), "", "sent from there");
        assert_eq!(after("at nine", "at", "at nine"), "at", "it hears itself");
    }

    #[test]
    fn where_both_have_written_both_texts_stay() {
        assert_eq!(after("", "mine", "theirs"), "theirs\nmine");
        assert_eq!(after("at", "at nine", "at ten"), "at ten\nat nine");
        assert_eq!(after("- rope", "- rope\n- anchor", "- rope\n- fender"), "- rope\n- fender\n- anchor");
        assert_eq!(
            after("- rope", "- ropes\n- anchor", "- rope\n- fender"),
            "- rope\n- fender\n- ropes\n- anchor"
        );
        assert_eq!(after("at", "at nine", "at nine, I"), "at nine, I", "one has it all");
        assert_eq!(after("at nine", "at nine, I", ""), "at nine, I", "sent there, written on here");
        assert_eq!(after("at nine", "", "at nine, I"), "at nine, I", "sent here, written on there");
    }

    #[test]
    fn what_is_old_or_of_another_history_does_not_count() {
        let mut draft = wrote("at", "at nine");
        assert!(!draft.hear("old", Seq(5), epoch()));
        assert!(!draft.hear_gone(Seq(4), epoch()), "read before it was there");
        assert_eq!((draft.text.as_str(), draft.base(epoch())), ("at nine", Seq(5)));
        let other = Some(Epoch(Uuid::from_u128(8)));
        assert_eq!(draft.base(other), Seq::ZERO);
        assert!(!draft.hear("at", Seq(2), other));
        assert_eq!((draft.untold().as_deref(), draft.base(other)), (Some("at nine"), Seq(2)));
        assert!(!draft.hear_gone(Seq(9), other), "this device has written on");
        assert_eq!((draft.text.as_str(), draft.untold().as_deref()), ("at nine", Some("at nine")));
        let mut draft = wrote("at", "at");
        assert!(draft.hear_gone(Seq(9), epoch()));
        assert_eq!((draft.text.as_str(), draft.to_kept()), ("", None));
    }

    #[test]
    fn what_the_server_cleans_is_not_told_again() {
        let mut draft = writing("bell\u{7}");
        assert_eq!(draft.untold().as_deref(), Some("bell"));
        assert!(!draft.hear("bell", Seq(1), epoch()));
        assert_eq!((draft.text.as_str(), draft.untold()), ("bell\u{7}", None));
        assert_eq!(writing(" \n").untold(), None);
        let long = "a".repeat(protocol::limits::BODY_CHARS_MAX + 1);
        assert_eq!(writing(&long).untold(), None);
    }

    #[test]
    fn drafts_of_earlier_versions_are_texts() {
        assert_eq!(LocalDraft::from_kept("at nine\nor ten"), writing("at nine\nor ten"));
        assert_eq!(LocalDraft::from_kept("\u{1}broken"), writing("\u{1}broken"));
    }

    proptest! {
        #[test]
        fn storing_loses_nothing(base in ".{0,12}", text in ".{0,12}") {
            let mut draft = wrote(&base, &text);
            let kept = draft.to_kept().map(|kept| LocalDraft::from_kept(&kept));
            if text.trim().is_empty() {
                draft.text.clear();
            }
            let is_nothing = draft.text.is_empty() && base.is_empty();
            prop_assert_eq!(kept, (!is_nothing).then_some(draft));
        }

        /// Two devices write in any order, and hear of each other in any order: in the end they agree, and no text that was never
        /// discarded is lost.
        #[test]
        fn devices_agree_and_lose_nothing(steps in proptest::collection::vec((0..2_usize, 0..3_u8), 0..40)) {
            let mut devices = [LocalDraft::default(), LocalDraft::default()];
            let (mut server, mut rev) = (String::new(), 0);
            let mut store = |device: &mut LocalDraft, server: &mut String| {
                if let Some(text) = device.untold() && device.base(epoch()) >= Seq(rev) {
                    rev += 1;
                    *server = text;
                }
                device.hear(server, Seq(rev), epoch());
            };
            let mut words = Vec::new();
            for (n, (which, what)) in steps.into_iter().enumerate() {
                let device = &mut devices[which];
                match what {
                    0 => {
                        let word = format!("w{n}.");
                        device.text.push_str(&word);
                        words.push(word);
                    }
                    _ => store(device, &mut server),
                }
            }
            for _ in 0..6 {
                devices.iter_mut().for_each(|device| store(device, &mut server));
            }
            prop_assert_eq!(&devices[0].text, &devices[1].text);
            prop_assert_eq!(&devices[0].text, &server);
            for word in words {
                prop_assert!(server.contains(&word), "{} in {}", word, server);
            }
        }
    }
}

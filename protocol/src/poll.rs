//! Polls: options below a message, whose text is the question.

use roost_json::FromJson;
use serde::{Deserialize, Serialize};

use crate::{ErrorCode, Message, Refusal, RoomId, Seq, limits, model, text::one_line};

/// A poll to be sent with a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJson)]
#[serde(deny_unknown_fields)]
pub struct NewPoll {
    /// The options as they were typed: see [`NewPoll::parse`].
    pub options: Vec<String>,
    /// Whether one may choose several of them.
    #[serde(default, skip_serializing_if = "model::is_false")]
    pub several: bool,
    /// Whether it stays secret who chose what.
    #[serde(default, skip_serializing_if = "model::is_false")]
    pub anonymous: bool,
}

/// A poll.
///
/// Two states of it join into one ([`Poll::merge`]), in any order and any number of times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Poll {
    /// The options. They never change, so only the message itself has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Whether one may choose several of them.
    #[serde(default, skip_serializing_if = "model::is_false")]
    pub several: bool,
    /// Whether it stays secret who chose what.
    #[serde(default, skip_serializing_if = "model::is_false")]
    pub anonymous: bool,
    /// How many people chose each option.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<u32>,
    /// How many people voted.
    #[serde(default, skip_serializing_if = "model::is_zero")]
    pub voters: u32,
    /// Whether it accepts no more votes.
    #[serde(default, skip_serializing_if = "model::is_false")]
    pub closed: bool,
    /// The last change of the counts, on the room's line; 0 if there was none, and left out in a change, which has a number.
    #[serde(default, skip_serializing_if = "Seq::is_zero")]
    pub rev: Seq,
    /// The viewer's own vote, in answers to them. What goes to everyone does not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vote: Option<Vote>,
}

/// What somebody chose in a poll. Only they are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Vote {
    /// The room of the poll.
    pub room: RoomId,
    /// Its message.
    pub message: Seq,
    /// The chosen options, by their places from 0 on, in order; empty once the vote has been taken back.
    pub choices: Vec<u8>,
    /// The number of the change, on the person's line.
    pub rev: Seq,
}

impl NewPoll {
    /// Collapses white space in the options, and validates them.
    ///
    /// # Errors
    /// [`ErrorCode::PollInvalid`] for too few or too many options, or for two that are the same; those of a line of text:
    /// [`ErrorCode::TextEmpty`], [`ErrorCode::TextTooLong`], [`ErrorCode::TextInvalid`].
    pub fn parse(self) -> Result<Self, Refusal> {
        let mut options: Vec<String> = Vec::with_capacity(self.options.len().min(limits::POLL_OPTIONS_MAX));
        if !(limits::POLL_OPTIONS_MIN..=limits::POLL_OPTIONS_MAX).contains(&self.options.len()) {
            return Err(Refusal::new(ErrorCode::PollInvalid).max(limits::POLL_OPTIONS_MAX));
        }
        for option in &self.options {
            let option = one_line(option, limits::POLL_OPTION_CHARS_MAX)?;
            if options.contains(&option) {
                return Err(Refusal::new(ErrorCode::PollInvalid).max(limits::POLL_OPTIONS_MAX));
            }
            options.push(option);
        }
        Ok(Self { options, ..self })
    }
}

impl From<NewPoll> for Poll {
    /// Nobody has voted.
    fn from(new: NewPoll) -> Self {
        let NewPoll { options, several, anonymous } = new;
        Self { counts: vec![0; options.len()], options, several, anonymous, ..Self::default() }
    }
}

impl Poll {
    /// A poll of which only a vote is known.
    #[must_use]
    pub fn of_vote(vote: Vote) -> Self {
        Self { vote: Some(vote), ..Self::default() }
    }

    /// The part that can change, as sent to everyone. The change itself carries the number.
    #[must_use]
    pub fn tally(&self) -> Self {
        let Self { counts, voters, closed, .. } = self;
        Self { counts: counts.clone(), voters: *voters, closed: *closed, ..Self::default() }
    }

    /// As it was when it was sent.
    #[must_use]
    pub fn unvoted(&self) -> NewPoll {
        NewPoll { options: self.options.clone(), several: self.several, anonymous: self.anonymous }
    }

    /// Takes over what is newer in another state of the same poll: the counts, and the viewer's own vote. Says whether anything
    /// changed.
    pub fn merge(&mut self, other: &Self) -> bool {
        let mut changed = false;
        if other.rev > self.rev {
            self.counts.clone_from(&other.counts);
            (self.voters, self.closed, self.rev, changed) = (other.voters, other.closed, other.rev, true);
        }
        let known = self.vote.as_ref().map(|vote| vote.rev);
        if other.vote.as_ref().map(|vote| vote.rev) > known {
            self.vote.clone_from(&other.vote);
            changed = true;
        }
        changed
    }

    /// Someone's choices change from one set to another: counts them. Both are in order and without duplicates.
    pub fn recount(&mut self, from: &[u8], to: &[u8]) {
        for (place, count) in (0_u8..).zip(&mut self.counts) {
            *count = count.saturating_sub(u32::from(from.contains(&place))) + u32::from(to.contains(&place));
        }
        self.voters = self.voters.saturating_sub(u32::from(!from.is_empty())) + u32::from(!to.is_empty());
    }
}

impl Message {
    /// Takes over what is known of its poll. Says whether anything changed.
    pub fn put_poll(&mut self, known: &Poll) -> bool {
        self.poll.as_mut().is_some_and(|poll| poll.merge(known))
    }
}

//! Compares what clients saw with the database. Pure: logs and rows in, violations out.
//!
//! Law: acknowledged ⇒ stored ⇒ shown to every member present at the end; nothing twice; in numeric order;
//! no number without a change.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use protocol::{Millis, Nonce, RoomId, Seq, UserId};

use crate::{
    log::{Log, Shown, Token},
    violation::{Kind, Violation},
};

/// A message in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its author.
    pub author: UserId,
    /// Its nonce.
    pub nonce: Nonce,
    /// Its token.
    pub token: Option<Token>,
}

/// A room in the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredRoom {
    /// The room's last number when the logs began.
    pub base: Seq,
    /// Its last number now.
    pub head: Seq,
    /// The messages after `base`.
    pub messages: BTreeMap<Seq, StoredMessage>,
    /// How many changes have taken each number after `base`.
    pub numbers: BTreeMap<Seq, i64>,
    /// The logs of the members present at the end, by their indexes in the list.
    pub members: Vec<usize>,
}

/// The result of the comparison.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// All violations.
    pub violations: Vec<Violation>,
    /// Messages written.
    pub sends: usize,
    /// Messages acknowledged.
    pub acknowledged: usize,
    /// Scheduled messages, included above.
    pub scheduled: usize,
    /// Edits, deletions, pins and reactions.
    pub changes: usize,
    /// Joins and leaves.
    pub moves: usize,
    /// Actions of moderators and owners.
    pub governed: usize,
    /// Messages that a client only has as history, because it was too far behind.
    pub left_to_history: usize,
    /// The longest time from writing a message to showing it to the last member, in milliseconds.
    pub worst_delay_ms: i64,
}

impl Verdict {
    /// The number of violations of a kind.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.violations.iter().filter(|violation| violation.kind == kind).count()
    }
}

/// See the module.
#[must_use]
pub fn check(logs: &[Log], stored: &BTreeMap<RoomId, StoredRoom>) -> Verdict {
    let mut verdict = Verdict {
        sends: logs.iter().map(|log| log.written.len()).sum(),
        acknowledged: logs.iter().map(|log| log.acknowledged.len()).sum(),
        scheduled: logs.iter().map(|log| log.scheduled as usize).sum(),
        changes: logs.iter().map(|log| log.changes as usize).sum(),
        moves: logs.iter().map(|log| log.moves as usize).sum(),
        governed: logs.iter().map(|log| log.governed as usize).sum(),
        violations: logs.iter().flat_map(|log| log.violations.clone()).collect(),
        ..Verdict::default()
    };
    let written_at: HashMap<Token, i64> =
        logs.iter().flat_map(|log| log.written.values().map(|written| (written.token, written.at))).collect();
    for log in logs {
        check_acknowledged(log, stored, &mut verdict);
    }
    for (id, room) in stored {
        check_stored(*id, room, &mut verdict);
        check_numbers(*id, room, &mut verdict);
        for member in &room.members {
            check_shown(&logs[*member], *id, room, &written_at, &mut verdict);
        }
    }
    verdict
}

/// The messages on a screen: room, number and nonce.
pub type Screen = Vec<(RoomId, Seq, Nonce)>;

/// Messages on a screen that the database does not hold under the same number.
#[must_use]
pub fn phantoms(name: &str, screen: &Screen, stored: &HashMap<(RoomId, Seq), Nonce>) -> Vec<Violation> {
    let is_there = |room, seq, nonce| stored.get(&(room, seq)) == Some(&nonce);
    let phantoms = screen.iter().filter(|(room, seq, nonce)| !is_there(*room, *seq, *nonce));
    let violation = |(room, seq, _): &(RoomId, Seq, Nonce)| {
        Violation::new(Kind::Phantom, name, *room, *seq, "is on the screen but not in the database")
    };
    phantoms.map(violation).collect()
}

/// Checks logs during which the database went back to an earlier copy. Messages acknowledged between the
/// copy and the return (from `gone.0` to `gone.1`) may be missing, because no server can bring them back.
/// They are only counted. All other acknowledged messages must be there.
#[must_use]
pub fn check_life_before(
    logs: &[Log],
    stored: &BTreeMap<RoomId, StoredRoom>,
    gone: (Millis, Millis),
) -> (usize, Vec<Violation>) {
    let mut verdict = Verdict::default();
    let mut gone_with_it = 0;
    for log in logs {
        let mut log = log.clone();
        log.acknowledged.retain(|nonce, acknowledged| {
            let is_stored =
                || stored.values().flat_map(|room| room.messages.values()).any(|one| one.nonce == *nonce);
            let may_be_gone = (gone.0..=gone.1).contains(&acknowledged.at);
            gone_with_it += usize::from(may_be_gone && !is_stored());
            !may_be_gone
        });
        check_acknowledged(&log, stored, &mut verdict);
    }
    for (id, room) in stored {
        check_stored(*id, room, &mut verdict);
        check_numbers(*id, room, &mut verdict);
    }
    (gone_with_it, verdict.violations)
}

/// Acknowledged ⇒ stored, under the acknowledged number.
fn check_acknowledged(log: &Log, stored: &BTreeMap<RoomId, StoredRoom>, verdict: &mut Verdict) {
    for (nonce, acknowledged) in &log.acknowledged {
        let Some(written) = log.written.get(nonce) else { continue };
        let Some(room) = stored.get(&written.room) else { continue };
        let found: Vec<Seq> = room
            .messages
            .iter()
            .filter(|(_, message)| message.token == Some(written.token) || message.nonce == *nonce)
            .map(|(seq, _)| *seq)
            .collect();
        let seq = acknowledged.seq.unwrap_or(room.head);
        if found.is_empty() {
            let detail = format!("{} was acknowledged and is not stored", written.token);
            verdict.violations.push(Violation::new(Kind::Lost, &log.name, written.room, seq, detail));
        } else if acknowledged.seq.is_some_and(|seq| !found.contains(&seq)) {
            let detail = format!("{} was acknowledged under another number than {found:?}", written.token);
            verdict.violations.push(Violation::new(Kind::Reordered, &log.name, written.room, seq, detail));
        }
    }
}

/// No message twice, and each author's messages in the order of writing.
fn check_stored(id: RoomId, room: &StoredRoom, verdict: &mut Verdict) {
    let mut nonces: HashMap<(UserId, Nonce), Seq> = HashMap::new();
    let mut tokens: HashMap<Token, Seq> = HashMap::new();
    let mut last: HashMap<UserId, (u32, Seq)> = HashMap::new();
    for (seq, message) in &room.messages {
        if let Some(first) = nonces.insert((message.author, message.nonce), *seq) {
            let detail = format!("the nonce of number {first} again");
            verdict.violations.push(Violation::new(Kind::Doubled, "the database", id, *seq, detail));
        }
        let Some(token) = message.token else { continue };
        if let Some(first) = tokens.insert(token, *seq) {
            let detail = format!("{token} is number {first} too");
            verdict.violations.push(Violation::new(Kind::Doubled, "the database", id, *seq, detail));
            continue;
        }
        if token.is_scheduled() {
            continue;
        }
        if let Some((count, before)) = last.insert(message.author, (token.count(), *seq))
            && count > token.count()
        {
            let detail = format!("{token} was written before what is number {before}");
            verdict.violations.push(Violation::new(Kind::Reordered, "the database", id, *seq, detail));
        }
    }
}

/// Stored ⇒ shown, once, in numeric order.
fn check_shown(
    log: &Log,
    id: RoomId,
    room: &StoredRoom,
    written_at: &HashMap<Token, i64>,
    verdict: &mut Verdict,
) {
    let nothing = Vec::new();
    let entries = log.shown.get(&id).unwrap_or(&nothing);
    let mut seen: BTreeMap<Seq, Option<Token>> = BTreeMap::new();
    let mut tokens: HashMap<Token, Seq> = HashMap::new();
    let mut skipped: BTreeSet<Seq> = BTreeSet::new();
    let mut last = room.base;
    // The messages of a newly opened room may be old, so their delay means nothing.
    let mut opened = Seq::ZERO;
    for entry in entries {
        match *entry {
            Shown::Afresh { from, through } => {
                skipped.extend(room.messages.keys().take_while(|seq| **seq < from));
                last = last.min(through).min(Seq(from.0 - 1));
                opened = through;
            }
            Shown::Late { seq, token } => {
                seen.insert(seq, token);
            }
            Shown::Message { seq, token, at } => {
                if seq <= last {
                    let detail = format!("appeared after number {last}");
                    verdict.violations.push(Violation::new(Kind::Reordered, &log.name, id, seq, detail));
                }
                last = seq;
                seen.insert(seq, token);
                let Some(token) = token else { continue };
                if tokens.insert(token, seq).is_some_and(|first| first != seq) {
                    let detail = format!("{token} was shown under another number already");
                    verdict.violations.push(Violation::new(Kind::Doubled, &log.name, id, seq, detail));
                }
                if let Some(written) = written_at.get(&token).filter(|_| seq > opened) {
                    verdict.worst_delay_ms = verdict.worst_delay_ms.max(at - written);
                }
            }
        }
    }
    for (seq, message) in &room.messages {
        match seen.get(seq) {
            Some(token) if token.is_none() || message.token.is_none() || *token == message.token => {}
            Some(_) => {
                let detail = "another message was shown in its place";
                verdict.violations.push(Violation::new(Kind::Lost, &log.name, id, *seq, detail));
            }
            None if skipped.contains(seq) => verdict.left_to_history += 1,
            None => {
                let detail = "is stored and was never shown";
                verdict.violations.push(Violation::new(Kind::Lost, &log.name, id, *seq, detail));
            }
        }
    }
    for seq in seen.keys().filter(|seq| **seq > room.base && !room.messages.contains_key(seq)) {
        let detail = "was shown and is not stored";
        verdict.violations.push(Violation::new(Kind::Doubled, &log.name, id, *seq, detail));
    }
}

/// Each number belongs to exactly one change.
fn check_numbers(id: RoomId, room: &StoredRoom, verdict: &mut Verdict) {
    let mut seq = room.base.next();
    while seq <= room.head {
        let count = room.numbers.get(&seq).copied().unwrap_or_default();
        if count != 1 {
            let detail = format!("belongs to {count} changes");
            verdict.violations.push(Violation::new(Kind::Hole, "the database", id, seq, detail));
        }
        seq = seq.next();
    }
    for seq in room.numbers.keys().filter(|seq| **seq > room.head) {
        let detail = format!("lies beyond the room's last, {}", room.head);
        verdict.violations.push(Violation::new(Kind::Hole, "the database", id, *seq, detail));
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::log::{Acknowledged, Written};

    const ROOM: RoomId = RoomId(Uuid::from_u128(7));
    const ANA: UserId = UserId(Uuid::from_u128(1));

    fn nonce(n: u32) -> Nonce {
        Nonce(Uuid::from_u128(u128::from(n)))
    }

    /// Ana writes three messages, numbers 4 to 6, and Bea sees them.
    fn story() -> (Vec<Log>, BTreeMap<RoomId, StoredRoom>) {
        let mut logs = vec![Log::of("ana"), Log::of("bea")];
        let mut room =
            StoredRoom { base: Seq(3), head: Seq(6), members: vec![0, 1], ..StoredRoom::default() };
        for n in 1..=3 {
            let (token, seq) = (Token::new(0, n), Seq(3 + i64::from(n)));
            logs[0]
                .written
                .insert(nonce(n), Written { room: ROOM, token, at: i64::from(n) * 100, file: None });
            logs[0].acknowledged.insert(nonce(n), Acknowledged { seq: Some(seq), at: 0 });
            let message = StoredMessage { author: ANA, nonce: nonce(n), token: Some(token) };
            room.numbers.insert(seq, 1);
            room.messages.insert(seq, message);
            for log in &mut logs {
                let shown = Shown::Message { seq, token: Some(token), at: i64::from(n) * 100 + 20 };
                log.shown.entry(ROOM).or_default().push(shown);
            }
        }
        (logs, BTreeMap::from([(ROOM, room)]))
    }

    fn kinds(logs: &[Log], stored: &BTreeMap<RoomId, StoredRoom>) -> Vec<(Kind, String, i64)> {
        let violations = check(logs, stored).violations;
        violations.into_iter().map(|v| (v.kind, v.who, v.seq.unwrap_or_default().0)).collect()
    }

    #[test]
    fn what_went_well_is_counted() {
        let (logs, stored) = story();
        let verdict = check(&logs, &stored);
        assert_eq!(verdict.violations, []);
        assert_eq!((verdict.sends, verdict.acknowledged, verdict.worst_delay_ms), (3, 3, 20));
    }

    /// It appears below messages that were written after it, but it must appear exactly once.
    #[test]
    fn a_scheduled_message_is_found_lost_and_twice_and_may_come_late() {
        let (mut logs, mut stored) = story();
        let (token, later) = (Token::scheduled(0, 1), nonce(9));
        logs[0].written.insert(later, Written { room: ROOM, token, at: 250, file: None });
        logs[0].acknowledged.insert(later, Acknowledged { seq: None, at: 0 });
        assert_eq!(kinds(&logs, &stored), [(Kind::Lost, "ana".to_owned(), 6)]);
        let mut send = |logs: &mut [Log], seq, with| {
            let room = stored.get_mut(&ROOM).unwrap();
            room.messages.insert(Seq(seq), StoredMessage { author: ANA, nonce: with, token: Some(token) });
            room.numbers.insert(Seq(seq), 1);
            room.head = Seq(seq);
            for log in logs.iter_mut() {
                let shown = Shown::Message { seq: Seq(seq), token: Some(token), at: 260 };
                log.shown.get_mut(&ROOM).unwrap().push(shown);
            }
            kinds(logs, &stored)
        };
        assert_eq!(send(&mut logs, 7, later), []);
        let again = send(&mut logs, 8, nonce(10));
        assert!(again.contains(&(Kind::Doubled, "the database".to_owned(), 8)), "{again:?}");
    }

    #[test]
    fn a_loss_is_found() {
        let (mut logs, stored) = story();
        logs[1].shown.get_mut(&ROOM).unwrap().remove(1);
        assert_eq!(kinds(&logs, &stored), [(Kind::Lost, "bea".to_owned(), 5)]);
    }

    #[test]
    fn what_is_acknowledged_and_not_stored_is_lost() {
        let (logs, mut stored) = story();
        let room = stored.get_mut(&ROOM).unwrap();
        room.messages.remove(&Seq(6));
        room.numbers.remove(&Seq(6));
        let found = kinds(&logs, &stored);
        assert!(found.contains(&(Kind::Lost, "ana".to_owned(), 6)), "{found:?}");
        assert!(found.contains(&(Kind::Hole, "the database".to_owned(), 6)), "{found:?}");
        assert!(found.contains(&(Kind::Doubled, "bea".to_owned(), 6)), "shown and not stored: {found:?}");
    }

    #[test]
    fn what_a_screen_shows_and_the_database_does_not_hold_is_a_phantom() {
        let stored = HashMap::from([((ROOM, Seq(4)), nonce(1)), ((ROOM, Seq(5)), nonce(2))]);
        let mut screen = vec![(ROOM, Seq(4), nonce(1)), (ROOM, Seq(5), nonce(2))];
        assert_eq!(phantoms("bea", &screen, &stored), []);
        // A different message under the same number, and a number that is not stored.
        screen[1].2 = nonce(9);
        screen.push((ROOM, Seq(6), nonce(3)));
        let found = phantoms("bea", &screen, &stored);
        let found: Vec<_> = found.iter().map(|one| (one.kind, one.seq.unwrap_or_default().0)).collect();
        assert_eq!(found, [(Kind::Phantom, 5), (Kind::Phantom, 6)]);
    }

    #[test]
    fn what_went_with_the_database_is_no_loss_and_everything_else_is() {
        let (mut logs, mut stored) = story();
        let room = stored.get_mut(&ROOM).unwrap();
        room.messages.clear();
        room.numbers.clear();
        room.head = room.base;
        for (n, at) in [(1, 999), (2, 1_500), (3, 2_001)] {
            logs[0].acknowledged.insert(nonce(n), Acknowledged { seq: None, at });
        }
        let (gone_with_it, found) = check_life_before(&logs, &stored, (1_000, 2_000));
        assert_eq!(gone_with_it, 1);
        let mut details: Vec<_> = found.iter().map(|one| (one.kind, one.detail.as_str())).collect();
        details.sort_unstable();
        let lost = [Token::new(0, 1), Token::new(0, 3)]
            .map(|token| format!("{token} was acknowledged and is not stored"));
        assert_eq!(details, lost.each_ref().map(|detail| (Kind::Lost, detail.as_str())));
    }

    #[test]
    fn a_double_is_found() {
        let (mut logs, mut stored) = story();
        let room = stored.get_mut(&ROOM).unwrap();
        let token = room.messages[&Seq(6)].token;
        let again = StoredMessage { nonce: nonce(99), ..room.messages[&Seq(6)] };
        room.numbers.insert(Seq(7), 1);
        room.messages.insert(Seq(7), again);
        room.head = Seq(7);
        for log in &mut logs {
            log.shown.get_mut(&ROOM).unwrap().push(Shown::Message { seq: Seq(7), token, at: 400 });
        }
        let doubled = |who: &str| (Kind::Doubled, who.to_owned(), 7);
        assert_eq!(kinds(&logs, &stored), [doubled("the database"), doubled("ana"), doubled("bea")]);
    }

    #[test]
    fn a_reorder_is_found() {
        let (mut logs, stored) = story();
        logs[1].shown.get_mut(&ROOM).unwrap().swap(0, 1);
        assert_eq!(kinds(&logs, &stored), [(Kind::Reordered, "bea".to_owned(), 4)]);
    }

    #[test]
    fn an_author_overtaken_by_themselves_is_found() {
        let (mut logs, mut stored) = story();
        let messages = &mut stored.get_mut(&ROOM).unwrap().messages;
        let (first, second) = (messages[&Seq(4)], messages[&Seq(5)]);
        messages.insert(Seq(4), second);
        messages.insert(Seq(5), first);
        for log in &mut logs {
            log.shown.clear();
            log.acknowledged.clear();
        }
        stored.get_mut(&ROOM).unwrap().members.clear();
        assert_eq!(kinds(&logs, &stored), [(Kind::Reordered, "the database".to_owned(), 5)]);
    }

    #[test]
    fn a_number_without_a_change_is_found_and_one_with_two() {
        let (logs, mut stored) = story();
        let room = stored.get_mut(&ROOM).unwrap();
        room.head = Seq(8);
        room.numbers.extend([(Seq(8), 2), (Seq(9), 1)]);
        let hole = |seq| (Kind::Hole, "the database".to_owned(), seq);
        assert_eq!(kinds(&logs, &stored), [hole(7), hole(8), hole(9)]);
    }

    #[test]
    fn who_was_far_behind_has_the_rest_as_history() {
        let (mut logs, stored) = story();
        let shown = logs[1].shown.get_mut(&ROOM).unwrap();
        shown.drain(..2);
        shown.insert(0, Shown::Afresh { from: Seq(6), through: Seq(6) });
        let verdict = check(&logs, &stored);
        assert_eq!(verdict.violations, []);
        assert_eq!(verdict.left_to_history, 2);
    }
}

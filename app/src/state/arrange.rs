//! The section and position of each room in the list.
//!
//! Nothing moves under the pointer. While the list is *held*, by a pointer over it or focus in it,
//! each room keeps its place; the new order applies afterwards. The open room stays in its section
//! until another one is opened.

use client::{SortedMap, sort_by};
use protocol::{ListSection, RoomId};

/// A room's place in the list.
pub type Place = (ListSection, RoomId);

/// A room to arrange. Entries are sorted by activity, latest first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) room: RoomId,
    /// The section for its kind.
    pub(super) own: ListSection,
    pub(super) unread: bool,
}

/// Rearranges the list.
pub(super) fn arrange(before: &[Place], now: &[Entry], open: Option<RoomId>, held: bool) -> Vec<Place> {
    let mut places = SortedMap::new();
    places.extend(before.iter().enumerate().map(|(n, (_, room))| (*room, n)));
    let section = |entry: &Entry| match places.get(&entry.room) {
        Some(n) if held || open == Some(entry.room) => before[*n].0,
        _ if entry.unread && open != Some(entry.room) => ListSection::Unread,
        _ => entry.own,
    };
    let mut all: Vec<Place> = now.iter().map(|entry| (section(entry), entry.room)).collect();
    if held {
        // Keeps the order of those already listed; new ones follow.
        let place = |entry: &Place| places.get(&entry.1).copied().unwrap_or(usize::MAX);
        sort_by(&mut all, |a, b| place(a).cmp(&place(b)));
    }
    let rank = |entry: &Place| ListSection::ALL.iter().position(|section| *section == entry.0);
    sort_by(&mut all, |a, b| rank(a).cmp(&rank(b)));
    all
}

#[cfg(test)]
mod tests {
    use ListSection::{Channels, Direct, Unread};
    use protocol::{ListSection, RoomId};
    use uuid::Uuid;

    use super::{Entry, Place, arrange};

    fn room(n: u128) -> RoomId {
        RoomId(Uuid::from_u128(n))
    }

    fn entry(n: u128, own: ListSection, unread: bool) -> Entry {
        Entry { room: room(n), own, unread }
    }

    fn shown(places: &[Place]) -> Vec<(ListSection, u128)> {
        places.iter().map(|(section, room)| (*section, room.0.as_u128())).collect()
    }

    #[test]
    fn unread_first_but_the_open_room_stays() {
        let list = [entry(1, Direct, false), entry(2, Channels, true), entry(3, Channels, false)];
        let first = arrange(&[], &list, None, false);
        assert_eq!(shown(&first), [(Unread, 2), (Channels, 3), (Direct, 1)]);
        // It is opened, and so it is read.
        let list = [entry(1, Direct, false), entry(2, Channels, false), entry(3, Channels, false)];
        let opened = arrange(&first, &list, Some(room(2)), false);
        assert_eq!(opened, first);
        let left = arrange(&opened, &list, Some(room(3)), false);
        assert_eq!(shown(&left), [(Channels, 2), (Channels, 3), (Direct, 1)]);
        // A message in the open room moves nothing to another section.
        let list = [entry(3, Channels, true), entry(1, Direct, false), entry(2, Channels, false)];
        assert_eq!(
            shown(&arrange(&left, &list, Some(room(3)), false)),
            [(Channels, 3), (Channels, 2), (Direct, 1)]
        );
    }

    #[test]
    fn what_is_held_does_not_move() {
        let list = [entry(1, Channels, false), entry(2, Channels, false), entry(3, Direct, false)];
        let first = arrange(&[], &list, None, false);
        // Messages in 2 and 3, one new room, one room gone.
        let list = [
            entry(3, Direct, true),
            entry(4, Channels, false),
            entry(2, Channels, true),
            entry(1, Channels, false),
        ];
        assert_eq!(
            shown(&arrange(&first, &list, None, true)),
            [(Channels, 1), (Channels, 2), (Channels, 4), (Direct, 3)]
        );
        assert_eq!(shown(&arrange(&first, &list[..2], None, true)), [(Channels, 4), (Direct, 3)]);
        assert_eq!(
            shown(&arrange(&first, &list, None, false)),
            [(Unread, 3), (Unread, 2), (Channels, 4), (Channels, 1)]
        );
    }
}

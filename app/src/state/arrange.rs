//! Where each room stands in the list: in which section, and at which place.
//!
//! Nothing moves under the pointer: while the list is *held*, by a pointer over it or the keyboard in it, each room keeps its
//! place, and the new order comes afterwards. The open room stays in its section until another one is opened.

use client::{SortedMap, sort_by_key};
use protocol::{ListSection, RoomId};

/// A room as it stands in the list.
pub type Place = (ListSection, RoomId);

/// A room of the list, the last active first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) room: RoomId,
    /// By what it is.
    pub(super) own: ListSection,
    pub(super) unread: bool,
}

/// Arranges the list anew.
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
        // Those that are there as they are; after them the others.
        sort_by_key(&mut all, |(_, room)| places.get(room).copied().unwrap_or(usize::MAX));
    }
    sort_by_key(&mut all, |(section, _)| ListSection::ALL.iter().position(|one| one == section));
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
        // It is opened, and so read.
        let list = [entry(1, Direct, false), entry(2, Channels, false), entry(3, Channels, false)];
        let opened = arrange(&first, &list, Some(room(2)), false);
        assert_eq!(opened, first);
        let left = arrange(&opened, &list, Some(room(3)), false);
        assert_eq!(shown(&left), [(Channels, 2), (Channels, 3), (Direct, 1)]);
        // Where one is already, a message moves nothing to another section.
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
        // A message in 2 and 3, a room more, and one less.
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

//! Tags: lexemes that say something about a message other than its words.
//!
//! They lie in the same index as the words, so that «a rare author and a common word» costs as little as the rarer of the two.
//! Each begins with a sign that no word contains.

use protocol::UserId;
use uuid::Uuid;

/// It contains a link.
pub const LINK: &str = "!link";
/// It has a file.
pub const FILE: &str = "!file";
/// It has a picture.
pub const IMAGE: &str = "!image";
/// It is a reply in a thread.
pub const THREAD: &str = "!thread";
/// It mentions everyone.
pub const EVERYONE: &str = ">*";

/// It is in this room.
#[must_use]
pub fn room(id: Uuid) -> String {
    tag('#', id)
}

/// It is by this person.
#[must_use]
pub fn author(user: UserId) -> String {
    tag('@', user.0)
}

/// It mentions this person or group.
#[must_use]
pub fn mentioned(user: UserId) -> String {
    tag('>', user.0)
}

/// The low 60 bits of an id are random, so ten characters tell ids apart. Whether the viewer may read a room is never decided by
/// its tag.
fn tag(sign: char, id: Uuid) -> String {
    const DIGITS: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    let mut rest = id.as_u128();
    let mut tag = String::with_capacity(11);
    tag.push(sign);
    for _ in 0..10 {
        tag.push(char::from(DIGITS[(rest & 63) as usize]));
        rest >>= 6;
    }
    tag
}
